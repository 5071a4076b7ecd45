import { ActionIcon, Divider, Tooltip } from "@mantine/core";
import {
  IconArrowBackUp,
  IconArrowForwardUp,
  IconBrush,
  IconCircle,
  IconCircleCheck,
  IconEraser,
  IconHandStop,
  IconLasso,
  IconLassoPolygon,
  IconColorSwatch,
  IconMapPin,
  IconPointer,
  IconPolygon,
  IconRectangle,
  IconRuler2,
  IconScissors,
  IconTrash,
  type Icon,
} from "@tabler/icons-react";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { keysOf, showChord, type KeyMap } from "@/actions/keymap";
import { viewerAction, type ViewerContext } from "@/actions/viewerActions";
import { TOOL_NAMES } from "@/core/toolNames";
import type { ToolName } from "@/tools/tool";
import classes from "../Viewer.module.css";

const ICONS: Record<ToolName, Icon> = {
  select: IconPointer,
  pan: IconHandStop,
  rectangle: IconRectangle,
  ellipse: IconCircle,
  polygon: IconPolygon,
  freehand: IconLasso,
  brush: IconBrush,
  eraser: IconEraser,
  point: IconMapPin,
  ruler: IconRuler2,
  split: IconScissors,
  region: IconCircleCheck,
  lasso: IconLassoPolygon,
};

const EDITS = [
  ["edit.undo", IconArrowBackUp],
  ["edit.redo", IconArrowForwardUp],
  ["edit.delete", IconTrash],
] as const;

interface Props {
  ctx: ViewerContext;
  active: ToolName;
  keyMap: KeyMap;
  isPainting: boolean;
}

export function ToolRail({ ctx, active, keyMap, isPainting }: Props): ReactElement {
  const { t } = useTranslation("actions");
  const button = (id: string, Shown: Icon, testId: string, pressed?: boolean) => {
    const action = viewerAction(id);
    const key = keysOf(id, keyMap)[0];
    const title = key ? `${t(action.titleKey)} (${showChord(key)})` : t(action.titleKey);
    return (
      <Tooltip key={id} label={title} position="right">
        <ActionIcon
          size={34}
          variant={pressed ? "filled" : "subtle"}
          color={pressed ? undefined : "gray"}
          aria-label={title}
          aria-pressed={pressed}
          data-testid={testId}
          disabled={!action.applies(ctx)}
          onClick={() => void action.run(ctx)}
        >
          <Shown size={19} stroke={1.7} />
        </ActionIcon>
      </Tooltip>
    );
  };
  return (
    <nav className={classes.rail} aria-label={t("rail")}>
      {TOOL_NAMES.map((name) => button(`tool.${name}`, ICONS[name], `tool-${name}`, name === active))}
      <Divider w={28} my={4} />
      {EDITS.map(([id, icon]) => button(id, icon, id.replace(".", "-")))}
      <Divider w={28} my={4} />
      {button("loop.paint", IconColorSwatch, "live-painting", isPainting)}
    </nav>
  );
}
