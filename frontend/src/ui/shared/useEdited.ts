import { useState } from "react";

export interface Edited<T> {
  /** What the field shows. */
  readonly value: T;
  readonly write: (value: T) => void;
  /** Whether the user has edited the value: only then is it sent. */
  readonly isEdited: boolean;
  /** What the field showed when the person began to write: the server refuses to overwrite anything else. */
  readonly seen: T;
  /** Note that the person was told which value stands now. */
  readonly tell: () => void;
  readonly reset: () => void;
}

interface Draft<T> {
  readonly value: T;
  readonly seen: T;
  readonly isTold: boolean;
}

/** A field that follows a value as others change it, until the person writes into it. */
export function useEdited<T>(value: T): Edited<T> {
  const [draft, setDraft] = useState<Draft<T> | null>(null);
  return {
    value: draft ? draft.value : value,
    write: (written) =>
      setDraft((old) => ({ value: written, seen: old ? old.seen : value, isTold: old?.isTold ?? false })),
    isEdited: draft !== null && draft.value !== value,
    seen: draft && !draft.isTold ? draft.seen : value,
    tell: () => setDraft((old) => (old ? { ...old, isTold: true } : null)),
    reset: () => setDraft(null),
  };
}
