import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useFormat } from "../../shared/format";

interface ReliabilityChartProps {
  /** One row per bin: mean confidence, share that was right, number of samples. */
  readonly bins: readonly (readonly [number, number, number])[];
}

const SIZE = 260;
const MARGIN = { left: 40, bottom: 36, top: 8, right: 18 };
const INNER = { width: SIZE - MARGIN.left - MARGIN.right, height: SIZE - MARGIN.top - MARGIN.bottom };
const TICKS = [0, 0.25, 0.5, 0.75, 1];

const toX = (value: number) => MARGIN.left + value * INNER.width;
const toY = (value: number) => MARGIN.top + (1 - value) * INNER.height;

function Axes() {
  const { t } = useTranslation("pages");
  const format = useFormat();
  const text = { fill: "var(--mantine-color-dimmed)", fontSize: 10 };
  return (
    <g>
      {TICKS.map((tick) => (
        <g key={tick}>
          <line x1={toX(tick)} x2={toX(tick)} y1={toY(0)} y2={toY(1)} stroke="var(--mantine-color-default-border)" />
          <line x1={toX(0)} x2={toX(1)} y1={toY(tick)} y2={toY(tick)} stroke="var(--mantine-color-default-border)" />
          <text x={toX(tick)} y={toY(0) + 13} textAnchor="middle" {...text}>
            {format.percent(tick)}
          </text>
          <text x={toX(0) - 5} y={toY(tick) + 3} textAnchor="end" {...text}>
            {format.percent(tick)}
          </text>
        </g>
      ))}
      <text x={toX(0.5)} y={SIZE - 6} textAnchor="middle" {...text}>
        {t("models.confidence")}
      </text>
      <line
        x1={toX(0)}
        y1={toY(0)}
        x2={toX(1)}
        y2={toY(1)}
        stroke="var(--mantine-color-dimmed)"
        strokeDasharray="4 4"
      />
    </g>
  );
}

/** Reliability diagram: accuracy by confidence; the dashed line is perfect calibration. */
export function ReliabilityChart({ bins }: ReliabilityChartProps) {
  const { t } = useTranslation("pages");
  const format = useFormat();
  const filled = bins.filter((bin) => bin[2] > 0);
  const most = Math.max(1, ...filled.map((bin) => bin[2]));
  const path = filled.map(([confidence, accuracy]) => `${toX(confidence)},${toY(accuracy)}`).join(" ");
  return (
    <figure style={{ margin: 0, maxWidth: 340 }}>
      <svg viewBox={`0 0 ${SIZE} ${SIZE}`} width="100%" role="img" aria-label={t("models.reliability")}>
        <Axes />
        <polyline points={path} fill="none" stroke="#1098ad" strokeWidth="2" />
        {filled.map(([confidence, accuracy, count]) => (
          <circle
            key={confidence}
            cx={toX(confidence)}
            cy={toY(accuracy)}
            r={2.5 + 4 * Math.sqrt(count / most)}
            fill="#1098ad"
          >
            <title>
              {t("models.reliabilityPoint", {
                confidence: format.percent(confidence, 1),
                accuracy: format.percent(accuracy, 1),
                count,
              })}
            </title>
          </circle>
        ))}
      </svg>
      <Text component="figcaption" size="xs" c="dimmed">
        {t("models.reliabilityCaption")}
      </Text>
    </figure>
  );
}
