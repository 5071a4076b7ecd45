import { TextInput } from "@mantine/core";
import { useEffect, useRef, useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { Change, Item } from "@/core/annotations";
import { updateItem } from "@/core/edits";

interface Props {
  item: Item;
  disabled: boolean;
  onCommit: (changes: readonly Change[]) => void;
}

/**
 * The note of one annotation. A change starts from the version at which the person began to write, so that a note
 * which a colleague saved meanwhile is asked about and not overwritten.
 */
export function NoteField({ item, disabled, onCommit }: Props): ReactElement {
  const { t } = useTranslation("viewer");
  const [draft, setDraft] = useState<{ from: Item; note: string } | null>(null);
  const finish = () => {
    if (draft) onCommit(updateItem(draft.from, { note: draft.note }));
    setDraft(null);
  };
  const latest = useRef(finish);
  useEffect(() => {
    latest.current = finish;
  });
  // A click on another shape takes the field away before it loses the focus.
  useEffect(() => () => latest.current(), []);
  return (
    <TextInput
      size="xs"
      placeholder={t("note")}
      aria-label={t("note")}
      value={draft?.note ?? item.note}
      disabled={disabled}
      onChange={(event) => setDraft({ from: draft?.from ?? item, note: event.currentTarget.value })}
      onBlur={finish}
    />
  );
}
