import { ActionIcon, Button, Text, Tooltip } from "@mantine/core";
import { IconRotate2, IconRotateClockwise2, IconZoomIn, IconZoomOut } from "@tabler/icons-react";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { viewerAction, ZOOM_POWERS, type ViewerContext } from "@/actions/viewerActions";
import type { HeatLayer } from "@/render/heatLayer";
import type { View } from "@/render/view";
import type { Slide } from "@/sync/types";
import { Magnification, ScaleBar } from "./stage/Scale";
import { useViewerState } from "./viewerStore";
import classes from "./Viewer.module.css";

interface Props {
  ctx: ViewerContext;
  slide: Slide;
  heat: HeatLayer | null;
}

const STEPS = [
  ["view.zoomOut", IconZoomOut],
  ["view.zoomIn", IconZoomIn],
  ["view.rotateLeft", IconRotate2],
  ["view.rotateRight", IconRotateClockwise2],
] as const;

function degrees({ matrix }: View): number {
  return Math.round((Math.atan2(matrix.b, matrix.a) * 180) / Math.PI);
}

export function BottomBar({ ctx, slide, heat }: Props): ReactElement {
  const { t } = useTranslation(["viewer", "actions"]);
  const view = useViewerState((state) => state.view);
  const pointer = useViewerState((state) => state.pointer);
  const isHeatShown = useViewerState((state) => state.look.heatMap);
  const heatValue = pointer && isHeatShown ? (heat?.valueAt(...pointer) ?? null) : null;
  return (
    <footer className={`${classes.bar} ${classes.bottom}`}>
      <Button.Group aria-label={t("magnification")}>
        {ZOOM_POWERS.map((power) => (
          <Button
            key={power}
            size="compact-xs"
            variant="default"
            onClick={() => void viewerAction(`view.zoom${power}`).run(ctx)}
          >
            {`${power}×`}
          </Button>
        ))}
        <Button size="compact-xs" variant="default" onClick={() => ctx.fit()}>
          {t("fit")}
        </Button>
      </Button.Group>
      <div style={{ display: "flex" }}>
        {STEPS.map(([id, Shown]) => (
          <Tooltip key={id} label={t(`actions:${id}`)}>
            <ActionIcon
              size="sm"
              color="gray"
              aria-label={t(`actions:${id}`)}
              data-testid={id.replace(".", "-")}
              onClick={() => void viewerAction(id).run(ctx)}
            >
              <Shown size={16} />
            </ActionIcon>
          </Tooltip>
        ))}
      </div>
      {view && <ScaleBar slide={slide} view={view} />}
      <span style={{ flex: 1 }} />
      {heatValue !== null && <Text size="xs">{t("heatValue", { value: heatValue.toFixed(2) })}</Text>}
      {pointer && (
        <Text size="xs" data-testid="coordinates">{`x ${pointer[0].toFixed(0)}  y ${pointer[1].toFixed(0)}`}</Text>
      )}
      {view && <Magnification slide={slide} view={view} />}
      {view && <Text size="xs" data-testid="rotation">{`${degrees(view)}°`}</Text>}
    </footer>
  );
}
