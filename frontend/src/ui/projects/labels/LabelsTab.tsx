import { ActionIcon, Button, Group, Select, Stack, Table, Text, TextInput, Tooltip } from "@mantine/core";
import { IconArchive, IconArrowDown, IconArrowUp, IconPlus } from "@tabler/icons-react";
import { type SyntheticEvent, useState } from "react";
import { useTranslation } from "react-i18next";

import { useCreateLabel, useReorderLabels, useRetireLabel, useUpdateLabel } from "@/sync/queries/queries";
import type { Label, LabelBody, LabelChanges, Project } from "@/sync/types";
import { ConfirmDialog } from "../../shared/ConfirmDialog";
import { Failure } from "../../shared/Failure";
import { notifyFailure } from "../../shared/notify";
import { type Edited, useEdited } from "../../shared/useEdited";
import { HeadingRow } from "../../shared/tables";
import { ColourInput } from "./ColourInput";
import { nextColour } from "./DraftLabelRow";
import { isSimilarName, type SimilarName, SimilarNameDialog } from "./SimilarName";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

interface LabelRowProps {
  readonly label: Label;
  readonly taken: ReadonlySet<number>;
  readonly onMove: ((step: -1 | 1) => void) | null;
  readonly onChange: (part: LabelChanges) => void;
  readonly onRetire: () => void;
}

function LabelRow({ label, taken, onMove, onChange, onRetire }: LabelRowProps) {
  const { t } = useTranslation("pages");
  const name = useEdited(label.name);
  const snomed = useEdited(label.snomed);
  // A field that nobody wrote into sends nothing: a colleague may have changed the label meanwhile.
  const keep = (field: "name" | "snomed", { value, isEdited, seen, reset }: Edited<string>, mayBeEmpty: boolean) => {
    if (isEdited && (mayBeEmpty || value.trim() !== "")) onChange({ [field]: value.trim(), seen: { [field]: seen } });
    if (isEdited) reset();
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
          value={name.value}
          onChange={(event) => name.write(event.currentTarget.value)}
          onBlur={() => keep("name", name, false)}
        />
      </Table.Td>
      <Table.Td>
        <ColourInput
          w={150}
          aria-label={t("labels.colour")}
          key={label.colour}
          defaultValue={label.colour}
          onChangeEnd={(colour) => {
            if (colour !== label.colour) onChange({ colour, seen: { colour: label.colour } });
          }}
        />
      </Table.Td>
      <Table.Td>
        <Select
          w={80}
          clearable
          aria-label={t("labels.key")}
          data={KEYS.map((key) => ({
            value: key,
            label: key,
            disabled: taken.has(Number(key)) && Number(key) !== label.key,
          }))}
          value={label.key === null ? null : String(label.key)}
          onChange={(key) => onChange({ key: key === null ? null : Number(key), seen: { key: label.key } })}
        />
      </Table.Td>
      <Table.Td>
        <TextInput
          w={140}
          aria-label={t("labels.snomed")}
          value={snomed.value}
          onChange={(event) => snomed.write(event.currentTarget.value)}
          onBlur={() => keep("snomed", snomed, true)}
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
  const [asked, setAsked] = useState<SimilarName | null>(null);
  const taken = new Set(project.labels.map((label) => label.key));
  const free = KEYS.map(Number).find((key) => !taken.has(key)) ?? null;
  const add = (confirmed: Pick<LabelBody, "allow_similar_name">) =>
    create.mutate(
      { name: name.trim(), colour: nextColour(place), key: free, ...confirmed },
      {
        onSuccess: () => setName(""),
        onError: (error) => {
          if (isSimilarName(error)) setAsked({ error, confirm: () => add({ allow_similar_name: true }) });
        },
      },
    );
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    add({});
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="xs">
        {create.isError && !isSimilarName(create.error) ? <Failure error={create.error} /> : null}
        {asked === null ? null : <SimilarNameDialog asked={asked} onClose={() => setAsked(null)} />}
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

/** The label schema of this project. */
export function LabelsTab({ project }: { readonly project: Project }) {
  const { t } = useTranslation("pages");
  const update = useUpdateLabel(project.id);
  const reorder = useReorderLabels(project.id);
  const retire = useRetireLabel(project.id);
  const [retiring, setRetiring] = useState<Label | null>(null);
  const [asked, setAsked] = useState<SimilarName | null>(null);
  const change = (id: string, part: LabelChanges) =>
    update.mutate(
      { id, ...part },
      {
        onError: (error) => {
          if (isSimilarName(error))
            setAsked({ error, confirm: () => change(id, { ...part, allow_similar_name: true }) });
          else notifyFailure(error);
        },
      },
    );
  const active = project.labels.filter((label) => label.retired_at === null).sort((a, b) => a.order - b.order);
  const retired = project.labels.filter((label) => label.retired_at !== null);
  const taken = new Set(active.flatMap((label) => label.key ?? []));
  const swap = (place: number, step: -1 | 1) => {
    const seen = active.map((label) => label.id);
    const ids = [...seen];
    const target = place + step;
    const [moved] = ids.splice(place, 1);
    if (moved === undefined || target < 0 || target > ids.length) return;
    ids.splice(target, 0, moved);
    reorder.mutate({ label_ids: ids, seen }, { onError: notifyFailure });
  };
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {t("labels.description")}
      </Text>
      <Table.ScrollContainer minWidth={700}>
        <Table verticalSpacing={6} withRowBorders={false}>
          <HeadingRow>
            <Table.Th w={70}>{t("labels.order")}</Table.Th>
            <Table.Th>{t("common:name")}</Table.Th>
            <Table.Th>{t("labels.colour")}</Table.Th>
            <Table.Th>{t("labels.key")}</Table.Th>
            <Table.Th>{t("labels.snomed")}</Table.Th>
          </HeadingRow>
          <Table.Tbody>
            {active.map((label, place) => (
              <LabelRow
                key={label.id}
                label={label}
                taken={taken}
                onMove={active.length > 1 ? (step) => swap(place, step) : null}
                onChange={(part) => change(label.id, part)}
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
      {asked === null ? null : <SimilarNameDialog asked={asked} onClose={() => setAsked(null)} />}
      {retiring === null ? null : (
        <ConfirmDialog
          title={t("labels.retireTitle", { name: retiring.name })}
          message={t("labels.retireText")}
          confirmLabel={t("labels.retire")}
          busy={retire.isPending}
          onConfirm={() => retire.mutate(retiring.id, { onError: notifyFailure, onSettled: () => setRetiring(null) })}
          onClose={() => setRetiring(null)}
        />
      )}
    </Stack>
  );
}
