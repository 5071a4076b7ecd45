import { CloseButton, Group, Paper, Stack, Text, ThemeIcon } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { IconCheck } from "@tabler/icons-react";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { Snapshot } from "@/core/annotations";
import type { ObjectSet, Project } from "@/sync/types";

/** Whether the steps were put away; remembered on this machine. */
export function useGuideAway(): [boolean, (away: boolean) => void] {
  const [away, setAway] = useLocalStorage({ key: "coverslip.guide.away", defaultValue: false, getInitialValueInEffect: false });
  return [away, setAway];
}

interface Props {
  project: Project;
  items: Snapshot;
  objectSet: ObjectSet | null;
  /** A round or a prediction that was started here is at work. */
  busy: boolean;
}

const STEPS = ["draw", "train", "review", "again"] as const;
type Step = (typeof STEPS)[number];

const LEAST_LABELS = 2;
const LEAST_MARKS = 2;

/** Labels that are marked often enough to learn from. */
function labelsReady(items: Snapshot): number {
  const counts = new Map<string, number>();
  for (const { label_id: id } of items.values()) if (id !== null) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts.values()].filter((count) => count >= LEAST_MARKS).length;
}

function stepNow(items: Snapshot, objectSet: ObjectSet | null): Step {
  if (objectSet) return objectSet.decided_count > 0 ? "again" : "review";
  return labelsReady(items) >= LEAST_LABELS ? "train" : "draw";
}

/** Whether a step before the present one was done, and not passed over by bringing objects in as a file. */
function isDone(step: Step, items: Snapshot, objectSet: ObjectSet | null): boolean {
  if (step === "review" || objectSet?.source === "model") return true;
  return step === "draw" && labelsReady(items) >= LEAST_LABELS;
}

/** The loop step by step: what is done, and how to do what comes next. Stays until it is put away. */
export function Guide({ project, items, objectSet, busy }: Props): ReactElement | null {
  const { t } = useTranslation("guide");
  const [away, putAway] = useGuideAway();
  if (away) return null;
  const now = STEPS.indexOf(stepNow(items, objectSet));
  const how = (step: Step) => {
    if (step === "train" && project.my_role !== "manager") return t("onlyReader");
    return step === "train" && busy ? t("trainWait") : t(`${step}How`);
  };
  return (
    <Paper className="cs-hint" shadow="md" p="sm" withBorder component="section" aria-label={t("title")} data-testid="guide">
      <Group justify="space-between" mb={6}>
        <Text fw={600} size="sm">
          {t("title")}
        </Text>
        <CloseButton size="sm" aria-label={t("close")} onClick={() => putAway(true)} />
      </Group>
      <Stack gap={6} component="ol" m={0} p={0} style={{ listStyle: "none" }}>
        {STEPS.map((step, number) => {
          const done = number < now && isDone(step, items, objectSet);
          return (
            <Group key={step} component="li" gap="xs" wrap="nowrap" align="flex-start" aria-current={number === now ? "step" : undefined} data-testid={`guide-${step}`}>
              <ThemeIcon size={20} radius="xl" variant={number === now ? "filled" : "light"} color={done ? "teal" : undefined}>
                {done ? <IconCheck size={13} /> : <Text fz={11} fw={700}>{number + 1}</Text>}
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
