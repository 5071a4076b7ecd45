/** The clipboard of shapes: the system's where the page may use it, else a store of our own in this browser. */
import { clipboardText, copiedFrom, type Copied } from "@/core/clipboard";

interface Kept {
  text: string;
  /** True when the system's clipboard took the same text: from then on that one decides. */
  onSystem: boolean;
}

const KEY = "coverslip.clipboard";
let memory: Kept | null = null;

function keep(userId: string, kept: Kept): void {
  memory = kept;
  try {
    window.localStorage.setItem(`${KEY}.${userId}`, JSON.stringify(kept));
  } catch {
    // A full store: the shapes can still be pasted on this page and, by the system, elsewhere.
    window.localStorage.removeItem(`${KEY}.${userId}`);
  }
}

function read(userId: string): Kept | null {
  const text = window.localStorage.getItem(`${KEY}.${userId}`);
  return text === null ? memory : (JSON.parse(text) as Kept);
}

/** The system's clipboard; null without a secure connection. */
function systemClipboard(): Clipboard | null {
  return (navigator as { clipboard?: Clipboard }).clipboard ?? null;
}

export async function writeShapes(userId: string, copied: Copied): Promise<void> {
  const text = clipboardText(copied);
  keep(userId, { text, onSystem: false });
  try {
    await systemClipboard()?.writeText(text);
    if (systemClipboard()) keep(userId, { text, onSystem: true });
  } catch {
    // Not allowed: our own store has it.
  }
}

/** Return the shapes that a paste adds; null when the clipboard holds something else, or nothing. */
export async function readShapes(userId: string): Promise<Copied | null> {
  const kept = read(userId);
  const own = kept && copiedFrom(kept.text);
  if (kept && !kept.onSystem) return own;
  try {
    const text = await systemClipboard()?.readText();
    return text === undefined ? own : copiedFrom(text);
  } catch {
    return own;
  }
}
