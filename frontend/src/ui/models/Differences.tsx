import { Table, VisuallyHidden } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Comparison } from "@/sync/types";
import { type Interval, IntervalBar } from "./figures/IntervalBar";
import { IntervalText } from "./figures/IntervalText";
import { toInterval } from "./figures/mainMetric";
import { useMetricName } from "./figures/useMetricName";

/** The colour of what a comparison advises. */
export const VERDICT_COLOURS = { promote: "green", keep: "red", unclear: "yellow" } as const;

/** The dialog's verdict, reason and buttons stay in view below the figures. */
const ROOM_IN_DIALOG = "max(160px, calc(100dvh - 520px))";

interface DifferencesProps {
  readonly comparison: Comparison;
  /** The new version, and the one that it is compared with. */
  readonly names: readonly [string, string];
  /** Figures alone, for a dialog. */
  readonly compact?: boolean;
}

/** Each metric of two versions on the same data, with its difference. */
export function Differences({ comparison, names, compact = false }: DifferencesProps) {
  const { t } = useTranslation("pages");
  const metricName = useMetricName();
  const reach = Math.max(
    0.01,
    ...comparison.metrics.flatMap(({ difference }) => {
      const interval = toInterval(difference);
      return interval === null ? [] : (interval.ends ?? [interval.value]).map(Math.abs);
    }),
  );
  return (
    <Table.ScrollContainer minWidth={compact ? 440 : 720} {...(compact ? { maxHeight: ROOM_IN_DIALOG } : {})}>
      <Table verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("models.metric")}</Table.Th>
            <Table.Th>{names[0]}</Table.Th>
            <Table.Th>{names[1]}</Table.Th>
            <Table.Th>{t("models.difference")}</Table.Th>
            {compact ? null : (
              <Table.Th w="22%">
                <VisuallyHidden>{t("models.interval")}</VisuallyHidden>
              </Table.Th>
            )}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {comparison.metrics.map((metric) => (
            <Table.Tr key={metric.name} data-testid="comparison-row">
              <Table.Td>{metricName(metric.name)}</Table.Td>
              <Table.Td>
                <IntervalText interval={toInterval(metric.this)} />
              </Table.Td>
              <Table.Td>
                <IntervalText interval={toInterval(metric.other)} />
              </Table.Td>
              <Table.Td>
                <IntervalText interval={toInterval(metric.difference)} signed />
              </Table.Td>
              {compact ? null : (
                <Table.Td>
                  <DifferenceBar interval={toInterval(metric.difference)} reach={reach} />
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function DifferenceBar({ interval, reach }: { readonly interval: Interval | null; readonly reach: number }) {
  const { t } = useTranslation("pages");
  if (interval === null) return null;
  return <IntervalBar interval={interval} minimum={-reach} maximum={reach} zero label={t("models.difference")} />;
}
