import { Button, Checkbox, Group, Modal, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { type SyntheticEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { useCreateLabelledProject } from "@/sync/queries/projectQueries";
import { type DraftLabel, DraftLabelRow, nextColour } from "./labels/DraftLabelRow";
import { Failure } from "../shared/Failure";

const FIRST_LABELS = 2;

/** Names that differ in letter case only. */
function similarNames(labels: readonly DraftLabel[]): string[] {
  const names = [...new Set(labels.map((label) => label.name.trim().normalize("NFC")))];
  return names.filter((name) => names.some((other) => other !== name && other.toLowerCase() === name.toLowerCase()));
}

function emptyLabels(): DraftLabel[] {
  return Array.from({ length: FIRST_LABELS }, (_, index) => ({ name: "", colour: nextColour(index) }));
}

/** Makes a project with its first labels. Mounted only while open. */
export function CreateProjectDialog({ onClose }: { readonly onClose: () => void }) {
  const { t } = useTranslation("pages");
  const navigate = useNavigate();
  const create = useCreateLabelledProject();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [labels, setLabels] = useState(emptyLabels);
  const [areTwo, setAreTwo] = useState(false);
  const similar = similarNames(labels);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    const named = labels.filter((label) => label.name.trim() !== "");
    create.mutate(
      { name: name.trim(), description: description.trim(), labels: named, allowSimilarNames: areTwo },
      { onSuccess: (project) => void navigate(`/projects/${project.id}`) },
    );
  };
  const change = (index: number, label: DraftLabel) =>
    setLabels(labels.map((old, place) => (place === index ? label : old)));
  return (
    <Modal opened onClose={onClose} title={t("projects.create")} size="lg" centered>
      <form onSubmit={submit}>
        <Stack>
          {create.isError ? <Failure error={create.error} /> : null}
          <TextInput
            label={t("common:name")}
            placeholder={t("projects.namePlaceholder")}
            required
            maxLength={200}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            data-autofocus
            data-testid="project-name"
          />
          <Textarea
            label={t("common:description")}
            autosize
            minRows={2}
            value={description}
            onChange={(event) => setDescription(event.currentTarget.value)}
          />
          <Stack gap={6}>
            <Text size="sm" fw={500}>
              {t("projects.firstLabels")}
            </Text>
            <Text size="xs" c="dimmed">
              {t("projects.firstLabelsHint")}
            </Text>
            {labels.map((label, index) => (
              <DraftLabelRow
                key={index}
                number={index + 1}
                label={label}
                onChange={(next) => change(index, next)}
                onRemove={() => setLabels(labels.filter((_, place) => place !== index))}
              />
            ))}
            <Group>
              <Button
                variant="subtle"
                size="xs"
                leftSection={<IconPlus size={14} />}
                onClick={() => setLabels([...labels, { name: "", colour: nextColour(labels.length) }])}
              >
                {t("labels.add")}
              </Button>
            </Group>
          </Stack>
          {similar.length === 0 ? null : (
            <Checkbox
              label={t("labels.areTwo", { names: similar.join(", ") })}
              checked={areTwo}
              onChange={(event) => setAreTwo(event.currentTarget.checked)}
              data-testid="labels-are-two"
            />
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {t("common:cancel")}
            </Button>
            <Button
              type="submit"
              loading={create.isPending}
              disabled={name.trim() === "" || (similar.length > 0 && !areTwo)}
              data-testid="project-create"
            >
              {t("common:create")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
