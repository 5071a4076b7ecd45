import { Button, Chip, Group, NumberInput, RangeSlider, Stack, Text } from "@mantine/core";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { PixelSize } from "@/core/geometry/pixelSize";
import { EVERYTHING, type ObjectFilter } from "@/render/objects/filter";
import { STATE_NAMES } from "@/render/objects/tileFormat";

interface Props {
  filter: ObjectFilter;
  pixelSize: PixelSize | null;
  onFilter: (filter: ObjectFilter) => void;
}

interface RangeProps {
  label: string;
  name: string;
  value: [number, number];
  onChange: (value: [number, number]) => void;
}

function Range({ label, name, value, onChange }: RangeProps): ReactElement {
  return (
    <div data-testid={`filter-${name}`}>
      <Group justify="space-between">
        <Text size="xs" c="dimmed">
          {label}
        </Text>
        <Text size="xs" c="dimmed">{`${value[0].toFixed(2)} – ${value[1].toFixed(2)}`}</Text>
      </Group>
      <RangeSlider
        size="sm"
        min={0}
        max={1}
        step={0.01}
        minRange={0}
        label={null}
        value={value}
        onChange={onChange}
        thumbFromLabel={`${label} ≥`}
        thumbToLabel={`${label} ≤`}
      />
    </div>
  );
}

/** Least and most area, in µm² where the slide has a resolution; kept in square pixels. */
function Area({
  filter,
  pixelSize,
  onChange,
}: Pick<Props, "filter" | "pixelSize"> & { onChange: (change: Partial<ObjectFilter>) => void }): ReactElement {
  const { t } = useTranslation("objects");
  const unit = pixelSize === null ? 1 : pixelSize.x * pixelSize.y;
  const shown = (pixels: number | null) => (pixels === null ? "" : Number((pixels * unit).toPrecision(6)));
  const read = (value: string | number) => (typeof value === "number" ? Number((value / unit).toPrecision(9)) : null);
  const field = (name: "minArea" | "maxArea", label: string) => (
    <NumberInput
      size="xs"
      label={label}
      min={0}
      hideControls
      value={shown(filter[name])}
      onChange={(value) => onChange({ [name]: read(value) })}
      data-testid={`filter-${name}`}
    />
  );
  return (
    <Group grow gap="xs" wrap="nowrap">
      {field("minArea", t(pixelSize === null ? "minAreaPx" : "minArea"))}
      {field("maxArea", t(pixelSize === null ? "maxAreaPx" : "maxArea"))}
    </Group>
  );
}

/** Which suggestions are drawn, near and far alike. */
export function SuggestionFilters({ filter, pixelSize, onFilter }: Props): ReactElement {
  const { t } = useTranslation("objects");
  const patch = (change: Partial<ObjectFilter>) => onFilter({ ...filter, ...change });
  const chosen = STATE_NAMES.filter((_, state) => (filter.states & (1 << state)) !== 0);
  const isUsual = JSON.stringify(filter) === JSON.stringify(EVERYTHING);
  return (
    <Stack gap="xs">
      <Range
        label={t("score")}
        name="score"
        value={[filter.minScore, filter.maxScore]}
        onChange={([minScore, maxScore]) => patch({ minScore, maxScore })}
      />
      <Range
        label={t("uncertainty")}
        name="uncertainty"
        value={[filter.minUncertainty, filter.maxUncertainty]}
        onChange={([minUncertainty, maxUncertainty]) => patch({ minUncertainty, maxUncertainty })}
      />
      <Area filter={filter} pixelSize={pixelSize} onChange={patch} />
      <div>
        <Text size="xs" c="dimmed" mb={4}>
          {t("verdict")}
        </Text>
        <Chip.Group
          multiple
          value={[...chosen]}
          onChange={(names) =>
            patch({
              states: STATE_NAMES.reduce((mask, name, state) => (names.includes(name) ? mask | (1 << state) : mask), 0),
            })
          }
        >
          <Group gap={4} data-testid="filter-verdict">
            {STATE_NAMES.map((name) => (
              <Chip key={name} value={name} size="xs" radius="sm">
                {t(`state.${name}`)}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
      </div>
      {!isUsual && (
        <Button
          size="compact-xs"
          variant="subtle"
          onClick={() => onFilter(EVERYTHING)}
          style={{ alignSelf: "flex-start" }}
        >
          {t("resetFilters")}
        </Button>
      )}
    </Stack>
  );
}
