/** The one key map: what every action answers to, unless the person has chosen otherwise. */

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
  "view.fullScreen": ["shift+f"],
  "view.developer": ["shift+p"],
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
  key: string;
  /** Physical key: Alt and Shift change `key` on many layouts, never `code`. */
  code?: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

function baseKey(press: KeyPress): string {
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(press.code ?? "");
  if (digit?.[1] && (press.altKey || press.shiftKey)) return digit[1];
  if (press.key === " ") return "space";
  const letter = /^Key([A-Z])$/.exec(press.code ?? "");
  if (letter?.[1] && press.altKey) return letter[1].toLowerCase();
  return press.key.toLowerCase();
}

/** The chord of a key press, such as `mod+shift+z`. Shift is not named for signs that need it, such as `?`. */
export function chordOf(press: KeyPress): string {
  const key = baseKey(press);
  const parts: string[] = [];
  if (press.ctrlKey || press.metaKey) parts.push("mod");
  if (press.altKey) parts.push("alt");
  const isSign = key.length === 1 && !/[a-z0-9\p{L}]/u.test(key);
  if (press.shiftKey && !isSign) parts.push("shift");
  parts.push(key);
  return parts.join("+");
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
