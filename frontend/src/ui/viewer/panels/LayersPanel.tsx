import { Alert, Button, Divider, Group, Select, Slider, Stack, Switch, Text } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { PixelSize } from "@/core/geometry/pixelSize";
import { COLOUR_MAPS, type ColourMapName } from "@/render/colourMap";
import type { HeatMap, ObjectSet } from "@/sync/types";
import { useFormat } from "../../shared/format";
import { resolutionText } from "../format";
import type { Look } from "../look";
import { SuggestionFilters } from "../suggestions/SuggestionFilters";
import { WithdrawButton } from "../suggestions/WithdrawButton";

interface Props {
  look: Look;
  onLook: (patch: Partial<Look>) => void;
  objectSets: readonly ObjectSet[];
  objectSet: ObjectSet | null;
  heatMap: HeatMap | null;
  heatError: string | null;
  pixelSize: PixelSize | null;
  onHistory: () => void;
  mayWithdraw: boolean;
}

interface LevelProps {
  label: string;
  value: number;
  onChange: (value: number) => void;
}

function Level({ label, value, onChange }: LevelProps): ReactElement {
  return (
    <div>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      <Slider
        size="sm"
        min={0}
        max={1}
        step={0.01}
        value={value}
        onChange={onChange}
        thumbLabel={label}
        label={(v) => v.toFixed(2)}
      />
    </div>
  );
}

export function LayersPanel({
  look,
  onLook,
  objectSets,
  objectSet,
  heatMap,
  heatError,
  pixelSize,
  onHistory,
  mayWithdraw,
}: Props): ReactElement {
  const { t } = useTranslation(["viewer", "objects", "reviewing"]);
  const format = useFormat();
  return (
    <Stack gap="sm">
      <Switch
        label={t("showAnnotations")}
        checked={look.annotations}
        onChange={(e) => onLook({ annotations: e.currentTarget.checked })}
      />
      <Level label={t("fill")} value={look.fill} onChange={(fill) => onLook({ fill })} />
      <Divider label={t("suggestions")} labelPosition="left" />
      <Switch
        label={t("showSuggestions")}
        data-testid="suggestions-toggle"
        checked={look.suggestions}
        disabled={!objectSet}
        onChange={(e) => onLook({ suggestions: e.currentTarget.checked })}
      />
      {!objectSet && (
        <Text size="sm" c="dimmed">
          {t("noSuggestions")}
        </Text>
      )}
      {objectSet?.is_of_other_resolution && (
        <Alert color="orange" variant="light" p="xs" data-testid="other-resolution">
          <Text size="xs">
            {t("objects:otherResolution", {
              then: resolutionText({ x: objectSet.mpp_x ?? 0, y: objectSet.mpp_y ?? 0, isEstimated: false }),
              now: pixelSize === null ? "–" : resolutionText(pixelSize),
            })}
          </Text>
        </Alert>
      )}
      {objectSet && (
        <>
          <Group gap={6} wrap="nowrap" align="flex-end">
            <Select
              size="xs"
              flex={1}
              label={t("objectSet")}
              allowDeselect={false}
              value={objectSet.id}
              data={objectSets.map((set) => ({ value: set.id, label: `${set.name} (${format.number(set.count)})` }))}
              renderOption={({ option }) => (
                <div>
                  {option.label}
                  <Text size="xs" c="dimmed">
                    {format.ago(objectSets.find((set) => set.id === option.value)?.created_at ?? "")}
                  </Text>
                </div>
              )}
              onChange={(objectSetId) => onLook({ objectSetId, heatMapId: null })}
            />
            {mayWithdraw && objectSet.source !== "model" && <WithdrawButton objectSet={objectSet} />}
          </Group>
          <Text
            size="xs"
            c="dimmed"
          >{`${t("madeBy", { name: objectSet.producer_name, count: objectSet.count })} · ${format.ago(objectSet.created_at)}`}</Text>
          <Level
            label={t("opacity")}
            value={look.suggestionOpacity}
            onChange={(suggestionOpacity) => onLook({ suggestionOpacity })}
          />
          <Level
            label={t("objects:fill")}
            value={look.suggestionFill}
            onChange={(suggestionFill) => onLook({ suggestionFill })}
          />
          <Button
            size="xs"
            variant="default"
            leftSection={<IconHistory size={14} />}
            onClick={onHistory}
            data-testid="slide-history"
          >
            {t("reviewing:historyOfSlide")}
          </Button>
          <SuggestionFilters
            filter={look.suggestionFilter}
            pixelSize={pixelSize}
            onFilter={(suggestionFilter) => onLook({ suggestionFilter })}
          />
        </>
      )}
      <Divider label={t("heatMap")} labelPosition="left" />
      <Switch
        label={t("showHeatMap")}
        data-testid="heat-map-toggle"
        checked={look.heatMap}
        disabled={!heatMap}
        onChange={(e) => onLook({ heatMap: e.currentTarget.checked })}
      />
      {heatError !== null && <Alert color="red">{heatError}</Alert>}
      {objectSet && heatMap && (
        <>
          <Select
            size="xs"
            label={t("heatMapOf")}
            allowDeselect={false}
            value={heatMap.id}
            data={objectSet.heat_maps.map((map) => ({ value: map.id, label: map.name }))}
            onChange={(heatMapId) => onLook({ heatMapId })}
          />
          <Select
            size="xs"
            label={t("colourMap")}
            allowDeselect={false}
            value={look.colourMap}
            data={Object.keys(COLOUR_MAPS)}
            onChange={(name) => name && onLook({ colourMap: name as ColourMapName })}
          />
          <Level label={t("opacity")} value={look.heatOpacity} onChange={(heatOpacity) => onLook({ heatOpacity })} />
          <Level
            label={t("threshold")}
            value={look.heatThreshold}
            onChange={(heatThreshold) => onLook({ heatThreshold })}
          />
        </>
      )}
    </Stack>
  );
}
