import { Box, Card, Group, Stack, Text, Tooltip } from "@mantine/core";
import { IconFolder, IconPencil, IconSparkles, IconSquareCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { Role, Slide } from "@/sync/types";
import { useFormat } from "../shared/format";
import { StateBadge } from "../shared/StateBadge";
import classes from "./Gallery.module.css";
import { ImageChoice } from "./ImageChoice";
import { QualityHints } from "./QualityHints";
import { describeScale, describeSize } from "./slideFacts";
import { SlideMenu } from "./SlideMenu";
import { SlideThumbnail } from "./SlideThumbnail";

const THUMBNAIL_HEIGHT = 150;

interface CountProps {
  readonly icon: typeof IconPencil;
  readonly label: string;
  readonly count: number;
}

function Count({ icon: Icon, label, count }: CountProps) {
  const format = useFormat();
  return (
    <Tooltip label={label}>
      <Group gap={3} wrap="nowrap" role="img" aria-label={label}>
        <Icon size={14} stroke={1.6} />
        <Text size="xs">{format.number(count)}</Text>
      </Group>
    </Tooltip>
  );
}

/** Numbers of annotations, finished regions and suggestions on a slide. */
export function SlideCounts({ slide }: { readonly slide: Slide }) {
  const { t } = useTranslation("pages");
  const { annotations, regions, suggestions_open: open } = slide.counts;
  return (
    <Group gap="sm" wrap="nowrap" c="dimmed">
      <Count icon={IconPencil} count={annotations} label={t("gallery.annotations", { count: annotations })} />
      <Count icon={IconSquareCheck} count={regions} label={t("gallery.regions", { count: regions })} />
      {slide.counts.suggestions > 0 ? (
        <Count icon={IconSparkles} count={open} label={t("gallery.suggestions", { count: open })} />
      ) : null}
    </Group>
  );
}

interface SlideCardProps {
  readonly slide: Slide;
  readonly role: Role;
}

export function SlideCard({ slide, role }: SlideCardProps) {
  const format = useFormat();
  const scale = describeScale(slide, format);
  const { t } = useTranslation("pages");
  const ready = slide.state === "ready";
  return (
    <Card
      withBorder
      radius="md"
      padding={0}
      className={classes.card}
      data-testid="slide-card"
      data-state={slide.state}
      data-slide-id={slide.id}
    >
      <SlideThumbnail slide={slide} height={THUMBNAIL_HEIGHT} />
      <Stack gap={6} p="sm" style={{ flex: 1 }}>
        <Group justify="space-between" wrap="nowrap" gap={4} align="flex-start">
          {ready ? (
            <Link to={`/projects/${slide.project_id}/slides/${slide.id}`} className={classes.link} title={slide.name}>
              {slide.name}
            </Link>
          ) : (
            <Text size="sm" fw={600} truncate title={slide.name}>
              {slide.name}
            </Text>
          )}
          <Box className={classes.above}>
            <SlideMenu slide={slide} role={role} />
          </Box>
        </Group>
        <Group gap={6} style={{ rowGap: 4 }}>
          <StateBadge state={ready ? slide.progress_state : slide.state} />
          <QualityHints slide={slide} />
          <ImageChoice slide={slide} role={role} />
        </Group>
        <Group gap={4} wrap="nowrap" c="dimmed">
          <IconFolder size={14} stroke={1.6} />
          <Text size="xs" truncate>
            {slide.case.pseudonym || t("gallery.noCase")}
          </Text>
        </Group>
        <Group justify="space-between" mt="auto" gap="xs" wrap="nowrap">
          <Text size="xs" c="dimmed" truncate>
            {ready
              ? [scale, describeSize(slide, format)].filter(Boolean).join(" · ")
              : slide.size_bytes > 0 && format.bytes(slide.size_bytes)}
          </Text>
          {ready ? <SlideCounts slide={slide} /> : null}
        </Group>
      </Stack>
    </Card>
  );
}
