import { Autocomplete } from "@mantine/core";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { useModelVersions, useUploadedWeights } from "@/sync/queries/queries";
import type { RecipeField } from "@/sync/types";
import { useProjectId } from "../shared/useProjectId";

export interface FieldProps {
  readonly field: RecipeField;
  readonly label: string;
  readonly description: string;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
}

/** Choice of the model or uploaded weights that a recipe builds on: from the project, or typed for another one. */
export function SourceField({ field, label, description, value, onChange }: FieldProps): ReactElement {
  const { t } = useTranslation("weights");
  const projectId = useProjectId();
  const versions = useModelVersions(projectId).data ?? [];
  const weights = useUploadedWeights(projectId).data ?? [];
  const data = [
    { group: t("versions"), items: versions.map((version) => version.name) },
    { group: t("title"), items: weights.map((each) => `weights: ${each.name}`) },
  ].filter(({ items }) => items.length > 0);
  return (
    <Autocomplete
      label={label}
      description={description}
      placeholder={t("choose")}
      data-testid={`config-${field.name}`}
      data={data}
      maxLength={200}
      value={typeof value === "string" ? value : ""}
      onChange={(name) => onChange(name === "" ? field.default : name)}
    />
  );
}
