import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "@/sync/client";
import { ConfirmDialog } from "../../shared/ConfirmDialog";
import { sayError } from "../../shared/serverTexts";

/** A change that the server refuses until the person confirms the name. */
export interface SimilarName {
  readonly error: ApiError;
  readonly confirm: () => void;
}

/** True for a name that differs from that of another label in letter case only. */
export function isSimilarName(error: unknown): error is ApiError {
  return error instanceof ApiError && error.code === "label_letter_case";
}

/** Asks whether a name in other letter case is a label of its own. */
export function SimilarNameDialog({
  asked,
  onClose,
}: {
  readonly asked: SimilarName;
  readonly onClose: () => void;
}): ReactElement {
  const { t } = useTranslation("pages");
  return (
    <ConfirmDialog
      title={t("labels.similarTitle")}
      message={sayError(asked.error)}
      confirmLabel={t("labels.keepBoth")}
      onConfirm={() => {
        asked.confirm();
        onClose();
      }}
      onClose={onClose}
    />
  );
}
