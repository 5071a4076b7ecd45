import { ActionIcon, Kbd, Stack, Text } from "@mantine/core";
import { IconEye, IconEyeOff } from "@tabler/icons-react";
import { useMemo, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { Snapshot } from "@/core/annotations";
import { useAcceptedLabels } from "@/sync/queries/queries";
import type { Label } from "@/sync/types";
import { useFormat } from "../../shared/format";
import classes from "../Viewer.module.css";

interface Props {
  slideId: string;
  labels: readonly Label[];
  items: Snapshot;
  /** Counts of the whole slide, where not all annotations are here. */
  counts: ReadonlyMap<string | null, number> | null;
  active: string | null;
  hidden: ReadonlySet<string>;
  onChoose: (id: string) => void;
  onToggle: (id: string) => void;
}

export function LabelsPanel({
  slideId,
  labels,
  items,
  counts,
  active,
  hidden,
  onChoose,
  onToggle,
}: Props): ReactElement {
  const { t } = useTranslation(["viewer", "drawing"]);
  const format = useFormat();
  const shown = labels.filter((label) => !label.retired_at);
  const here = useMemo(() => {
    const found = new Map<string | null, number>();
    for (const { label_id } of items.values()) found.set(label_id, (found.get(label_id) ?? 0) + 1);
    return found;
  }, [items]);
  const { data: accepted } = useAcceptedLabels(slideId);
  const countText = (id: string) => {
    const drawn = format.number((counts ?? here).get(id) ?? 0);
    const count = accepted?.get(id) ?? 0;
    return count === 0 ? drawn : t("drawing:drawnAndAccepted", { drawn, accepted: format.number(count) });
  };
  if (shown.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {t("noLabels")}
      </Text>
    );
  return (
    <Stack gap={2}>
      {shown.map((label) => (
        <div key={label.id} style={{ display: "flex", alignItems: "center", gap: 4 }}>
          <button
            type="button"
            className={classes.row}
            style={{
              border: 0,
              background: label.id === active ? undefined : "none",
              color: "inherit",
              cursor: "pointer",
            }}
            aria-pressed={label.id === active}
            data-testid={`label-${label.key ?? label.id}`}
            onClick={() => onChoose(label.id)}
          >
            <span className={classes.dot} style={{ background: label.colour }} />
            <span className={classes.truncate}>{label.name}</span>
            <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }} data-testid="label-count">
              {countText(label.id)}
            </Text>
            {label.key !== null && <Kbd size="xs">{label.key}</Kbd>}
          </button>
          <ActionIcon
            size="sm"
            color="gray"
            aria-label={t(hidden.has(label.id) ? "showLabel" : "hideLabel", { name: label.name })}
            onClick={() => onToggle(label.id)}
          >
            {hidden.has(label.id) ? <IconEyeOff size={15} /> : <IconEye size={15} />}
          </ActionIcon>
        </div>
      ))}
    </Stack>
  );
}
