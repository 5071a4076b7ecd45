import { Table, Text, VisuallyHidden } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { ModelMetrics } from "@/sync/types";
import { IntervalBar } from "./IntervalBar";
import { IntervalText } from "./IntervalText";
import { toInterval } from "./mainMetric";
import { useMetricName } from "./useMetricName";

// Resampling so few cases or regions gives intervals that are too narrow as often as not.
const FEW_UNITS = 10;

/** All metrics of a version with their intervals, and the number of items behind them. */
export function MetricsTable({ metrics }: { readonly metrics: ModelMetrics }) {
  const { t } = useTranslation("pages");
  const metricName = useMetricName();
  return (
    <>
      <Table verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("models.metric")}</Table.Th>
            <Table.Th>{t("models.valueInterval")}</Table.Th>
            <Table.Th w="40%">
              <VisuallyHidden>{t("models.interval")}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {Object.entries(metrics.values).map(([name, value]) => {
            const interval = toInterval(value);
            const unit = interval !== null && (interval.ends ?? [interval.value]).every((end) => Math.abs(end) <= 1);
            return (
              <Table.Tr key={name}>
                <Table.Td>{metricName(name)}</Table.Td>
                <Table.Td>
                  <IntervalText interval={interval} />
                </Table.Td>
                <Table.Td>
                  {unit ? (
                    <IntervalBar
                      interval={interval}
                      minimum={Math.min(0, interval.ends?.[0] ?? interval.value)}
                      label={metricName(name)}
                    />
                  ) : null}
                </Table.Td>
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
      <Text size="xs" c="dimmed" mt="xs">
        {t("models.measuredOn", {
          count: metrics.count,
          part: t(`training.parts.${metrics.part}`, { defaultValue: metrics.part }),
        })}{" "}
        {t(`training.splitBy.${metrics.split_by}`, { defaultValue: metrics.split_by })}{" "}
        {metrics.units == null ? null : t(`models.independent.${metrics.split_by}`, { count: metrics.units })}
        {metrics.units != null && metrics.units < FEW_UNITS ? ` ${t("models.fewUnits")}` : null}
      </Text>
    </>
  );
}
