import { ActionIcon, Group, SegmentedControl, Select, Stack, Text, TextInput, Tooltip } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import {
  IconLayersSubtract,
  IconLayersUnion,
  IconLock,
  IconSearch,
  IconTrash,
  IconVectorBezier2,
} from "@tabler/icons-react";
import { useMemo, useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { keysOf, showChord, type KeyMap } from "@/actions/keymap";
import { viewerAction, type ViewerContext } from "@/actions/viewerActions";
import type { Item, Snapshot } from "@/core/annotations";
import { relabel, chosen } from "@/core/edits";
import { areaOf, isArea } from "@/core/geometry/measure";
import type { PixelSize } from "@/core/geometry/pixelSize";
import type { Annotation, Label } from "@/sync/types";
import { AnnotationPages } from "./AnnotationPages";
import { AnnotationRow } from "./AnnotationRow";
import { areaText, lengthText } from "../format";
import { NoteField } from "./NoteField";
import { NO_LABEL_COLOUR } from "./useLayers";

interface Props {
  ctx: ViewerContext;
  items: Snapshot;
  selected: readonly string[];
  labels: readonly Label[];
  pixelSize: PixelSize | null;
  keyMap: KeyMap;
  /** Given where the slide has more annotations than are here: the server's list is shown instead. */
  pages: { slideId: string; saved: boolean; take: (annotation: Annotation) => void } | null;
}

/** Rows beyond this are reached by the filter: a list of thousands helps nobody and slows the page. */
const MOST_ROWS = 300;

function sizeText(item: Item, pixelSize: PixelSize | null): string {
  if (item.geometry.type === "Point") return "";
  return isArea(item.geometry) ? areaText(areaOf(item.geometry), pixelSize) : lengthText(item.geometry, pixelSize);
}

export function AnnotationsPanel({ ctx, items, selected, labels, pixelSize, keyMap, pages }: Props): ReactElement {
  const { t } = useTranslation("viewer");
  const [search, setSearch] = useState("");
  const [settled] = useDebouncedValue(search, 300);
  const [order, setOrder] = useState("new");
  const choose = (id: string, shift: boolean) => {
    if (shift) ctx.selection.toggle(id);
    else {
      ctx.selection.set([id]);
      ctx.goToAnnotation(id);
    }
  };
  const byId = useMemo(() => new Map(labels.map((label) => [label.id, label])), [labels]);
  const rows = useMemo(() => {
    if (pages) return [];
    const wanted = search.trim().toLowerCase();
    const text = (item: Item) =>
      `${byId.get(item.label_id ?? "")?.name ?? ""} ${item.shape} ${item.note} ${item.author}`.toLowerCase();
    const found = [...items.values()].filter((item) => text(item).includes(wanted));
    return order === "new" ? found.reverse() : found.sort((a, b) => areaOf(b.geometry) - areaOf(a.geometry));
  }, [items, search, order, byId, pages]);
  if (items.size === 0 && !pages)
    return (
      <Text c="dimmed" size="sm">
        {t("noAnnotations")}
      </Text>
    );
  return (
    <Stack gap="xs">
      <Group gap="xs" wrap="nowrap">
        <TextInput
          size="xs"
          flex={1}
          leftSection={<IconSearch size={14} />}
          placeholder={t("filter")}
          aria-label={t("filter")}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        <SegmentedControl
          size="xs"
          value={order}
          onChange={setOrder}
          data={[
            { value: "new", label: t("newest") },
            { value: "size", label: t("largest") },
          ]}
        />
      </Group>
      <SelectedEditor ctx={ctx} selected={selected} labels={labels} keyMap={keyMap} />
      {pages && (
        <AnnotationPages
          {...pages}
          search={settled}
          order={order}
          labels={labels}
          selected={selected}
          pixelSize={pixelSize}
          mayEdit={(item) => ctx.mayEdit(item)}
          onChoose={(annotation, shift) => {
            pages.take(annotation);
            choose(annotation.id, shift);
          }}
        />
      )}
      <div role="listbox" hidden={pages !== null} aria-label={t("tabAnnotations")} aria-multiselectable>
        {rows.slice(0, MOST_ROWS).map((item) => (
          <AnnotationRow
            key={item.id}
            name={byId.get(item.label_id ?? "")?.name ?? t(`shape.${item.shape}`)}
            colour={byId.get(item.label_id ?? "")?.colour ?? NO_LABEL_COLOUR}
            size={sizeText(item, pixelSize)}
            selected={selected.includes(item.id)}
            lockedBy={ctx.mayEdit(item) ? null : item.author}
            onClick={(shift) => choose(item.id, shift)}
          />
        ))}
      </div>
      {rows.length > MOST_ROWS && (
        <Text size="xs" c="dimmed">
          {t("moreRows", { count: rows.length - MOST_ROWS })}
        </Text>
      )}
    </Stack>
  );
}

/** Actions on the selected annotations. */
const EDITS = [
  ["edit.merge", IconLayersUnion],
  ["edit.subtract", IconLayersSubtract],
  ["edit.simplify", IconVectorBezier2],
  ["edit.delete", IconTrash],
] as const;

function SelectedEditor({
  ctx,
  selected,
  labels,
  keyMap,
}: Pick<Props, "ctx" | "selected" | "labels" | "keyMap">): ReactElement | null {
  const { t } = useTranslation(["viewer", "actions", "drawing"]);
  const items = chosen(ctx.store, selected);
  const first = items[0];
  if (!first || !ctx.mayDraw) return null;
  const isLocked = !items.some((item) => ctx.mayEdit(item));
  return (
    <Stack gap={6} p="xs" style={{ border: "1px solid var(--mantine-color-default-border)", borderRadius: 8 }}>
      <Group justify="space-between">
        <Text size="xs" fw={600}>
          {t("chosen", { count: items.length })}
        </Text>
        <Group gap={2}>
          {EDITS.map(([id, Shown]) => {
            const action = viewerAction(id);
            const key = keysOf(id, keyMap)[0];
            const title = key ? `${t(`actions:${id}`)} (${showChord(key)})` : t(`actions:${id}`);
            return (
              <Tooltip key={id} label={title}>
                <ActionIcon
                  size="sm"
                  color={id === "edit.delete" ? "red" : "gray"}
                  aria-label={title}
                  data-testid={`chosen-${id.replace(".", "-")}`}
                  disabled={!action.applies(ctx)}
                  onClick={() => void action.run(ctx)}
                >
                  <Shown size={16} />
                </ActionIcon>
              </Tooltip>
            );
          })}
        </Group>
      </Group>
      {items.length === 1 && (
        <Group gap={4} wrap="nowrap">
          {isLocked && <IconLock size={13} aria-hidden />}
          <Text size="xs" c="dimmed" data-testid="selected-author">
            {t("drawing:drawnBy", { author: first.author })}
          </Text>
        </Group>
      )}
      <Select
        size="xs"
        aria-label={t("label")}
        value={first.label_id}
        disabled={isLocked}
        data={labels.filter((label) => !label.retired_at).map((label) => ({ value: label.id, label: label.name }))}
        onChange={(id) =>
          id &&
          ctx.commit(
            "relabel",
            relabel(
              items.filter((item) => ctx.mayEdit(item)),
              id,
            ),
          )
        }
      />
      {items.length === 1 && (
        <NoteField
          key={first.id}
          item={first}
          disabled={isLocked}
          onCommit={(changes) => ctx.commit("note", changes)}
        />
      )}
    </Stack>
  );
}
