import { Button, Group, RangeSlider, SegmentedControl, Select, Slider, Stack, Switch, Text } from "@mantine/core";
import { IconFilter } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useSlides } from "@/sync/queries/queries";
import type { Label, QueueFilters } from "@/sync/types";
import { Popup } from "../shared/Popup";
import { useFormat } from "../shared/format";

export type ReviewView = "grid" | "slide";
type Order = NonNullable<QueueFilters["order"]>;

const ORDERS: readonly Order[] = ["uncertainty", "score", "position"];
const STEP = 0.01;

interface ReviewFiltersProps {
  readonly projectId: string;
  readonly labels: readonly Label[];
  readonly filters: QueueFilters;
  readonly view: ReviewView;
  readonly onFilters: (filters: QueueFilters) => void;
  readonly onView: (view: ReviewView) => void;
}

/** The value stands beside the name: a bubble over the thumb would cover the name. */
function SliderTitle({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <Group justify="space-between" gap="xs">
      <Text size="sm">{name}</Text>
      <Text size="sm" c="dimmed">
        {value}
      </Text>
    </Group>
  );
}

function Numbers({ filters, onFilters }: Pick<ReviewFiltersProps, "filters" | "onFilters">) {
  const { t } = useTranslation("pages");
  const format = useFormat();
  const [score, setScore] = useState<[number, number]>([filters.min_score ?? 0, filters.max_score ?? 1]);
  const [doubt, setDoubt] = useState(filters.min_uncertainty ?? 0);
  const written = (value: number) => format.number(value, 2);
  // An end of the scale is no filter: the address stays short.
  const keepScore = ([low, high]: [number, number]) =>
    onFilters({ ...filters, min_score: low > 0 ? low : undefined, max_score: high < 1 ? high : undefined });
  return (
    <Stack gap="md">
      <Stack gap={2}>
        <SliderTitle name={t("review.score")} value={score.map(written).join(" – ")} />
        <RangeSlider
          min={0}
          max={1}
          step={STEP}
          minRange={0}
          label={null}
          value={score}
          onChange={setScore}
          onChangeEnd={keepScore}
          thumbFromLabel={t("review.minimumScore")}
          thumbToLabel={t("review.maximumScore")}
        />
      </Stack>
      <Stack gap={2}>
        <SliderTitle name={t("review.minimumUncertainty")} value={written(doubt)} />
        <Slider
          min={0}
          max={1}
          step={STEP}
          label={null}
          value={doubt}
          onChange={setDoubt}
          onChangeEnd={(value) => onFilters({ ...filters, min_uncertainty: value > 0 ? value : undefined })}
          thumbLabel={t("review.minimumUncertainty")}
        />
      </Stack>
      <Switch
        label={t("review.includeSkipped")}
        checked={filters.include_skipped === true}
        onChange={(event) => onFilters({ ...filters, include_skipped: event.currentTarget.checked || undefined })}
      />
    </Stack>
  );
}

export function ReviewFilters(props: ReviewFiltersProps) {
  const { projectId, labels, filters, view, onFilters, onView } = props;
  const { t } = useTranslation("pages");
  const slides = useSlides(projectId, { state: ["ready"], ordering: ["name"], page_size: 500 });
  const narrowed = [filters.min_score, filters.max_score, filters.min_uncertainty, filters.include_skipped];
  const count = narrowed.filter((value) => value !== undefined).length;
  return (
    <Group gap="xs">
      <Select
        w={150}
        size="xs"
        clearable
        aria-label={t("review.label")}
        placeholder={t("review.anyLabel")}
        data={labels.map((label) => ({ value: label.id, label: label.name }))}
        value={filters.label ?? null}
        onChange={(label) => onFilters({ ...filters, label: label ?? undefined })}
      />
      <Select
        w={180}
        size="xs"
        clearable
        searchable
        aria-label={t("review.slide")}
        placeholder={t("review.anySlide")}
        data={(slides.data?.results ?? []).map((slide) => ({ value: slide.id, label: slide.name }))}
        value={filters.slide ?? null}
        onChange={(slide) => onFilters({ ...filters, slide: slide ?? undefined })}
      />
      <Select
        w={190}
        size="xs"
        allowDeselect={false}
        aria-label={t("review.order")}
        data={ORDERS.map((value) => ({ value, label: t(`review.orders.${value}`) }))}
        value={filters.order ?? "uncertainty"}
        onChange={(order) => onFilters({ ...filters, order: order as Order })}
      />
      <Popup
        width={280}
        position="bottom-start"
        target={(toggle) => (
          <Button
            size="xs"
            variant={count > 0 ? "light" : "default"}
            leftSection={<IconFilter size={14} />}
            onClick={toggle}
            data-testid="review-filters"
          >
            {count > 0 ? t("review.filtersOn", { count }) : t("review.filters")}
          </Button>
        )}
      >
        {() => <Numbers filters={filters} onFilters={onFilters} />}
      </Popup>
      <SegmentedControl
        size="xs"
        value={view}
        onChange={(value) => onView(value as ReviewView)}
        data={[
          { value: "grid", label: t("review.grid") },
          { value: "slide", label: t("review.slideView") },
        ]}
      />
    </Group>
  );
}
