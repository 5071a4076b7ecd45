import { Box, Center, Image, Loader, Stack, Text, ThemeIcon } from "@mantine/core";
import { IconAlertTriangle, IconPhoto } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { useJobs } from "@/sync/queries/queries";
import type { Slide } from "@/sync/types";
import { useFormat } from "../shared/format";
import { useServerTexts } from "../shared/serverTexts";

function ImportProgress({ slide }: { readonly slide: Slide }) {
  const { t } = useTranslation("pages");
  const format = useFormat();
  // The same query as the shell's indicator: no request of its own, and moved by the project's events.
  const jobs = useJobs({ project: slide.project_id, state: ["queued", "running"], page_size: 50 });
  const job = jobs.data?.results.find((each) => each.id === slide.import_job_id);
  return (
    <Stack align="center" gap={6}>
      <Loader size="sm" />
      <Text size="xs" c="dimmed">
        {job === undefined || job.progress === 0
          ? t("common:states.importing")
          : t("gallery.importProgress", { share: format.percent(job.progress) })}
      </Text>
    </Stack>
  );
}

function Content({ slide }: { readonly slide: Slide }) {
  const { t } = useTranslation("pages");
  const { messageText } = useServerTexts();
  if (slide.state === "importing") {
    return <ImportProgress slide={slide} />;
  }
  if (slide.state === "failed") {
    return (
      <Stack align="center" gap={6} px="sm">
        <ThemeIcon color="red" variant="light" radius="xl" size={32}>
          <IconAlertTriangle size={18} />
        </ThemeIcon>
        <Text size="xs" ta="center" lineClamp={4}>
          {messageText(slide.failure) || t("gallery.failedUnknown")}
        </Text>
      </Stack>
    );
  }
  return slide.thumbnail === null ? (
    <ThemeIcon variant="light" color="gray" size={44} radius="xl">
      <IconPhoto size={24} />
    </ThemeIcon>
  ) : (
    <Image src={slide.thumbnail} alt="" w="100%" h="100%" fit="contain" loading="lazy" />
  );
}

/** Thumbnail of a slide, or the reason for its absence. The ground is white as on the scanner. */
export function SlideThumbnail({ slide, height }: { readonly slide: Slide; readonly height: number }) {
  const bright = slide.state === "ready" && slide.thumbnail !== null;
  return (
    <Box h={height} style={{ background: bright ? "#fff" : "var(--mantine-color-default-hover)", overflow: "hidden" }}>
      <Center h="100%" p={bright ? 6 : 0}>
        <Content slide={slide} />
      </Center>
    </Box>
  );
}
