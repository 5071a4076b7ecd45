import { Button, Group, Kbd, Paper, Text } from "@mantine/core";
import { IconCopy, IconLock } from "@tabler/icons-react";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { keysOf, showChord, type KeyMap } from "@/actions/keymap";
import { viewerAction, type ViewerContext } from "@/actions/viewerActions";
import { chosen } from "@/core/edits";
import classes from "../Viewer.module.css";

/** Names the author of selected read-only shapes, and offers a copy. */
export function LockedCard({
  ctx,
  selected,
  keyMap,
}: {
  ctx: ViewerContext;
  selected: readonly string[];
  keyMap: KeyMap;
}): ReactElement | null {
  const { t } = useTranslation(["drawing", "actions"]);
  const locked = chosen(ctx.store, selected).filter((item) => !ctx.mayEdit(item));
  const authors = [...new Set(locked.map(({ author }) => author))];
  if (!ctx.mayDraw || locked.length === 0) return null;
  const keep = viewerAction("edit.keepCopy");
  const [key] = keysOf(keep.id, keyMap);
  return (
    <Paper className={classes.card} shadow="md" radius="md" px="sm" py={8} role="status" data-testid="locked-card">
      <Group gap="xs">
        <IconLock size={16} aria-hidden />
        <Text size="sm">
          {t("drawing:readOnly", { count: locked.length, authors: authors.slice(0, 3).join(", ") })}
        </Text>
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconCopy size={14} />}
          rightSection={key === undefined ? null : <Kbd size="xs">{showChord(key)}</Kbd>}
          onClick={() => void keep.run(ctx)}
          data-testid="keep-copy"
        >
          {t("actions:edit.keepCopy")}
        </Button>
      </Group>
    </Paper>
  );
}
