/** The default key map: keys of every action, unless the user has chosen others. */

/** User overrides by action id; an empty list means no key. */
export type KeyMap = Record<string, string[]>;

export const DEFAULT_KEYS: KeyMap = {
  "tool.select": ["v"],
  "tool.pan": ["h"],
  "tool.rectangle": ["r"],
  "tool.ellipse": ["e"],
  "tool.polygon": ["p"],
  "tool.freehand": ["f"],
  "tool.brush": ["b"],
  "tool.eraser": ["x"],
  "tool.point": ["t"],
  "tool.ruler": ["m"],
  "tool.split": ["k"],
  "tool.region": ["g"],
  "tool.lasso": ["l"],
  "edit.undo": ["mod+z"],
  "edit.redo": ["mod+shift+z", "mod+y"],
  "edit.delete": ["delete", "backspace"],
  "edit.merge": ["shift+m"],
  "edit.subtract": ["shift+d"],
  "edit.simplify": ["shift+l"],
  "edit.selectAll": ["mod+a"],
  "edit.copy": ["mod+c"],
  "edit.cut": ["mod+x"],
  "edit.paste": ["mod+v"],
  "edit.keepCopy": ["shift+k"],
  "edit.save": ["mod+s"],
  "label.1": ["1"],
  "label.2": ["2"],
  "label.3": ["3"],
  "label.4": ["4"],
  "label.5": ["5"],
  "label.6": ["6"],
  "label.7": ["7"],
  "label.8": ["8"],
  "label.9": ["9"],
  "layers.annotations": ["a"],
  "layers.suggestions": ["s"],
  "layers.heatMap": ["shift+h"],
  "view.next": ["n"],
  "view.previous": ["shift+n"],
  "view.fit": ["0"],
  "view.zoomIn": ["+", "="],
  "view.zoomOut": ["-"],
  "view.zoom1": ["alt+1"],
  "view.zoom2": ["alt+2"],
  "view.zoom5": ["alt+3"],
  "view.zoom10": ["alt+4"],
  "view.zoom20": ["alt+5"],
  "view.zoom40": ["alt+6"],
  "view.rotateLeft": [","],
  "view.rotateRight": ["."],
  "view.panLeft": ["arrowleft"],
  "view.panRight": ["arrowright"],
  "view.panUp": ["arrowup"],
  "view.panDown": ["arrowdown"],
  "view.panLeftFast": ["shift+arrowleft"],
  "view.panRightFast": ["shift+arrowright"],
  "view.panUpFast": ["shift+arrowup"],
  "view.panDownFast": ["shift+arrowdown"],
  "view.fullScreen": ["shift+f"],
  "view.developer": ["shift+p"],
  "loop.paint": ["shift+b"],
  "loop.review": ["shift+r"],
  "app.palette": ["mod+k"],
  "app.help": ["?"],
  "review.accept": ["a", "space"],
  "review.reject": ["r"],
  "review.redraw": ["d"],
  "review.skip": ["s"],
  "review.undo": ["u", "mod+z"],
  "review.next": ["arrowright", "arrowdown"],
  "review.previous": ["arrowleft", "arrowup"],
  "review.toggleView": ["g"],
};

export interface KeyPress {
  /** Character or name that the layout gives to the key. */
  key: string;
  /** Name of the physical key, by its place on a US keyboard. */
  code?: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
  /** True while an input method composes a character. */
  isComposing?: boolean;
  /** 229 for a key that an input method has taken. */
  keyCode?: number;
  getModifierState?(name: "AltGraph"): boolean;
}

/** Characters of a US keyboard for the keys that type signs, with Shift second. */
const US_SIGNS: Record<string, readonly [string, string]> = {
  Comma: [",", "<"],
  Period: [".", ">"],
  Slash: ["/", "?"],
  Minus: ["-", "_"],
  Equal: ["=", "+"],
  Semicolon: [";", ":"],
  Quote: ["'", '"'],
  BracketLeft: ["[", "{"],
  BracketRight: ["]", "}"],
  Backslash: ["\\", "|"],
  Backquote: ["`", "~"],
};
const INPUT_METHOD = 229;
const NOT_A_CHARACTER = ["Process", "Unidentified", "Dead"];
/** Latin letters, and the digits and signs that all scripts share. */
const LATIN_OR_SHARED = /^[\p{scx=Latin}\p{scx=Common}\p{scx=Inherited}]*$/u;

/** True for a key press that belongs to an input method and starts no action. */
export function isComposing(press: KeyPress): boolean {
  return press.isComposing === true || press.keyCode === INPUT_METHOD || press.key === "Process";
}

