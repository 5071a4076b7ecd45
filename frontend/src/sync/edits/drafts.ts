/**
 * The draft journal: unsaved changes and the undo steps, in IndexedDB; unfinished
 * drawings in localStorage, which has written when the call returns: a page may be gone in the next instant.
 */
import { openDB, type DBSchema, type IDBPDatabase } from "idb";

import type { Item } from "@/core/annotations";
import type { HistoryState } from "@/core/history";
import type { Position } from "@/core/geometry/types";

/** One annotation as it is here; null content is a deletion. Revision 0: the server has never had it. */
export interface Draft {
  id: string;
  item: Item | null;
  baseRevision: number;
}

export interface Journal {
  drafts: Draft[];
  history: HistoryState;
}

/** Unfinished drawings: the corners by tool, the tool used last and its label. */
export interface Sketches {
  paths: Readonly<Record<string, readonly Position[]>>;
  tool: string;
  labelId: string | null;
}

interface Schema extends DBSchema {
  journals: { key: string; value: Journal };
}

export interface DraftJournal {
  read(): Promise<Journal | null>;
  write(journal: Journal): Promise<void>;
}

export interface SketchJournal {
  read(): Sketches | null;
  write(sketches: Sketches): void;
}

let database: Promise<IDBPDatabase<Schema>> | null = null;

function open(): Promise<IDBPDatabase<Schema>> {
  database ??= openDB<Schema>("coverslip", 1, {
    upgrade: (db) => {
      db.createObjectStore("journals");
    },
  });
  return database;
}

/** The journal of one person on one slide: two people at one computer never see each other's drafts. */
export function openJournal(userId: string, slideId: string): DraftJournal {
  const key = `${userId}/${slideId}`;
  return {
    read: async () => withAuthors(await (await open()).get("journals", key), userId),
    write: async (journal) => {
      await (await open()).put("journals", journal, key);
    },
  };
}

/** The unfinished drawings of one person on one slide. */
export function openSketches(
  userId: string,
  slideId: string,
  storage: Pick<Storage, "getItem" | "setItem" | "removeItem">,
): SketchJournal {
  const key = `coverslip.sketches.${userId}/${slideId}`;
  return {
    read: () => {
      const text = storage.getItem(key);
      return text === null ? null : (JSON.parse(text) as Sketches);
    },
    write: (sketches) => {
      if (Object.keys(sketches.paths).length === 0) storage.removeItem(key);
      else storage.setItem(key, JSON.stringify(sketches));
    },
  };
}

/** Journals of an older version name no author: what a person edited was theirs to edit. */
function withAuthors(journal: Journal | undefined, userId: string): Journal | null {
  if (!journal) return null;
  const known = (item: Item | null) => item && { ...item, author_id: (item as Partial<Item>).author_id ?? userId };
  const steps = (commands: HistoryState["done"]) =>
    commands.map((command) => ({
      ...command,
      changes: command.changes.map(({ id, before, after }) => ({ id, before: known(before), after: known(after) })),
    }));
  const { done, undone } = journal.history;
  return {
    drafts: journal.drafts.map((draft) => ({ ...draft, item: known(draft.item) })),
    history: { done: steps(done), undone: steps(undone) },
  };
}
