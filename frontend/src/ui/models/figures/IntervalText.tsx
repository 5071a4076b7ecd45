import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useFormat } from "../../shared/format";
import type { Interval } from "./IntervalBar";

interface IntervalTextProps {
  /** Null: there is no such figure. */
  readonly interval: Interval | null;
  readonly signed?: boolean;
}

/** A value and its confidence interval in figures of equal width. */
export function IntervalText({ interval, signed = false }: IntervalTextProps) {
  const { t } = useTranslation("pages");
  const format = useFormat();
  if (interval === null)
    return (
      <Text span size="sm" c="dimmed">
        –
      </Text>
    );
  const sign = signed && interval.value > 0 ? "+" : "";
  return (
    <Text span size="sm" style={{ fontVariantNumeric: "tabular-nums", whiteSpace: "nowrap" }}>
      <Text span inherit fw={600}>
        {`${sign}${format.number(interval.value, 3)}`}
      </Text>
      <Text span inherit c="dimmed" size="xs" title={interval.ends === null ? t("models.noIntervalWhy") : undefined}>
        {interval.ends === null ? ` ${t("models.noInterval")}` : format.ends(interval.ends)}
      </Text>
    </Text>
  );
}
