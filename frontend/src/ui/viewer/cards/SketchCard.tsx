import { Button, Group, Paper, Text } from "@mantine/core";
import { useSyncExternalStore, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { SketchBook } from "@/sync/edits/sketchBook";
import type { Tool, ToolName } from "@/tools/tool";
import classes from "../Viewer.module.css";

interface Props {
  sketches: SketchBook;
  /** The tool in hand. */
  tool: ToolName;
  atWork: () => Tool | null;
  setTool: (name: ToolName) => void;
}

/** An unfinished drawing that was restored, or that waits while another tool is in hand: go on, finish or discard it. */
export function SketchCard({ sketches, tool, atWork, setTool }: Props): ReactElement | null {
  const { t } = useTranslation(["drawing", "actions"]);
  const { paths } = useSyncExternalStore(sketches.subscribe, sketches.snapshot);
  const inHand = tool in paths;
  const name = inHand ? tool : Object.keys(paths).at(-1);
  const path = name === undefined ? undefined : paths[name];
  if (name === undefined || path === undefined || (inHand && !sketches.isRestored())) return null;
  const discard = () => {
    if (inHand) atWork()?.key?.("Escape");
    else sketches.keep(name, [], null);
  };
  return (
    <Paper className={classes.card} shadow="md" radius="md" px="sm" py={8} role="status" data-testid="sketch-card">
      <Group gap="xs">
        <Text size="sm">{t("drawing:unfinished", { tool: t(`actions:tool.${name}`), count: path.length })}</Text>
        {inHand ? (
          <Button size="compact-sm" onClick={() => atWork()?.key?.("Enter")} data-testid="sketch-finish">
            {t("drawing:finish")}
          </Button>
        ) : (
          <Button size="compact-sm" onClick={() => setTool(name as ToolName)} data-testid="sketch-continue">
            {t("drawing:continue")}
          </Button>
        )}
        <Button size="compact-sm" variant="default" onClick={discard} data-testid="sketch-discard">
          {t("drawing:discard")}
        </Button>
      </Group>
    </Paper>
  );
}
