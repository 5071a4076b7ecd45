import { Button, Loader } from "@mantine/core";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { AnnotationViewStatus } from "@/sync/annotationView";
import { StatusChip } from "./ObjectsStatus";

/** Says when annotations of this view are not here, or only as counts. */
export function AnnotationStatus({ status, onRetry }: { status: AnnotationViewStatus; onRetry: () => void }): ReactElement | null {
  const { t } = useTranslation("objects");
  const { failed, loading, counted, total } = status;
  if (!failed && !loading && !counted) return null;
  const text = failed ? t("annotationsFailed") : counted ? t("annotationsMany", { count: total ?? 0 }) : t("annotationsLoading");
  return (
    <div className="cs-annotation-status">
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
