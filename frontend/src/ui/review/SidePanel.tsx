import { Anchor, Badge, Box, Button, Group, Image, Kbd, Paper, Progress, ScrollArea, Stack, Text } from "@mantine/core";
import { IconArrowBackUp, IconCheck, IconHistory, IconPencil, IconPlayerSkipForward, IconX } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { keysOf, showChord } from "@/actions/keymap";
import { useMe } from "@/sync/queries/queries";
import type { Label, QueueItem } from "@/sync/types";
import { useFormat } from "../shared/format";
import { LabelDot } from "../shared/LabelDot";
import { Popup } from "../shared/Popup";
import { StateBadge } from "../shared/StateBadge";
import { CropOutline } from "./CropOutline";
import { History } from "./History";
import { type Decision, labelOf } from "./queue";
import classes from "./Review.module.css";
import type { ReviewContext } from "./reviewActions";
import { Why } from "./Why";

function Key({ action }: { readonly action: string }) {
  const me = useMe().data;
  const chord = keysOf(action, me?.key_map)[0];
  return chord === undefined ? null : <Kbd size="xs">{showChord(chord)}</Kbd>;
}

interface VerdictButtonProps {
  readonly action: string;
  readonly label: string;
  readonly icon: ReactNode;
  readonly onClick: () => void;
  readonly colour?: string;
  readonly disabled?: boolean;
  readonly testId: string;
}

function VerdictButton({ action, label, icon, onClick, colour, disabled, testId }: VerdictButtonProps) {
  return (
    <Button
      variant={colour === undefined ? "default" : "light"}
      {...(colour === undefined ? {} : { color: colour })}
      size="sm"
      px="xs"
      disabled={disabled ?? false}
      justify="space-between"
      leftSection={icon}
      rightSection={<Key action={action} />}
      onClick={onClick}
      data-testid={testId}
    >
      {label}
    </Button>
  );
}

function VerdictButtons({ context }: { readonly context: ReviewContext }) {
  const { t } = useTranslation("pages");
  const size = 16;
  return (
    <Stack gap={6}>
      <VerdictButton
        action="review.accept"
        label={t("actions:review.accept")}
        icon={<IconCheck size={size} />}
        colour="green"
        onClick={context.accept}
        testId="verdict-accept"
      />
      <VerdictButton
        action="review.reject"
        label={t("actions:review.reject")}
        icon={<IconX size={size} />}
        colour="red"
        onClick={context.reject}
        testId="verdict-reject"
      />
      <VerdictButton
        action="review.redraw"
        label={t("actions:review.redraw")}
        icon={<IconPencil size={size} />}
        onClick={context.startRedraw}
        testId="verdict-redraw"
      />
      <Group gap={6} grow>
        <VerdictButton
          action="review.skip"
          label={t("actions:review.skip")}
          icon={<IconPlayerSkipForward size={size} />}
          onClick={context.skip}
          testId="verdict-skip"
        />
        <VerdictButton
          action="review.undo"
          label={t("actions:review.undo")}
          icon={<IconArrowBackUp size={size} />}
          onClick={context.undo}
          disabled={!context.canUndo}
          testId="verdict-undo"
        />
      </Group>
    </Stack>
  );
}

function RelabelButtons({ labels, context }: { readonly labels: readonly Label[]; readonly context: ReviewContext }) {
  const { t } = useTranslation("pages");
  return (
    <Stack gap={4}>
      <Text size="xs" c="dimmed">
        {t("review.relabel")}
      </Text>
      {labels.map((label) => (
        <Button
          key={label.id}
          size="compact-sm"
          variant="subtle"
          color="gray"
          justify="space-between"
          rightSection={label.key === null ? null : <Kbd size="xs">{label.key}</Kbd>}
          onClick={() => context.relabel(label)}
          data-testid={`verdict-label-${label.key ?? label.id}`}
        >
          <LabelDot colour={label.colour} name={label.name} />
        </Button>
      ))}
    </Stack>
  );
}

function Bar({ name, value }: { readonly name: string; readonly value: number }) {
  const format = useFormat();
  return (
    <Group gap="xs" wrap="nowrap">
      <Text size="xs" c="dimmed" w={88}>
        {name}
      </Text>
      <Progress value={value * 100} size="sm" style={{ flex: 1 }} aria-label={name} />
      <Text size="xs" w={36} ta="right">
        {format.number(value, 2)}
      </Text>
    </Group>
  );
}

function ItemFacts({ item, labels, decision }: Pick<SidePanelProps, "item" | "labels" | "decision">) {
  const { t } = useTranslation("pages");
  const label = labelOf(labels, item.label_id);
  return (
    <Stack gap={6}>
      <Group justify="space-between" wrap="nowrap">
        <LabelDot colour={label?.colour ?? "#868e96"} name={label?.name ?? t("review.noLabel")} />
        <StateBadge state={decision?.state ?? item.state} />
      </Group>
      {item.score === null ? (
        <Text size="xs" c="dimmed">
          {t("review.noScore")}
        </Text>
      ) : (
        <Bar name={t("review.score")} value={item.score} />
      )}
      <Bar name={t("review.uncertainty")} value={item.uncertainty} />
      <Badge
        variant="default"
        radius="sm"
        tt="none"
        size="sm"
        maw="100%"
        title={t("review.madeBy")}
        style={{ alignSelf: "start" }}
      >
        {item.model_version.name || t("review.file")}
      </Badge>
      <Group gap={6} wrap="nowrap">
        {item.model_version.id !== null ? (
          <Why key={`${item.object_set_id}-${item.index}`} objectSetId={item.object_set_id} index={item.index} />
        ) : null}
        <Popup
          width={280}
          position="left"
          target={(toggle) => (
            <Button
              size="compact-xs"
              variant="subtle"
              leftSection={<IconHistory size={14} />}
              onClick={toggle}
              data-testid="object-history"
            >
              {t("review.history")}
            </Button>
          )}
        >
          {() => <History item={item} labels={labels} />}
        </Popup>
      </Group>
    </Stack>
  );
}

interface SidePanelProps {
  readonly projectId: string;
  readonly item: QueueItem;
  readonly labels: readonly Label[];
  readonly decision: Decision | undefined;
  readonly context: ReviewContext;
  readonly withCrop: boolean;
}

/** The current suggestion, and all verdicts on it. */
export function SidePanel({ projectId, item, labels, decision, context, withCrop }: SidePanelProps) {
  const active = labels.filter((label) => label.retired_at === null);
  const place = `x=${Math.round(item.x)}&y=${Math.round(item.y)}&zoom=1`;
  return (
    <Paper withBorder radius="md" component="aside" style={{ minHeight: 0, display: "flex" }}>
      <ScrollArea p="sm" w="100%">
        <Stack gap="sm">
          {withCrop ? (
            <Box className={`${classes.picture ?? ""} ${classes.closeUp ?? ""}`}>
              <Image src={item.crop} alt="" w="100%" h="100%" fit="cover" />
              <CropOutline item={item} colour={labelOf(labels, item.label_id)?.colour ?? "#ffd43b"} />
            </Box>
          ) : null}
          <Anchor component={Link} to={`/projects/${projectId}/slides/${item.slide.id}?${place}`} size="sm" truncate>
            {item.slide.name}
          </Anchor>
          <ItemFacts item={item} labels={labels} decision={decision} />
          <VerdictButtons context={context} />
          <RelabelButtons labels={active} context={context} />
        </Stack>
      </ScrollArea>
    </Paper>
  );
}
