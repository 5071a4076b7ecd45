import { ActionIcon, Button, ColorPicker, ColorSwatch, Group, RangeSlider, Stack, Text, Tooltip } from "@mantine/core";
import { IconEye, IconEyeOff } from "@tabler/icons-react";
import { useEffect, useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { firstChannelViews, orderly, rangeLimit, type Channel, type ChannelView } from "@/core/channels";
import { Popup } from "../../shared/Popup";
import classes from "../Viewer.module.css";

interface Props {
  channels: readonly Channel[];
  views: readonly ChannelView[];
  onViews: (views: ChannelView[]) => void;
}

const COLOURS = ["#3b6bff", "#00d26a", "#ff3b30", "#ffd400", "#00d5ff", "#ff5cf0", "#ff9500", "#ffffff"];

/** A range is chosen with the arrow keys too, so its steps must not be single grey values of 65,536. */
const STEPS = 250;

/** Colour, range and visibility of each channel. */
export function ChannelsPanel({ channels, views, onViews }: Props): ReactElement {
  const { t } = useTranslation("channels");
  const change = (index: number, patch: Partial<ChannelView>) =>
    onViews(views.map((view, place) => (place === index ? { ...view, ...patch } : view)));
  const showAll = (visible: boolean) => onViews(views.map((view) => ({ ...view, visible })));
  return (
    <Stack gap="xs" data-testid="channels">
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm" fw={600}>
          {t("title")}
        </Text>
        <Button size="compact-xs" variant="subtle" onClick={() => onViews(firstChannelViews(channels))}>
          {t("reset")}
        </Button>
      </Group>
      {channels.map((channel, index) => {
        const view = views[index];
        return (
          view && <ChannelRow key={index} channel={channel} view={view} onChange={(patch) => change(index, patch)} />
        );
      })}
      {!views.some((view) => view.visible) && (
        <Text size="xs" c="dimmed" role="status">
          {t("noneShown")}
        </Text>
      )}
      <Group gap="xs">
        <Button size="compact-xs" variant="default" onClick={() => showAll(true)}>
          {t("all")}
        </Button>
        <Button size="compact-xs" variant="default" onClick={() => showAll(false)}>
          {t("none")}
        </Button>
      </Group>
    </Stack>
  );
}

interface RowProps {
  channel: Channel;
  view: ChannelView;
  onChange: (patch: Partial<ChannelView>) => void;
}

function ChannelRow({ channel, view, onChange }: RowProps): ReactElement {
  const { t } = useTranslation("channels");
  const { name } = channel;
  const limit = rangeLimit(channel);
  // While a thumb is dragged only the numbers move; tiles are asked for when it is let go.
  const [range, setRange] = useState<[number, number]>([view.low, view.high]);
  useEffect(() => setRange([view.low, view.high]), [view.low, view.high]);
  return (
    <div style={{ opacity: view.visible ? 1 : 0.55 }}>
      <Group gap={8} wrap="nowrap">
        <ActionIcon
          variant="subtle"
          color="gray"
          size="sm"
          aria-label={t("show", { name })}
          aria-pressed={view.visible}
          onClick={() => onChange({ visible: !view.visible })}
        >
          {view.visible ? <IconEye size={16} /> : <IconEyeOff size={16} />}
        </ActionIcon>
        <ColourChoice name={name} colour={view.colour} onChange={(colour) => onChange({ colour })} />
        <Tooltip label={t("depth", { bits: channel.bits })} openDelay={400}>
          <Text size="sm" className={classes.truncate} title={name}>
            {name}
          </Text>
        </Tooltip>
        <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap", fontVariantNumeric: "tabular-nums" }}>
          {range[0]}–{range[1]}
        </Text>
      </Group>
      <RangeSlider
        size="xs"
        mt={6}
        mb={4}
        min={0}
        max={limit}
        step={Math.max(1, Math.ceil(limit / STEPS))}
        minRange={1}
        label={null}
        color={`#${view.colour}`}
        disabled={!view.visible}
        value={range}
        thumbFromLabel={t("from", { name })}
        thumbToLabel={t("to", { name })}
        onChange={setRange}
        onChangeEnd={(chosen) => onChange(orderly(chosen, limit))}
      />
    </div>
  );
}

function ColourChoice({
  name,
  colour,
  onChange,
}: {
  name: string;
  colour: string;
  onChange: (colour: string) => void;
}): ReactElement {
  const { t } = useTranslation("channels");
  const [draft, setDraft] = useState(`#${colour}`);
  useEffect(() => setDraft(`#${colour}`), [colour]);
  return (
    <Popup
      position="bottom-start"
      withArrow
      padding="xs"
      target={(toggle) => (
        <ColorSwatch
          component="button"
          type="button"
          color={`#${colour}`}
          size={18}
          radius={4}
          withShadow
          aria-label={t("colourOf", { name })}
          style={{ cursor: "pointer", flex: "none" }}
          onClick={toggle}
        />
      )}
    >
      {() => (
        <ColorPicker
          size="sm"
          format="hex"
          swatches={COLOURS}
          swatchesPerRow={8}
          value={draft}
          onChange={setDraft}
          onChangeEnd={(chosen) => onChange(chosen.slice(1, 7).toLowerCase())}
          saturationLabel={t("colourOf", { name })}
          hueLabel={t("colourOf", { name })}
        />
      )}
    </Popup>
  );
}
