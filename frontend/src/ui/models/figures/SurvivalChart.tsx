import { Group, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { SurvivalGroup, SurvivalMetrics } from "@/sync/types";
import { useFormat } from "../../shared/format";

const SIZE = { width: 380, height: 260 };
const MARGIN = { left: 42, bottom: 36, top: 8, right: 14 };
const INNER = { width: SIZE.width - MARGIN.left - MARGIN.right, height: SIZE.height - MARGIN.top - MARGIN.bottom };
const TICKS = [0, 0.25, 0.5, 0.75, 1];
const COLOURS = { low: "#1098ad", high: "#e8590c" } as const;
const SMALLEST_P = 0.001;

type ToX = (months: number) => number;
const toY = (share: number) => MARGIN.top + (1 - share) * INNER.height;

/** The curve as a staircase: it falls at each event and runs on to the last follow-up. */
function stairs(group: SurvivalGroup, toX: ToX): string {
  let path = `M${toX(0)},${toY(1)}`;
  for (const step of group.steps) path += `H${toX(step.months)}V${toY(step.share)}`;
  return `${path}H${toX(group.last)}`;
}

function shareAt(group: SurvivalGroup, months: number): number {
  return group.steps.findLast((step) => step.months <= months)?.share ?? 1;
}

function Axes({ last, toX }: { readonly last: number; readonly toX: ToX }) {
  const { t } = useTranslation("prognosis");
  const format = useFormat();
  const text = { fill: "var(--mantine-color-dimmed)", fontSize: 10 };
  const line = "var(--mantine-color-default-border)";
  return (
    <g>
      {TICKS.map((tick) => (
        <g key={tick}>
          <line x1={toX(0)} x2={toX(last)} y1={toY(tick)} y2={toY(tick)} stroke={line} />
          <line x1={toX(tick * last)} x2={toX(tick * last)} y1={toY(0)} y2={toY(1)} stroke={line} />
          <text x={toX(0) - 5} y={toY(tick) + 3} textAnchor="end" {...text}>
            {format.percent(tick)}
          </text>
          <text x={toX(tick * last)} y={toY(0) + 13} textAnchor="middle" {...text}>
            {format.number(tick * last, last < 20 ? 1 : 0)}
          </text>
        </g>
      ))}
      <text x={toX(last / 2)} y={SIZE.height - 6} textAnchor="middle" {...text}>
        {t("months")}
      </text>
    </g>
  );
}

function Curve({ group, toX }: { readonly group: SurvivalGroup; readonly toX: ToX }) {
  const colour = COLOURS[group.name];
  return (
    <g>
      <path
        d={stairs(group, toX)}
        fill="none"
        stroke={colour}
        strokeWidth="2"
        strokeDasharray={group.name === "high" ? "6 3" : undefined}
      />
      {group.censored.map((months, i) => {
        const y = toY(shareAt(group, months));
        return (
          <line key={i} x1={toX(months)} x2={toX(months)} y1={y - 4} y2={y + 4} stroke={colour} strokeWidth="1.5" />
        );
      })}
    </g>
  );
}

/** Kaplan-Meier curves of the held-out patients below and above the median risk. */
export function SurvivalChart({ survival }: { readonly survival: SurvivalMetrics }) {
  const { t } = useTranslation("prognosis");
  const format = useFormat();
  const last = Math.max(1e-6, ...survival.groups.map((group) => group.last));
  const toX: ToX = (months) => MARGIN.left + (months / last) * INNER.width;
  const small = survival.p !== null && survival.p < SMALLEST_P;
  return (
    <figure style={{ margin: 0, maxWidth: 460 }} data-testid="survival">
      <svg viewBox={`0 0 ${SIZE.width} ${SIZE.height}`} width="100%" role="img" aria-label={t("title")}>
        <Axes last={last} toX={toX} />
        {survival.groups.map((group) => (
          <Curve key={group.name} group={group} toX={toX} />
        ))}
      </svg>
      <Stack gap={4}>
        {survival.groups.map((group) => (
          <Group key={group.name} gap={8} wrap="nowrap">
            <svg width="24" height="8" aria-hidden="true">
              <line
                x1="0"
                x2="24"
                y1="4"
                y2="4"
                stroke={COLOURS[group.name]}
                strokeWidth="2.5"
                strokeDasharray={group.name === "high" ? "6 3" : undefined}
              />
            </svg>
            <Text size="sm">{t(group.name, { count: group.count, events: group.events })}</Text>
          </Group>
        ))}
        <Text size="sm" fw={600}>
          {survival.p === null
            ? t("noTest")
            : t(small ? "pSmall" : "p", { p: format.number(small ? SMALLEST_P : survival.p, 3) })}
        </Text>
      </Stack>
      <Text component="figcaption" size="xs" c="dimmed" mt={4}>
        {t("caption")}
      </Text>
    </figure>
  );
}
