import { useMantineColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useRef, useState, type PointerEvent } from "react";
import { useTranslation } from "react-i18next";

import { insideLasso, nearestPoint, type Spot } from "./lasso";
import type { AtlasPoint } from "@/sync/types";

interface AtlasCanvasProps {
  readonly points: readonly AtlasPoint[];
  readonly colourOf: (point: AtlasPoint) => string;
  readonly chosen: ReadonlySet<number>;
  readonly onChoose: (chosen: ReadonlySet<number>) => void;
  readonly onHover: (index: number | null) => void;
}

const MARGIN = 16;
const RADIUS = 3;
const REACH = 9;

/** The points on the plane; a drag is a lasso, a click chooses one point. */
export function AtlasCanvas({ points, colourOf, chosen, onChoose, onHover }: AtlasCanvasProps) {
  const { t } = useTranslation("atlas");
  const { colorScheme } = useMantineColorScheme();
  const { ref, width, height } = useElementSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [lasso, setLasso] = useState<readonly Spot[]>([]);
  const scale = Math.max(1, Math.min(width, height) / 2 - MARGIN);
  const spotOf = (point: AtlasPoint): Spot => [width / 2 + point.across * scale, height / 2 + point.down * scale];

  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context || width === 0) return;
    const ratio = window.devicePixelRatio;
    context.canvas.width = width * ratio;
    context.canvas.height = height * ratio;
    context.scale(ratio, ratio);
    const ink = getComputedStyle(context.canvas).color;
    points.forEach((point, index) => {
      const [x, y] = spotOf(point);
      const isChosen = chosen.has(index);
      context.globalAlpha = chosen.size === 0 || isChosen ? 0.9 : 0.3;
      context.fillStyle = colourOf(point);
      context.beginPath();
      context.arc(x, y, isChosen ? RADIUS + 1 : RADIUS, 0, 2 * Math.PI);
      context.fill();
      if (isChosen) {
        context.strokeStyle = ink;
        context.stroke();
      }
    });
    if (lasso.length > 1) {
      context.globalAlpha = 1;
      context.strokeStyle = ink;
      context.setLineDash([4, 3]);
      context.beginPath();
      lasso.forEach(([x, y]) => context.lineTo(x, y));
      context.closePath();
      context.stroke();
    }
  });

  const at = (event: PointerEvent): Spot => [event.nativeEvent.offsetX, event.nativeEvent.offsetY];
  const move = (event: PointerEvent) => {
    if (lasso.length > 0) setLasso([...lasso, at(event)]);
    else onHover(nearestPoint(points.map(spotOf), at(event), REACH));
  };
  const end = (event: PointerEvent) => {
    const spots = points.map(spotOf);
    const one = nearestPoint(spots, at(event), REACH);
    const found = lasso.length > 3 ? insideLasso(spots, lasso) : one === null ? [] : [one];
    onChoose(event.shiftKey ? new Set([...chosen, ...found]) : new Set(found));
    setLasso([]);
  };
  return (
    <div
      ref={ref}
      role="img"
      aria-label={t("canvas", { count: points.length })}
      style={{ position: "absolute", inset: 0 }}
      data-scheme={colorScheme}
    >
      <canvas
        ref={canvas}
        data-testid="atlas-canvas"
        style={{
          width: "100%",
          height: "100%",
          cursor: "crosshair",
          touchAction: "none",
          color: "var(--mantine-color-text)",
        }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setLasso([at(event)]);
        }}
        onPointerMove={move}
        onPointerUp={end}
        onPointerCancel={() => setLasso([])}
        onPointerLeave={() => onHover(null)}
      />
    </div>
  );
}
