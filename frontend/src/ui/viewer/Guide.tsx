import { CloseButton, Group, Paper, Stack, Text, ThemeIcon } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { IconCheck } from "@tabler/icons-react";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { Snapshot } from "@/core/annotations";
import { useRegions } from "@/sync/queries/queries";
import type { ObjectSet, Project, Role } from "@/sync/types";
import classes from "./Viewer.module.css";

/** Whether the guide was closed; stored in this browser. */
export function useGuideAway(): [boolean, (away: boolean) => void] {
  const [away, setAway] = useLocalStorage({
    key: "coverslip.guide.away",
    defaultValue: false,
    getInitialValueInEffect: false,
  });
  return [away, setAway];
}

interface Props {
  project: Project;
  slideId: string;
  items: Snapshot;
  objectSet: ObjectSet | null;
  /** A round or a prediction that was started here is at work. */
  busy: boolean;
}

type Step = "draw" | "train" | "review" | "again" | "annotate" | "region" | "finish";

/** The steps that a person of each role can do. */
const STEPS: Readonly<Record<Role, readonly Step[]>> = {
  annotator: ["annotate", "region", "finish"],
  reviewer: ["annotate", "review", "finish"],
  manager: ["draw", "train", "review", "again"],
};
const TITLES = { annotator: "titleAnnotator", reviewer: "titleReviewer", manager: "title" } as const;

const LEAST_LABELS = 2;
const LEAST_MARKS = 2;

/** Labels that are marked often enough to learn from. */
function labelsReady(items: Snapshot): number {
  const counts = new Map<string, number>();
  for (const { label_id: id } of items.values()) if (id !== null) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts.values()].filter((count) => count >= LEAST_MARKS).length;
}

interface Progress {
  readonly items: Snapshot;
  readonly objectSet: ObjectSet | null;
  readonly hasRegion: boolean;
}

const openIn = (set: ObjectSet) => set.count - set.decided_count;

export function stepNow(role: Role, { items, objectSet, hasRegion }: Progress): Step {
  if (role === "annotator") return items.size === 0 ? "annotate" : hasRegion ? "finish" : "region";
  if (role === "reviewer") return objectSet ? (openIn(objectSet) > 0 ? "review" : "finish") : "annotate";
  if (objectSet) return objectSet.decided_count > 0 ? "again" : "review";
  return labelsReady(items) >= LEAST_LABELS ? "train" : "draw";
}

/** Return whether an earlier step was done, and not skipped by an import of objects. */
function isDone(step: Step, { items, objectSet }: Progress): boolean {
  if (step === "annotate") return items.size > 0;
  if (step === "review" || step === "region" || objectSet?.source === "model") return true;
  return step === "draw" && labelsReady(items) >= LEAST_LABELS;
}

/** Guide of the reader's role: finished steps, and instructions for the next one. Stays until it is closed. */
export function Guide({ project, slideId, items, objectSet, busy }: Props): ReactElement | null {
  const { t } = useTranslation("guide");
  const [away, putAway] = useGuideAway();
  const regions = useRegions(slideId);
  if (away) return null;
  const role = project.my_role;
  const steps = STEPS[role];
  const progress = { items, objectSet, hasRegion: (regions.data ?? []).length > 0 };
  const now = steps.indexOf(stepNow(role, progress));
  const how = (step: Step) => (step === "train" && busy ? t("trainWait") : t(`${step}How`));
  return (
    <Paper
      className={classes.hint}
      shadow="md"
      p="sm"
      withBorder
      component="section"
      aria-label={t(TITLES[role])}
      data-testid="guide"
      data-role={role}
    >
      <Group justify="space-between" mb={6}>
        <Text fw={600} size="sm">
          {t(TITLES[role])}
        </Text>
        <CloseButton size="sm" aria-label={t("close")} onClick={() => putAway(true)} />
      </Group>
      <Stack gap={6} component="ol" m={0} p={0} style={{ listStyle: "none" }}>
        {steps.map((step, number) => {
          const done = number < now && isDone(step, progress);
          return (
            <Group
              key={step}
              component="li"
              gap="xs"
              wrap="nowrap"
              align="flex-start"
              aria-current={number === now ? "step" : undefined}
              data-testid={`guide-${step}`}
            >
              <ThemeIcon
                size={20}
                radius="xl"
                variant={number === now ? "filled" : "light"}
                color={done ? "teal" : undefined}
              >
                {done ? (
                  <IconCheck size={13} />
                ) : (
                  <Text fz={11} fw={700}>
                    {number + 1}
                  </Text>
                )}
              </ThemeIcon>
              <div>
                <Text size="sm" fw={number === now ? 600 : 400} c={number === now ? undefined : "dimmed"}>
                  {t(step)}
                </Text>
                {number === now && <Text size="xs">{how(step)}</Text>}
              </div>
            </Group>
          );
        })}
      </Stack>
    </Paper>
  );
}
