import { Button, Center } from "@mantine/core";
import { type MouseEvent, useCallback, useRef } from "react";
import { useTranslation } from "react-i18next";

import type { Label, QueueItem } from "@/sync/types";
import { CropCard } from "./CropCard";
import { type Decisions, keyOf, labelOf } from "./queue";
import classes from "./Review.module.css";

interface GridViewProps {
  readonly items: readonly QueueItem[];
  readonly labels: readonly Label[];
  readonly decisions: Decisions;
  readonly current: QueueItem | null;
  readonly selection: ReadonlySet<string>;
  readonly onGo: (item: QueueItem) => void;
  readonly onSelect: (selection: ReadonlySet<string>) => void;
  readonly onMore: (() => void) | null;
}

/** All items loaded so far. Shift selects a stretch from the current one, Ctrl adds or takes one. */
export function GridView(props: GridViewProps) {
  const { items, labels, decisions, current, selection, onMore } = props;
  const { t } = useTranslation("pages");
  const latest = useRef(props);
  latest.current = props;
  const click = useCallback((item: QueueItem, event: MouseEvent) => {
    const { items: all, current: from, selection: old, onGo, onSelect } = latest.current;
    if (event.shiftKey && from !== null) {
      const ends = [from, item].map((each) => all.findIndex((other) => keyOf(other) === keyOf(each)));
      const stretch = all.slice(Math.min(...ends), Math.max(...ends) + 1);
      onSelect(new Set([...old, ...stretch.map(keyOf)]));
      return;
    }
    if (event.ctrlKey || event.metaKey) {
      const next = new Set(old);
      if (!next.delete(keyOf(item))) next.add(keyOf(item));
      onSelect(next);
      return;
    }
    onSelect(new Set());
    onGo(item);
  }, []);
  return (
    <div className={classes.scroll}>
      <div className={classes.grid}>
        {items.map((item) => {
          const decision = decisions.get(keyOf(item));
          const labelId = decision?.labelId ?? item.current_label_id ?? item.label_id;
          return (
            <CropCard
              key={keyOf(item)}
              item={item}
              label={labelOf(labels, labelId)}
              decision={decision}
              current={current !== null && keyOf(current) === keyOf(item)}
              selected={selection.has(keyOf(item))}
              onClick={click}
            />
          );
        })}
      </div>
      {onMore === null ? null : (
        <Center mt="md">
          <Button variant="default" size="xs" onClick={onMore}>
            {t("common:loadMore")}
          </Button>
        </Center>
      )}
    </div>
  );
}
