/** The draft journal in IndexedDB: what is drawn here and not yet known to the server, and the undo steps. */
import { openDB, type DBSchema, type IDBPDatabase } from "idb";

import type { Item } from "@/core/annotations";
import type { HistoryState } from "@/core/history";

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

interface Schema extends DBSchema {
  journals: { key: string; value: Journal };
}

export interface DraftJournal {
  read(): Promise<Journal | null>;
  write(journal: Journal): Promise<void>;
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
    read: async () => (await (await open()).get("journals", key)) ?? null,
    write: async (journal) => {
      await (await open()).put("journals", journal, key);
    },
  };
}
