import { Select, Stack, Table, Text } from "@mantine/core";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { LEAVE_OUT, NEW_LABEL, NO_LABEL, OWN_NAME } from "@/sync/queries/imports";
import type { FileClass, ImportPreview, Project } from "@/sync/types";
import { LabelDot } from "../shared/LabelDot";

type Mapping = Readonly<Record<string, string>>;

type Classes = Pick<ImportPreview, "classes" | "unlabelled" | "become" | "may_create_labels">;

interface Props {
  readonly preview: Classes;
  readonly project: Project;
  readonly mapping: Mapping;
  readonly onChange: (mapping: Mapping) => void;
}

/** True while the label of a class is a guess that the person has not confirmed. */
export function hasOpenQuestion(classes: readonly FileClass[], mapping: Mapping): boolean {
  return classes.some((each) => each.is_question && mapping[each.name] === undefined);
}

/** The classes of the file and the label that each becomes. */
export function ClassMapping({ preview, project, mapping, onChange }: Props): ReactElement | null {
  const { t } = useTranslation("imports");
  const { classes, unlabelled } = preview;
  if (classes.length === 0) return null;
  return (
    <Table verticalSpacing={4} horizontalSpacing={6} layout="fixed" data-testid="import-classes">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("class")}</Table.Th>
          <Table.Th w={70} ta="right">
            {t("shapes")}
          </Table.Th>
          <Table.Th w={210}>{t("becomes")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {classes.map((each) => (
          <Table.Tr key={each.name} data-testid="import-class" data-name={each.name}>
            <Table.Td style={{ overflow: "hidden" }} title={each.name}>
              <LabelDot colour={each.colour} name={each.name} />
            </Table.Td>
            <Table.Td ta="right">{t("number", { value: each.count })}</Table.Td>
            <Table.Td>
              <TargetSelect
                each={each}
                preview={preview}
                project={project}
                chosen={mapping[each.name]}
                onChoose={(target) => onChange({ ...mapping, [each.name]: target })}
              />
            </Table.Td>
          </Table.Tr>
        ))}
        {unlabelled > 0 ? (
          <Table.Tr>
            <Table.Td c="dimmed">{t("noClass")}</Table.Td>
            <Table.Td ta="right">{t("number", { value: unlabelled })}</Table.Td>
            <Table.Td c="dimmed">{t("withoutLabel")}</Table.Td>
          </Table.Tr>
        ) : null}
      </Table.Tbody>
    </Table>
  );
}

interface TargetProps {
  readonly each: FileClass;
  readonly preview: Classes;
  readonly project: Project;
  readonly chosen: string | undefined;
  readonly onChoose: (target: string) => void;
}

function TargetSelect({ each, preview, project, chosen, onChoose }: TargetProps): ReactElement {
  const { t } = useTranslation("imports");
  const labels = project.labels.filter((label) => label.retired_at === null || label.id === each.target);
  const data = [
    ...labels.map((label) => ({
      value: label.id,
      label: label.retired_at === null ? label.name : t("retired", { name: label.name }),
    })),
    ...(preview.become === "objects" ? [{ value: OWN_NAME, label: t("ownName") }] : []),
    ...(preview.may_create_labels ? [{ value: NEW_LABEL, label: t("newLabel", { name: each.name }) }] : []),
    { value: NO_LABEL, label: t("withoutLabel") },
    { value: LEAVE_OUT, label: t("leaveOut") },
  ];
  const isOpen = each.is_question && chosen === undefined;
  const isUnknown = !isOpen && chosen === undefined && each.target === LEAVE_OUT;
  const similar = each.similar.map(({ name }) => name).join(", ");
  return (
    <Stack gap={2}>
      <Select
        size="xs"
        aria-label={t("labelFor", { name: each.name })}
        data={data}
        value={isOpen ? null : (chosen ?? each.target)}
        placeholder={t("choose")}
        error={isOpen}
        allowDeselect={false}
        comboboxProps={{ withinPortal: true }}
        onChange={(target) => target !== null && onChoose(target)}
      />
      {isOpen ? (
        <Text size="xs" c="red">
          {similar === "" ? t("variants") : t("letterCase", { name: similar })}
        </Text>
      ) : null}
      {isUnknown ? (
        <Text size="xs" c="orange">
          {t("unknown")}
        </Text>
      ) : null}
    </Stack>
  );
}
