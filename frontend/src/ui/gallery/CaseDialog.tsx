import { ActionIcon, Button, Group, Modal, NumberInput, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { type SyntheticEvent, useState } from "react";
import { useTranslation } from "react-i18next";

import { type ClinicalValue, useDescribeCase } from "@/sync/queries/wholeSlide";
import type { Case } from "@/sync/types";
import { Failure } from "../shared/Failure";

interface Row {
  readonly key: number;
  readonly name: string;
  readonly value: string;
}

interface CaseDialogProps {
  readonly projectId: string;
  readonly subject: Case;
  readonly onClose: () => void;
}

/** Numbers travel as numbers, everything else as a word. */
function parsed(text: string): ClinicalValue {
  const number = Number(text.replace(",", "."));
  return text.trim() !== "" && Number.isFinite(number) ? number : text.trim();
}

function rowsOf(subject: Case): Row[] {
  return Object.entries(subject.clinical).map(([name, value], key) => ({ key, name, value: String(value) }));
}

/** Clinical fields and follow-up of a case. Mounted only while open. */
export function CaseDialog({ projectId, subject, onClose }: CaseDialogProps) {
  const { t } = useTranslation("slides");
  const describe = useDescribeCase(projectId);
  const [seen] = useState(() => ({ clinical: subject.clinical, months: subject.months, event: subject.event }));
  const [rows, setRows] = useState<Row[]>(() => [...rowsOf(subject), { key: 1000, name: "", value: "" }]);
  const [months, setMonths] = useState<number | string>(subject.months ?? "");
  const [event, setEvent] = useState(subject.event === null ? "" : String(subject.event));
  const change = (key: number, part: Partial<Row>) =>
    setRows((old) => old.map((row) => (row.key === key ? { ...row, ...part } : row)));
  const add = () =>
    setRows((old) => [...old, { key: Math.max(0, ...old.map((row) => row.key)) + 1, name: "", value: "" }]);
  const submit = (submitted: SyntheticEvent) => {
    submitted.preventDefault();
    const known = rows.filter((row) => row.name.trim() !== "" && row.value.trim() !== "");
    describe.mutate(
      {
        id: subject.id,
        clinical: Object.fromEntries(known.map((row) => [row.name.trim(), parsed(row.value)])),
        months: typeof months === "number" ? months : null,
        event: event === "" ? null : event === "true",
        seen,
      },
      { onSuccess: onClose },
    );
  };
  return (
    <Modal opened onClose={onClose} title={t("clinicalOf", { case: subject.pseudonym })} centered size="lg">
      <form onSubmit={submit}>
        <Stack>
          {describe.isError ? <Failure error={describe.error} /> : null}
          <Text size="sm" c="dimmed">
            {t("clinicalHint")}
          </Text>
          {rows.map((row) => (
            <Group key={row.key} gap="xs" wrap="nowrap">
              <TextInput
                aria-label={t("field")}
                placeholder={t("field")}
                maxLength={60}
                value={row.name}
                onChange={(input) => change(row.key, { name: input.currentTarget.value })}
                style={{ flex: 1 }}
              />
              <TextInput
                aria-label={t("value")}
                placeholder={t("value")}
                maxLength={200}
                value={row.value}
                onChange={(input) => change(row.key, { value: input.currentTarget.value })}
                style={{ flex: 1 }}
              />
              <ActionIcon
                color="gray"
                aria-label={t("removeField", { name: row.name })}
                onClick={() => setRows((old) => old.filter((other) => other.key !== row.key))}
              >
                <IconTrash size={16} />
              </ActionIcon>
            </Group>
          ))}
          <Button variant="subtle" size="xs" w="fit-content" leftSection={<IconPlus size={14} />} onClick={add}>
            {t("addField")}
          </Button>
          <Text size="sm" fw={600}>
            {t("followUp")}
          </Text>
          <Group align="flex-end">
            <NumberInput label={t("months")} min={0} max={2000} value={months} onChange={setMonths} w={140} />
            <Stack gap={2}>
              <Text size="sm" fw={500}>
                {t("event")}
              </Text>
              <SegmentedControl
                value={event}
                onChange={setEvent}
                data={[
                  { value: "true", label: t("eventYes") },
                  { value: "false", label: t("eventNo") },
                  { value: "", label: t("eventUnknown") },
                ]}
              />
            </Stack>
          </Group>
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {t("common:cancel")}
            </Button>
            <Button type="submit" loading={describe.isPending}>
              {t("common:save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
