import { Anchor, Button, Group, Progress } from "@mantine/core";
import { useEffect, useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { useJobEvents } from "@/sync/events";
import { useJob, useModelVersions, useRecipes, useStartPrediction } from "@/sync/queries/queries";
import type { Project } from "@/sync/types";
import { notifyFailure } from "../shared/notify";
import { useServerTexts } from "../shared/serverTexts";
import { useTraining } from "./useTraining";
import classes from "./Viewer.module.css";

interface Props {
  project: Project;
  slideId: string;
  /** Nothing may be learned from drawings that the server does not have. */
  saved: boolean;
  /** A job that was started elsewhere on this page and is followed here. */
  followed: string | null;
  /** Told when something was started here, and when it has ended. */
  onBusy: (busy: boolean) => void;
}

const RUNNING = ["queued", "running"];

/** The loop without leaving the slide: train, predict, review. */
export function LoopButtons({ project, slideId, saved, followed, onBusy }: Props): ReactElement {
  const { t } = useTranslation("viewer");
  const [jobId, setJobId] = useState<string | null>(null);
  const { data: job } = useJob(jobId);
  const recipes = useRecipes();
  const versions = useModelVersions(project.id);
  const training = useTraining(project.id, onBusy, setJobId);
  const prediction = useStartPrediction(project.id);
  // The server lists its default method first.
  const [method] = recipes.data ?? [];
  const current = versions.data?.find((version) => version.state === "current");
  const isManager = project.my_role === "manager";
  const isBusy = job !== undefined && RUNNING.includes(job.state);
  useEffect(() => {
    if (followed !== null) setJobId(followed);
  }, [followed]);
  useEffect(() => {
    if (job) onBusy(RUNNING.includes(job.state));
  }, [job, onBusy]);
  const predict = () => {
    if (!current) return;
    onBusy(true);
    prediction.mutate(
      { model_version_id: current.id, slide_ids: [slideId] },
      {
        onSuccess: ({ jobs }) => setJobId(jobs[0]?.id ?? null),
        onError: (error) => {
          onBusy(false);
          notifyFailure(error);
        },
      },
    );
  };
  return (
    <Group gap={6} wrap="nowrap">
      {jobId && <RunningJob jobId={jobId} page={`/projects/${project.id}/jobs?job=${jobId}`} />}
      {isManager && (
        <>
          <Button
            size="xs"
            data-testid="train-button"
            disabled={!method || !saved || isBusy}
            loading={training.isStarting}
            onClick={() => method && void training.start(method.name)}
          >
            {t("train")}
          </Button>
          <Button
            size="xs"
            variant="default"
            data-testid="predict-button"
            disabled={!current || isBusy}
            loading={prediction.isPending}
            onClick={predict}
          >
            {t("predict")}
          </Button>
        </>
      )}
      {project.my_role !== "annotator" && (
        <Button
          size="xs"
          variant="default"
          component={Link}
          to={`/projects/${project.id}/review?slide=${slideId}`}
          data-testid="review-button"
        >
          {t("review")}
        </Button>
      )}
    </Group>
  );
}

function RunningJob({ jobId, page }: { jobId: string; page: string }): ReactElement | null {
  const { t } = useTranslation("viewer");
  const texts = useServerTexts();
  const { data: job } = useJob(jobId);
  const news = useJobEvents(jobId);
  const state = news.state ?? job?.state;
  const progress = news.progress ?? job?.progress ?? 0;
  if (!state) return null;
  const isRunning = RUNNING.includes(state);
  // The last step that was told is no news once the job has ended.
  const text =
    job === undefined
      ? ""
      : state === "failed"
        ? texts.messageText(job.error)
        : isRunning
          ? texts.messageText(news.message ?? job.message)
          : "";
  return (
    <div className={classes.progress} data-testid="round-progress" role="status">
      <Anchor
        component={Link}
        to={page}
        size="xs"
        truncate
        title={text}
        c={state === "failed" ? "red" : "inherit"}
        display="block"
      >
        <span data-testid="round-state">{t(`jobState.${state}`)}</span>
        {text ? ` · ${text}` : ""}
      </Anchor>
      <Progress
        size="sm"
        value={isRunning ? progress * 100 : 100}
        color={state === "failed" ? "red" : undefined}
        animated={isRunning}
        aria-label={t("progress")}
      />
    </div>
  );
}
