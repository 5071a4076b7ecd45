import { Select } from "@mantine/core";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { useUpdateSlide } from "@/sync/queries/queries";
import type { Label, Slide } from "@/sync/types";
import { notifyFailure } from "../../shared/notify";

interface Props {
  slide: Slide;
  labels: readonly Label[];
}

/** Choice of the slide's diagnosis. */
export function DiagnosisSelect({ slide, labels }: Props): ReactElement {
  const { t } = useTranslation("slides");
  const update = useUpdateSlide(slide.project_id);
  return (
    <Select
      size="xs"
      mb="xs"
      label={t("diagnosis")}
      title={t("diagnosisHint")}
      placeholder={t("noDiagnosis")}
      clearable
      disabled={update.isPending}
      value={slide.label_id}
      data={labels
        .filter((label) => !label.retired_at || label.id === slide.label_id)
        .map((label) => ({ value: label.id, label: label.name }))}
      onChange={(label_id) =>
        update.mutate({ id: slide.id, label_id, seen: { label_id: slide.label_id } }, { onError: notifyFailure })
      }
      data-testid="diagnosis"
    />
  );
}
