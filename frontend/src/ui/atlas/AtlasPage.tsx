import { Alert, Box, Button, Grid, Paper, Progress, SegmentedControl, Skeleton, Stack, Text } from "@mantine/core";
import { IconChartDots3 } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { useAtlas, useBuildAtlas } from "@/sync/queries/atlas";
import { isUnderWay } from "@/sync/queries/quality";
import { useProject } from "@/sync/queries/queries";
import type { AtlasMap, AtlasPoint, Job, Label } from "@/sync/types";
import { EmptyState } from "../shared/EmptyState";
import { Failure } from "../shared/Failure";
import { PageHeader } from "../shared/PageHeader";
import { sayError, useServerTexts } from "../shared/serverTexts";
import { useFormat } from "../shared/format";
import { useProjectId } from "../shared/useProjectId";
import { AtlasCanvas } from "./AtlasCanvas";
import { ChosenPanel } from "./ChosenPanel";
import { PatchPanel } from "./PatchPanel";

/** Okabe and Ito's eight, then lighter ones; more slides than colours share them. */
const COLOURS = [
  "#0072b2",
  "#e69f00",
  "#009e73",
  "#d55e00",
  "#cc79a7",
  "#56b4e9",
  "#b8a800",
  "#868e96",
  "#7048e8",
  "#a61e4d",
];

const UNLABELLED = "#868e96";

type ColourBy = "kind" | "label" | "slide";

function Working({ job }: { readonly job: Job | null }) {
  const { t } = useTranslation("atlas");
  const texts = useServerTexts();
  if (isUnderWay(job)) {
    return <Progress mb="sm" animated value={Math.max(5, (job?.progress ?? 0) * 100)} aria-label={t("building")} />;
  }
  if (job && job.state !== "succeeded") {
    return (
      <Alert mb="sm" color="yellow">
        {t("failed", { reason: texts.messageText(job.error) || t(`common:states.${job.state}`) })}
      </Alert>
    );
  }
  return null;
}

interface MapProps {
  readonly map: AtlasMap;
  readonly labels: readonly Label[];
  readonly projectId: string;
}

function AtlasView({ map, labels, projectId }: MapProps) {
  const { t } = useTranslation("atlas");
  const [by, setBy] = useState<ColourBy>("kind");
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const [hovered, setHovered] = useState<number | null>(null);
  const places = useMemo(() => new Map(map.slides.map((slide, index) => [slide.id, index])), [map.slides]);
  const colours = useMemo(() => new Map(labels.map((label) => [label.id, label.colour])), [labels]);
  const colourOf = (point: AtlasPoint) =>
    by === "label"
      ? (colours.get(point.label_id ?? "") ?? UNLABELLED)
      : (COLOURS[(by === "kind" ? point.kind : (places.get(point.slide) ?? 0)) % COLOURS.length] ?? UNLABELLED);
  const points = [...chosen].flatMap((index) => map.points[index] ?? []);
  // What is under the pointer; else the first of what was chosen, so that it can be opened.
  const shown = (hovered === null ? undefined : map.points[hovered]) ?? points[0];
  return (
    <Grid gutter="md">
      <Grid.Col span={{ base: 12, md: 8 }}>
        <Paper
          withBorder
          radius="md"
          p={0}
          style={{ position: "relative", height: "calc(100vh - 250px)", minHeight: 380, overflow: "hidden" }}
        >
          <AtlasCanvas
            points={map.points}
            colourOf={colourOf}
            chosen={chosen}
            onChoose={setChosen}
            onHover={setHovered}
          />
        </Paper>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 4 }}>
        <Stack gap="md">
          <SegmentedControl
            fullWidth
            aria-label={t("colourBy")}
            value={by}
            onChange={(value) => setBy(value as ColourBy)}
            data={[
              { value: "kind", label: t("byKind") },
              { value: "label", label: t("byLabel") },
              { value: "slide", label: t("bySlide") },
            ]}
          />
          <ChosenPanel points={points} labels={labels} onClear={() => setChosen(new Set())} />
          <PatchPanel
            point={shown}
            slide={map.slides.find((slide) => slide.id === shown?.slide)}
            projectId={projectId}
          />
        </Stack>
      </Grid.Col>
    </Grid>
  );
}

function BuildButton({
  projectId,
  job,
  made,
}: {
  readonly projectId: string;
  readonly job: Job | null;
  readonly made: boolean;
}) {
  const { t } = useTranslation("atlas");
  const build = useBuildAtlas(projectId);
  return (
    <Stack gap="xs">
      <Button
        onClick={() => build.mutate()}
        loading={build.isPending || isUnderWay(job)}
        variant={made ? "default" : "filled"}
        data-testid="build-atlas"
      >
        {t(made ? "rebuild" : "build")}
      </Button>
      {build.isError ? <Alert color="red">{sayError(build.error)}</Alert> : null}
    </Stack>
  );
}

function NoAtlas({ projectId, job }: { readonly projectId: string; readonly job: Job | null }) {
  const { t } = useTranslation("atlas");
  return (
    <>
      <PageHeader title={t("title")} description={t("explained")} />
      <Working job={job} />
      <EmptyState icon={<IconChartDots3 size={26} />} title={t("none")} description={t("noneText")}>
        <BuildButton projectId={projectId} job={job} made={false} />
      </EmptyState>
    </>
  );
}

function MadeAtlas({
  projectId,
  job,
  map,
}: {
  readonly projectId: string;
  readonly job: Job | null;
  readonly map: AtlasMap;
}) {
  const { t } = useTranslation("atlas");
  const format = useFormat();
  const project = useProject(projectId);
  const facts = {
    shown: format.number(map.shown),
    total: format.number(map.total),
    count: map.slides.length,
    when: format.dateTime(map.created_at),
  };
  return (
    <>
      <PageHeader title={t("title")} description={t("facts", facts)}>
        <BuildButton projectId={projectId} job={job} made />
      </PageHeader>
      <Working job={job} />
      {map.is_outdated && !isUnderWay(job) ? (
        <Alert mb="sm" color="yellow" data-testid="atlas-outdated">
          {t("outdated")}
        </Alert>
      ) : null}
      <AtlasView key={map.created_at} map={map} labels={project.data?.labels ?? []} projectId={projectId} />
      <Text size="xs" c="dimmed" mt="xs">
        {t("how")}
      </Text>
    </>
  );
}

export default function AtlasPage() {
  const projectId = useProjectId();
  const { data, isPending, isError, error, refetch } = useAtlas(projectId);
  return (
    <Box p="lg" maw={1440} mx="auto">
      {isError ? <Failure error={error} onRetry={() => void refetch()} /> : null}
      {isPending ? <Skeleton h={400} radius="md" /> : null}
      {data?.map ? <MadeAtlas projectId={projectId} job={data.job} map={data.map} /> : null}
      {data && !data.map ? <NoAtlas projectId={projectId} job={data.job} /> : null}
    </Box>
  );
}
