import { Button, Group, Stack, Switch, Textarea, TextInput } from "@mantine/core";
import { type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { isChangedMeanwhile, useUpdateProject } from "@/sync/queries/queries";
import type { Project } from "@/sync/types";
import { Failure } from "../../shared/Failure";
import { notifyDone } from "../../shared/notify";
import { useEdited } from "../../shared/useEdited";

export function GeneralTab({ project }: { readonly project: Project }) {
  const { t } = useTranslation(["pages", "quality"]);
  const update = useUpdateProject(project.id);
  const name = useEdited(project.name);
  const description = useEdited(project.description);
  const mapQuality = useEdited(project.map_quality);
  // Only what was changed here is sent: another manager may have changed the rest.
  const change = {
    ...(name.isEdited ? { name: name.value.trim() } : {}),
    ...(description.isEdited ? { description: description.value.trim() } : {}),
    ...(mapQuality.isEdited ? { map_quality: mapQuality.value } : {}),
  };
  const seen = { name: name.seen, description: description.seen, map_quality: mapQuality.seen };
  const changed = Object.keys(change).length > 0;
  const fields = [name, description, mapQuality];
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    update.mutate(
      { ...change, seen },
      {
        onSuccess: () => {
          fields.forEach(({ reset }) => reset());
          notifyDone(t("common:saved"));
        },
        onError: (error) => {
          if (isChangedMeanwhile(error)) fields.forEach(({ tell }) => tell());
        },
      },
    );
  };
  return (
    <form onSubmit={submit}>
      <Stack maw={560}>
        {update.isError ? <Failure error={update.error} /> : null}
        <TextInput
          label={t("common:name")}
          required
          value={name.value}
          onChange={(event) => name.write(event.currentTarget.value)}
        />
        <Textarea
          label={t("common:description")}
          autosize
          minRows={3}
          value={description.value}
          onChange={(event) => description.write(event.currentTarget.value)}
        />
        <Switch
          label={t("quality:atImport")}
          description={t("quality:atImportText")}
          checked={mapQuality.value}
          onChange={(event) => mapQuality.write(event.currentTarget.checked)}
        />
        <Group>
          <Button type="submit" disabled={!changed || name.value.trim() === ""} loading={update.isPending}>
            {t("common:save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
