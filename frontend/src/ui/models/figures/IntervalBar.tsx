import { Box, Tooltip } from "@mantine/core";

import { useFormat } from "../../shared/format";

export interface Interval {
  readonly value: number;
  /** Null: one case or region alone says nothing of how they vary. */
  readonly ends: readonly [low: number, high: number] | null;
}

interface IntervalBarProps {
  readonly interval: Interval;
  /** The ends of the axis. */
  readonly minimum?: number;
  readonly maximum?: number;
  /** Marks zero, for differences. */
  readonly zero?: boolean;
  readonly label: string;
}

/** A value with its confidence interval on a small axis. */
export function IntervalBar({ interval, minimum = 0, maximum = 1, zero = false, label }: IntervalBarProps) {
  const format = useFormat();
  const span = maximum - minimum || 1;
  const place = (value: number) => Math.min(100, Math.max(0, ((value - minimum) / span) * 100));
  const text = `${label}: ${format.number(interval.value, 3)}${format.ends(interval.ends)}`;
  return (
    <Tooltip label={text}>
      <Box
        role="img"
        aria-label={text}
        pos="relative"
        h={14}
        miw={120}
        style={{ borderRadius: 4, background: "var(--mantine-color-default-hover)" }}
      >
        {zero ? (
          <Box
            pos="absolute"
            top={0}
            bottom={0}
            w={1}
            style={{ left: `${place(0)}%`, background: "var(--mantine-color-dimmed)" }}
          />
        ) : null}
        {interval.ends === null ? null : (
          <Box
            pos="absolute"
            top={5}
            h={4}
            style={{
              left: `${place(interval.ends[0])}%`,
              width: `${Math.max(1, place(interval.ends[1]) - place(interval.ends[0]))}%`,
              borderRadius: 2,
              background: "var(--mantine-primary-color-light-color)",
              opacity: 0.5,
            }}
          />
        )}
        <Box
          pos="absolute"
          top={2}
          h={10}
          w={3}
          style={{
            left: `calc(${place(interval.value)}% - 1px)`,
            borderRadius: 2,
            background: "var(--mantine-primary-color-light-color)",
          }}
        />
      </Box>
    </Tooltip>
  );
}
