import { Button, Group, Stack, Switch, Textarea, TextInput } from "@mantine/core";
import { type SyntheticEvent, useState } from "react";
import { useTranslation } from "react-i18next";

import { useUpdateProject } from "@/sync/queries";
import type { Project } from "@/sync/types";
import { Failure } from "../shell/Failure";
import { notifyDone } from "../shell/notify";

export function GeneralTab({ project }: { readonly project: Project }) {
  const { t } = useTranslation(["pages", "quality"]);
  const update = useUpdateProject(project.id);
  const [name, setName] = useState(project.name);
  const [description, setDescription] = useState(project.description);
  const [mapQuality, setMapQuality] = useState(project.map_quality);
  const changed =
    name.trim() !== project.name || description.trim() !== project.description || mapQuality !== project.map_quality;
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    update.mutate(
      { name: name.trim(), description: description.trim(), map_quality: mapQuality },
      { onSuccess: () => notifyDone(t("common:saved")) },
    );
  };
  return (
    <form onSubmit={submit}>
      <Stack maw={560}>
        {update.isError ? <Failure error={update.error} /> : null}
        <TextInput
          label={t("common:name")}
          required
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Textarea
          label={t("common:description")}
          autosize
          minRows={3}
          value={description}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        <Switch
          label={t("quality:atImport")}
          description={t("quality:atImportText")}
          checked={mapQuality}
          onChange={(event) => setMapQuality(event.currentTarget.checked)}
        />
        <Group>
          <Button type="submit" disabled={!changed || name.trim() === ""} loading={update.isPending}>
            {t("common:save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
