import { Button, Image, Paper, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { AtlasPoint, AtlasSlide } from "@/sync/types";

const CROP = 224;
const ZOOM = 0.5;

interface PatchPanelProps {
  readonly point: AtlasPoint | undefined;
  readonly slide: AtlasSlide | undefined;
  readonly projectId: string;
}

/** The patch under the pointer: its pixels, its slide, and the way there. */
export function PatchPanel({ point, slide, projectId }: PatchPanelProps) {
  const { t } = useTranslation("atlas");
  if (!point || !slide) {
    return (
      <Text size="sm" c="dimmed">
        {t("hover")}
      </Text>
    );
  }
  const { x, y, side, height = side } = point;
  const place = `x=${x + side / 2}&y=${y + height / 2}&zoom=${ZOOM}`;
  return (
    <Paper withBorder radius="md" p="sm" data-testid="atlas-patch">
      <Stack gap="xs">
        <Image
          src={`${slide.region}&x=${x}&y=${y}&width=${side}&height=${height}&size=${CROP}`}
          alt={slide.name}
          w={CROP}
          h={CROP}
          radius="sm"
        />
        <Text size="sm" fw={600} style={{ overflowWrap: "anywhere" }}>
          {slide.name}
        </Text>
        <Text size="xs" c="dimmed">
          {t("kind", { number: point.kind + 1 })}
        </Text>
        <Button
          component={Link}
          to={`/projects/${projectId}/slides/${slide.id}?${place}`}
          size="compact-sm"
          variant="default"
        >
          {t("open")}
        </Button>
      </Stack>
    </Paper>
  );
}