/** The character that the layout types, in lower case and half width; empty when the press types none. */
function typedKey({ key }: KeyPress): string {
  if (NOT_A_CHARACTER.includes(key)) return "";
  return key === " " ? "space" : key.normalize("NFKC").toLowerCase();
}

/** The character that the key has on a US keyboard; empty for keys that are alike on all keyboards. */
function physicalKey({ code = "", shiftKey }: KeyPress): string {
  return /^Key([A-Z])$/.exec(code)?.[1]?.toLowerCase() ?? US_SIGNS[code]?.[shiftKey ? 1 : 0] ?? "";
}

function digitOf({ key, code = "", altKey, shiftKey }: KeyPress): string {
  if (code.startsWith("Digit")) return code.slice("Digit".length);
  // Without NumLock the number pad moves the cursor.
  const isDigit = altKey || shiftKey || /^\p{Nd}$/u.test(key);
  return (isDigit && /^Numpad(\d)$/.exec(code)?.[1]) || "";
}

/** The keys that a press may stand for, the likeliest first. */
function keysPressed(press: KeyPress): string[] {
  const typed = typedKey(press);
  if (press.getModifierState?.("AltGraph") === true) return [typed];
  const digit = digitOf(press);
  if (digit !== "") return [digit, typed];
  const physical = physicalKey(press);
  if (!LATIN_OR_SHARED.test(typed)) return [physical, typed];
  if (!press.altKey || /^[a-z]$/.test(typed)) return [typed];
  // Option on a Mac turns letters into signs.
  return /^[!-~]+$/.test(typed) ? [typed, physical] : [physical, typed];
}

/** Write a chord; Shift is left out for a sign, which another layout types without it. */
function writeChord(key: string, press: KeyPress): string {
  const isAltGraph = press.getModifierState?.("AltGraph") === true;
  const isSign = key.length === 1 && !/[\p{Nd}\p{L}\p{M}]/u.test(key);
  return [
    ...(!isAltGraph && (press.ctrlKey || press.metaKey) ? ["mod"] : []),
    ...(!isAltGraph && press.altKey ? ["alt"] : []),
    ...(press.shiftKey && !isSign ? ["shift"] : []),
    key,
  ].join("+");
}

/**
 * List the chords of a key press, such as `mod+shift+z`, the likeliest first; empty while an input method composes.
 *
 * Latin letters and signs are taken as typed, so that Ctrl+Z is the key labelled Z on AZERTY, QWERTZ and Dvorak. The
 * digit row counts as digits whatever it types (`&` on AZERTY), and a key that types another script (Cyrillic,
 * Greek, Hebrew, kana) counts as the key in its place on a US keyboard.
 */
export function chordsOf(press: KeyPress): string[] {
  if (isComposing(press)) return [];
  const keys = keysPressed(press).filter((key) => key !== "");
  const chords = keys.map((key) => writeChord(key, press));
  // A layout may need Shift for its digits: without a use of its own, Shift and 1 is 1.
  const typed = typedKey(press);
  if (press.shiftKey && /^\d$/.test(typed)) chords.push(writeChord(typed, { ...press, shiftKey: false }));
  return [...new Set(chords)];
}

/** The keys of an action for a person with these overrides. */
export function keysOf(id: string, overrides: KeyMap = {}, fallback: readonly string[] = []): string[] {
  return overrides[id] ?? DEFAULT_KEYS[id] ?? [...fallback];
}

const SHOWN: Record<string, string> = {
  mod: "Ctrl",
  alt: "Alt",
  shift: "Shift",
  space: "Space",
  delete: "Del",
  backspace: "⌫",
  arrowleft: "←",
  arrowright: "→",
  arrowup: "↑",
  arrowdown: "↓",
  escape: "Esc",
  enter: "Enter",
};

/** A chord as people read it: `Ctrl+Shift+Z`. */
export function showChord(chord: string): string {
  if (chord === "+") return "+";
  return chord
    .split("+")
    .map((part) => SHOWN[part] ?? part.toUpperCase())
    .join("+");
}

/** Action ids of one scope that share a chord, so that a settings page can warn. */
export function conflicts(ids: readonly string[], overrides: KeyMap = {}): Map<string, string[]> {
  const users = new Map<string, string[]>();
  for (const id of ids) {
    for (const chord of keysOf(id, overrides)) users.set(chord, [...(users.get(chord) ?? []), id]);
  }
  return new Map([...users].filter(([, sharing]) => sharing.length > 1));
}
