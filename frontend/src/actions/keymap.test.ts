import { describe, expect, it } from "vitest";

import { chordsOf, DEFAULT_KEYS, isComposing, type KeyPress } from "./keymap";

const NOTHING_HELD = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };

function press(key: string, code: string, held: Partial<KeyPress> = {}): string[] {
  return chordsOf({ key, code, ...NOTHING_HELD, ...held });
}

const characters = (text: string) => Array.from(text);

/** Unshifted characters of the digit row 1 to 9 and 0. */
const DIGIT_ROWS: Record<string, readonly string[]> = {
  QWERTY: characters("1234567890"),
  AZERTY: characters("&é\"'(-è_çà"),
  Belgian: characters("&é\"'(§è!çà"),
  Czech: characters("+ěščřžýáíé"),
  Slovak: characters("+ľščťžýáíé"),
  Hungarian: characters("1234567890"),
  Lithuanian: characters("ąčęėįšųū90"),
  Bépo: characters('"«»()@+-/*'),
  Vietnamese: ["ă", "â", "ê", "ô", "\u0300", "\u0309", "\u0303", "\u0301", "\u0323", "đ"],
  "Kana (Japanese)": characters("ぬふあうえおやゆよわ"),
  Thai: characters("ๅ/-ภถุึคตจ"),
  "Arabic-Indic": characters("١٢٣٤٥٦٧٨٩٠"),
  Persian: characters("۱۲۳۴۵۶۷۸۹۰"),
  Devanagari: characters("१२३४५६७८९०"),
  "full width": characters("１２３４５６７８９０"),
};

describe.each(Object.entries(DIGIT_ROWS))("the digit row of %s", (_, row) => {
  it("chooses the label of the physical digit", () => {
    row.forEach((key, place) => {
      const digit = String((place + 1) % 10);
      expect(press(key, `Digit${digit}`)[0], key).toBe(digit);
    });
  });
});

it("takes Shift and a digit as the digit where the layout needs Shift for it, after any action with Shift", () => {
  expect(press("1", "Digit1", { shiftKey: true })).toEqual(["shift+1", "1"]);
  expect(press("!", "Digit1", { shiftKey: true })).toEqual(["shift+1", "!"]);
});

it("tries the sign on the digit row where no action has the digit", () => {
  expect(press("-", "Digit6")).toEqual(["6", "-"]);
  expect(press("=", "Digit0", { shiftKey: true })).toEqual(["shift+0", "="]);
  expect(press("?", "Digit7", { shiftKey: true })).toContain("?");
});

it("takes the number pad as digits only while it types them", () => {
  expect(press("1", "Numpad1")).toEqual(["1"]);
  expect(press("٣", "Numpad3")[0]).toBe("3");
  expect(press("ArrowLeft", "Numpad4")).toEqual(["arrowleft"]);
  expect(press("-", "NumpadSubtract")).toEqual(["-"]);
});

/** What the keys at the US places of these letters type. */
const SCRIPTS: Record<string, Record<string, string>> = {
  Russian: {
    a: "ф",
    s: "ы",
    d: "в",
    r: "к",
    g: "п",
    n: "т",
    u: "г",
    v: "м",
    h: "р",
    e: "у",
    p: "з",
    f: "а",
    b: "и",
    x: "ч",
    t: "е",
    m: "ь",
    k: "л",
    l: "д",
  },
  Ukrainian: { a: "ф", s: "і", d: "в", r: "к", g: "п", n: "т", u: "г" },
  Bulgarian: { a: "ь", s: "я", d: "а", r: "и", g: "ж", n: "т", u: "к" },
  Greek: { a: "α", s: "σ", d: "δ", r: "ρ", g: "γ", n: "ν", u: "θ", v: "ω", h: "η" },
  Hebrew: { a: "ש", s: "ד", d: "ג", r: "ר", g: "ע", n: "מ", u: "ו", v: "ה", h: "י" },
  Arabic: { a: "ش", s: "س", d: "ي", r: "ق", g: "ل", n: "ى", u: "ع", b: "لا" },
  "Kana (Japanese)": { a: "ち", s: "と", d: "し", r: "す", g: "き", n: "み", u: "な" },
  Korean: { a: "ㅁ", s: "ㄴ", d: "ㅇ", r: "ㄱ", g: "ㅎ", n: "ㅜ", u: "ㅕ" },
  Zhuyin: { a: "ㄇ", s: "ㄋ", d: "ㄎ", r: "ㄐ", g: "ㄕ", n: "ㄙ", u: "ㄧ" },
  Thai: { a: "ฟ", s: "ห", d: "ก", r: "พ", g: "เ", n: "ื", u: "ี", h: "้" },
  Devanagari: { a: "ो", s: "े", d: "्", r: "ी", g: "ु", n: "ल", u: "ह" },
  Georgian: { a: "ა", s: "ს", d: "დ", r: "რ", g: "გ", n: "ნ", u: "უ" },
  Armenian: { a: "ա", s: "ս", d: "դ", r: "ր", g: "գ", n: "ն", u: "ւ" },
};

