import { ActionIcon, Button, ColorInput, Group, Select, Stack, Table, Text, TextInput, Tooltip } from "@mantine/core";
import { IconArchive, IconArrowDown, IconArrowUp, IconPlus } from "@tabler/icons-react";
import { type SyntheticEvent, useState } from "react";
import { useTranslation } from "react-i18next";

import { type LabelBody, useCreateLabel, useRetireLabel, useUpdateLabel } from "@/sync/queries";
import type { Label, Project } from "@/sync/types";
import { ConfirmDialog } from "../shell/ConfirmDialog";
import { Failure } from "../shell/Failure";
import { notifyFailure } from "../shell/notify";
import { LABEL_COLOURS } from "../theme";
import { nextColour } from "./DraftLabelRow";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

interface LabelRowProps {
  readonly label: Label;
  readonly taken: ReadonlySet<number>;
  readonly onMove: ((step: -1 | 1) => void) | null;
  readonly onChange: (part: Partial<LabelBody>) => void;
  readonly onRetire: () => void;
}

function LabelRow({ label, taken, onMove, onChange, onRetire }: LabelRowProps) {
  const { t } = useTranslation("pages");
  const [name, setName] = useState(label.name);
  const [snomed, setSnomed] = useState(label.snomed);
  const keep = (part: Partial<LabelBody>, changed: boolean) => {
    if (changed) onChange(part);
  };
  return (
    <Table.Tr data-testid="label-row">
      <Table.Td>
        <Group gap={2} wrap="nowrap">
          <ActionIcon
            size="sm"
            color="gray"
            aria-label={t("labels.up", { name: label.name })}
            onClick={() => onMove?.(-1)}
            disabled={onMove === null}
          >
            <IconArrowUp size={14} />
          </ActionIcon>
          <ActionIcon
            size="sm"
            color="gray"
            aria-label={t("labels.down", { name: label.name })}
            onClick={() => onMove?.(1)}
            disabled={onMove === null}
          >
            <IconArrowDown size={14} />
          </ActionIcon>
        </Group>
      </Table.Td>
      <Table.Td>
        <TextInput
          aria-label={t("common:name")}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          onBlur={() => keep({ name: name.trim() }, name.trim() !== "" && name.trim() !== label.name)}
        />
      </Table.Td>
      <Table.Td>
        <ColorInput
          w={130}
          aria-label={t("labels.colour")}
          format="hex"
          swatches={[...LABEL_COLOURS]}
          defaultValue={label.colour}
          onChangeEnd={(colour) => keep({ colour }, colour !== label.colour)}
        />
      </Table.Td>
      <Table.Td>
        <Select
          w={80}
          clearable
          aria-label={t("labels.key")}
          data={KEYS.map((key) => ({ value: key, label: key, disabled: taken.has(Number(key)) && Number(key) !== label.key }))}
          value={label.key === null ? null : String(label.key)}
          onChange={(key) => onChange({ key: key === null ? null : Number(key) })}
        />
      </Table.Td>
      <Table.Td>
        <TextInput
          w={140}
          aria-label={t("labels.snomed")}
          value={snomed}
          onChange={(event) => setSnomed(event.currentTarget.value)}
          onBlur={() => keep({ snomed: snomed.trim() }, snomed.trim() !== label.snomed)}
        />
      </Table.Td>
      <Table.Td>
        <Tooltip label={t("labels.retire")}>
          <ActionIcon color="gray" aria-label={`${t("labels.retire")}: ${label.name}`} onClick={onRetire}>
            <IconArchive size={16} />
          </ActionIcon>
        </Tooltip>
      </Table.Td>
    </Table.Tr>
  );
}

function NewLabel({ project, place }: { readonly project: Project; readonly place: number }) {
  const { t } = useTranslation("pages");
  const create = useCreateLabel(project.id);
  const [name, setName] = useState("");
  const taken = new Set(project.labels.map((label) => label.key));
  const free = KEYS.map(Number).find((key) => !taken.has(key)) ?? null;
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    create.mutate(
      { name: name.trim(), colour: nextColour(place), key: free },
      { onSuccess: () => setName("") },
    );
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="xs">
        {create.isError ? <Failure error={create.error} /> : null}
        <Group gap="xs">
          <TextInput
            w={260}
            placeholder={t("labels.namePlaceholder")}
            aria-label={t("labels.add")}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            data-testid="label-name"
          />
          <Button
            type="submit"
            variant="light"
            leftSection={<IconPlus size={16} />}
            disabled={name.trim() === ""}
            loading={create.isPending}
            data-testid="label-add"
          >
            {t("labels.add")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** The schema: what may be drawn and suggested in this project. */
export function LabelsTab({ project }: { readonly project: Project }) {
  const { t } = useTranslation("pages");
  const update = useUpdateLabel(project.id);
  const retire = useRetireLabel(project.id);
  const [retiring, setRetiring] = useState<Label | null>(null);
  const active = project.labels.filter((label) => label.retired_at === null).sort((a, b) => a.order - b.order);
  const retired = project.labels.filter((label) => label.retired_at !== null);
  const taken = new Set(active.flatMap((label) => label.key ?? []));
  const swap = (place: number, step: -1 | 1) => {
    const moved = active[place];
    const other = active[place + step];
    if (moved === undefined || other === undefined) return;
    update.mutate(
      { id: moved.id, order: other.order },
      {
        onSuccess: () => update.mutate({ id: other.id, order: moved.order }, { onError: notifyFailure }),
        onError: notifyFailure,
      },
    );
  };
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {t("labels.description")}
      </Text>
      <Table.ScrollContainer minWidth={700}>
        <Table verticalSpacing={6} withRowBorders={false}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={70}>{t("labels.order")}</Table.Th>
              <Table.Th>{t("common:name")}</Table.Th>
              <Table.Th>{t("labels.colour")}</Table.Th>
              <Table.Th>{t("labels.key")}</Table.Th>
              <Table.Th>{t("labels.snomed")}</Table.Th>
              <Table.Th w={50} aria-label={t("common:more")} />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {active.map((label, place) => (
              <LabelRow
                key={label.id}
                label={label}
                taken={taken}
                onMove={active.length > 1 ? (step) => swap(place, step) : null}
                onChange={(part) => update.mutate({ id: label.id, ...part }, { onError: notifyFailure })}
                onRetire={() => setRetiring(label)}
              />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <NewLabel project={project} place={project.labels.length} />
      {retired.length === 0 ? null : (
        <Text size="sm" c="dimmed">
          {t("labels.retired", { names: retired.map((label) => label.name).join(", ") })}
        </Text>
      )}
      {retiring === null ? null : (
        <ConfirmDialog
          title={t("labels.retireTitle", { name: retiring.name })}
          message={t("labels.retireText")}
          confirmLabel={t("labels.retire")}
          busy={retire.isPending}
          onConfirm={() =>
            retire.mutate(retiring.id, { onError: notifyFailure, onSettled: () => setRetiring(null) })
          }
          onClose={() => setRetiring(null)}
        />
      )}
    </Stack>
  );
}
