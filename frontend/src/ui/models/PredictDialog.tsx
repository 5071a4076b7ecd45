import { Button, Group, Modal, MultiSelect, SegmentedControl, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useSlides, useStartPrediction } from "@/sync/queries/queries";
import type { ModelVersion } from "@/sync/types";
import { Failure } from "../shared/Failure";
import { notifyDone } from "../shared/notify";

interface PredictDialogProps {
  readonly version: ModelVersion;
  readonly onClose: () => void;
}

/** Lets a version suggest on all slides or on chosen ones. Mounted only while open. */
export function PredictDialog({ version, onClose }: PredictDialogProps) {
  const { t } = useTranslation("pages");
  const [scope, setScope] = useState("all");
  const [chosen, setChosen] = useState<string[]>([]);
  const slides = useSlides(version.project_id, { state: ["ready"], ordering: ["name"], page_size: 500 });
  const predict = useStartPrediction(version.project_id);
  const start = () =>
    predict.mutate(
      { model_version_id: version.id, ...(scope === "all" ? {} : { slide_ids: chosen }) },
      {
        onSuccess: ({ jobs }) => {
          notifyDone(t("models.predictionStarted", { count: jobs.length }));
          onClose();
        },
      },
    );
  return (
    <Modal opened onClose={onClose} title={t("models.predictTitle", { name: version.name })} centered>
      <Stack>
        {predict.isError ? <Failure error={predict.error} /> : null}
        <Text size="sm">{t("models.predictText")}</Text>
        <SegmentedControl
          value={scope}
          onChange={setScope}
          data={[
            { value: "all", label: t("models.allSlides", { count: slides.data?.count ?? 0 }) },
            { value: "some", label: t("models.someSlides") },
          ]}
        />
        {scope === "some" ? (
          <MultiSelect
            label={t("models.slides")}
            searchable
            data={(slides.data?.results ?? []).map((slide) => ({ value: slide.id, label: slide.name }))}
            value={chosen}
            onChange={setChosen}
          />
        ) : null}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            {t("common:cancel")}
          </Button>
          <Button loading={predict.isPending} disabled={scope === "some" && chosen.length === 0} onClick={start}>
            {t("models.decide.predict")}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
