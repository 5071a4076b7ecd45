import { Button, Group, Stack, Textarea, TextInput } from "@mantine/core";
import { type SyntheticEvent, useState } from "react";
import { useTranslation } from "react-i18next";

import { useUpdateProject } from "@/sync/queries";
import type { Project } from "@/sync/types";
import { Failure } from "../shell/Failure";
import { notifyDone } from "../shell/notify";

export function GeneralTab({ project }: { readonly project: Project }) {
  const { t } = useTranslation("pages");
  const update = useUpdateProject(project.id);
  const [name, setName] = useState(project.name);
  const [description, setDescription] = useState(project.description);
  const changed = name.trim() !== project.name || description.trim() !== project.description;
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    update.mutate(
      { name: name.trim(), description: description.trim() },
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
        <Group>
          <Button type="submit" disabled={!changed || name.trim() === ""} loading={update.isPending}>
            {t("common:save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
