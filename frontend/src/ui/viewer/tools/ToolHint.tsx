import { Text } from "@mantine/core";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { ToolName } from "@/tools/tool";
import classes from "../Viewer.module.css";

/** Usage of the active tool, in one line at the edge of the slide. */
export function ToolHint({ tool }: { tool: ToolName }): ReactElement | null {
  const { t } = useTranslation("guide");
  if (tool === "pan") return null;
  return (
    <Text className={classes.toolHint} size="xs" role="note" data-testid="tool-hint">
      {t(`tool.${tool}`)}
    </Text>
  );
}
