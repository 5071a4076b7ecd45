import { Button, Loader } from "@mantine/core";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { AnnotationViewStatus } from "@/sync/edits/annotationView";
import { StatusChip } from "./ObjectsStatus";
import classes from "../Viewer.module.css";

interface Props {
  status: AnnotationViewStatus;
  /** Accepted suggestions of other rounds in this view that are too many to be outlined. */
  outlinesLeft: number;
  onRetry: () => void;
}

/** Status of annotations that are missing in this view, or shown as counts. */
export function AnnotationStatus({ status, outlinesLeft, onRetry }: Props): ReactElement | null {
  const { t } = useTranslation("objects");
  const { failed, loading, counted, total } = status;
  if (!failed && !loading && !counted && outlinesLeft === 0) return null;
  const text = failed
    ? t("annotationsFailed")
    : counted
      ? t("annotationsMany", { count: total ?? 0 })
      : loading
        ? t("annotationsLoading")
        : t("acceptedLeft", { count: outlinesLeft });
  return (
    <div className={classes.annotationStatus}>
      <StatusChip text={text} testId="annotations-status">
        {loading && <Loader size={12} />}
        {failed && (
          <Button size="compact-xs" variant="default" onClick={onRetry}>
            {t("retry")}
          </Button>
        )}
      </StatusChip>
    </div>
  );
}