describe.each(Object.entries(SCRIPTS))("a keyboard in %s", (_, letters) => {
  it("starts every action by the physical letter, with each modifier", () => {
    for (const [letter, typed] of Object.entries(letters)) {
      const code = `Key${letter.toUpperCase()}`;
      expect(press(typed, code)[0], typed).toBe(letter);
      expect(press(typed, code, { shiftKey: true })[0], typed).toBe(`shift+${letter}`);
      expect(press(typed, code, { ctrlKey: true })[0], typed).toBe(`mod+${letter}`);
      expect(press(typed, code, { metaKey: true, shiftKey: true })[0], typed).toBe(`mod+shift+${letter}`);
    }
  });
});

it("takes signs of another script by the physical key", () => {
  expect(press("б", "Comma")[0]).toBe(",");
  expect(press("ю", "Period")[0]).toBe(".");
  expect(press("؟", "Slash", { shiftKey: true })[0]).toBe("?");
  expect(press("ほ", "Minus")[0]).toBe("-");
  expect(press("。", "Period")[0]).toBe(".");
  expect(press("，", "Comma")[0]).toBe(",");
  expect(press("？", "Slash", { shiftKey: true })[0]).toBe("?");
});

/** Latin layouts: what is printed on the key counts, not its place. */
const BY_LABEL = [
  ["AZERTY", "a", "KeyQ"],
  ["AZERTY", "z", "KeyW"],
  ["AZERTY", "q", "KeyA"],
  ["AZERTY", "w", "KeyZ"],
  ["AZERTY", "m", "Semicolon"],
  ["AZERTY", ",", "KeyM"],
  ["QWERTZ", "z", "KeyY"],
  ["QWERTZ", "y", "KeyZ"],
  ["Dvorak", "s", "Semicolon"],
  ["Dvorak", "r", "KeyO"],
  ["Dvorak", ";", "KeyZ"],
  ["Colemak", "r", "KeyS"],
  ["Turkish F", "ğ", "KeyE"],
  ["Bépo", "é", "KeyW"],
  ["full width", "ａ", "KeyA"],
] as const;

it.each(BY_LABEL)("takes the letter as labelled on %s: %s at %s", (_, key, code) => {
  const half = key.normalize("NFKC");
  expect(press(key, code)).toEqual([half]);
  expect(press(key.toUpperCase(), code)).toEqual([half]);
  expect(press(key, code, { ctrlKey: true })).toEqual([`mod+${half}`]);
});

it("takes Alt by the typed letter, and by the place where Alt turns it into a sign", () => {
  expect(press("z", "KeyW", { altKey: true })).toEqual(["alt+z"]);
  expect(press("å", "KeyA", { altKey: true })[0]).toBe("alt+a");
  expect(press("Dead", "KeyE", { altKey: true })[0]).toBe("alt+e");
  expect(press("¡", "Digit1", { altKey: true })[0]).toBe("alt+1");
  expect(press("&", "Digit1", { altKey: true })[0]).toBe("alt+1");
});

it("takes AltGr as a way to type a sign, not as Ctrl and Alt", () => {
  const altGraph = { ctrlKey: true, altKey: true, getModifierState: () => true };
  expect(press("@", "Digit2", altGraph)).toEqual(["@"]);
  expect(press("@", "KeyQ", altGraph)).toEqual(["@"]);
});

it("starts nothing while an input method composes or a dead key waits for its letter", () => {
  expect(press("a", "KeyA", { isComposing: true })).toEqual([]);
  expect(press("Process", "KeyA", { keyCode: 229 })).toEqual([]);
  expect(press("1", "Digit1", { keyCode: 229 })).toEqual([]);
  expect(press("Process", "Digit1")).toEqual([]);
  expect(press("Dead", "BracketLeft")).toEqual([]);
  expect(isComposing({ key: "Enter", ...NOTHING_HELD, keyCode: 229 })).toBe(true);
  expect(isComposing({ key: "Enter", ...NOTHING_HELD })).toBe(false);
});

it("reaches every default key on a US keyboard", () => {
  const codes: Record<string, string> = {
    ",": "Comma",
    ".": "Period",
    "-": "Minus",
    "=": "Equal",
    "+": "Equal",
    "?": "Slash",
    space: "Space",
  };
  for (const chord of Object.values(DEFAULT_KEYS).flat()) {
    const parts = chord === "+" ? ["+"] : chord.split("+");
    const key = parts.at(-1) ?? "";
    const code = codes[key] ?? (/^\d$/.test(key) ? `Digit${key}` : key.length === 1 ? `Key${key.toUpperCase()}` : key);
    const held = {
      ctrlKey: parts.includes("mod"),
      altKey: parts.includes("alt"),
      shiftKey: parts.includes("shift") || key === "+" || key === "?",
    };
    expect(press(key === "space" ? " " : key, code, held), chord).toContain(chord);
  }
});
