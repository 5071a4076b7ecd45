import { List } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { checkRound, useStartRound } from "@/sync/queries/queries";
import type { RoundCheck } from "@/sync/types";
import { notifyFailure } from "../shared/notify";
import { useServerTexts } from "../shared/serverTexts";

export interface Training {
  readonly isStarting: boolean;
  /** Train by a recipe and predict, where there are labels enough; otherwise say what is missing. */
  readonly start: (recipe: string) => Promise<void>;
}

/** Start rounds from the open slide. `onBusy` is told before the start: a quick round may be over before its job is read. */
export function useTraining(
  projectId: string,
  onBusy: (busy: boolean) => void,
  onJob: (jobId: string) => void,
): Training {
  const { t } = useTranslation("viewer");
  const texts = useServerTexts();
  const round = useStartRound(projectId);
  const [isStarting, setStarting] = useState(false);
  const sayMissing = (check: RoundCheck) => {
    const missing = check.blockers.map((notice) => texts.messageText(notice));
    const message =
      missing.length === 1 ? (
        missing[0]
      ) : (
        <List size="sm">
          {missing.map((text) => (
            <List.Item key={text}>{text}</List.Item>
          ))}
        </List>
      );
    notifications.show({ color: "yellow", title: t("notYet"), message, autoClose: 15_000 });
  };
  const start = async (recipe: string) => {
    setStarting(true);
    try {
      const check = await checkRound(projectId, { recipe });
      if (check.ready) {
        onBusy(true);
        const made = await round.mutateAsync({ recipe, predict: true });
        onJob(made.job.id);
      } else sayMissing(check);
    } catch (error) {
      onBusy(false);
      notifyFailure(error);
    } finally {
      setStarting(false);
    }
  };
  return { isStarting, start };
}
