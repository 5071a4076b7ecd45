import { Anchor, Code, CopyButton, Group, Stack, Table, Text, UnstyledButton } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { ModelVersion } from "@/sync/types";
import { useFormat } from "../shared/format";
import { useServerTexts } from "../shared/serverTexts";

function Digest({ value }: { readonly value: string }) {
  const { t } = useTranslation("pages");
  if (value === "") return <Text size="sm">–</Text>;
  const short = `${value.slice(0, 16)}${value.length > 16 ? "…" : ""}`;
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <UnstyledButton onClick={copy} aria-label={`${t("common:copy")} ${short}`} title={value}>
          <Group gap={4} wrap="nowrap">
            <Code>{short}</Code>
            {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
          </Group>
        </UnstyledButton>
      )}
    </CopyButton>
  );
}

/** A value of a setting in words: choices are named, what was left open says so. */
function useValueText(): (value: unknown) => string {
  const { t } = useTranslation("pages");
  const texts = useServerTexts();
  return (value) => {
    if (value === null) return t("models.configUnset");
    return typeof value === "string" ? texts.choice(value) : JSON.stringify(value);
  };
}

function Row({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <Table.Tr>
      <Table.Th w={150} fw={500} c="dimmed">
        {name}
      </Table.Th>
      <Table.Td>{children}</Table.Td>
    </Table.Tr>
  );
}

/** Provenance of a version: data, recipe, settings and author, enough to reproduce it. */
export function Provenance({ version }: { readonly version: ModelVersion }) {
  const { t } = useTranslation("pages");
  const format = useFormat();
  const texts = useServerTexts();
  const valueText = useValueText();
  const config = Object.entries(version.config);
  return (
    <Table withRowBorders={false} verticalSpacing={4} layout="fixed">
      <Table.Tbody>
        <Row name={t("models.recipe")}>{texts.recipe(version.recipe, "title", version.recipe_title)}</Row>
        <Row name={t("models.labels")}>{version.labels.map((label) => label.name).join(", ")}</Row>
        <Row name={t("models.parent")}>
          {version.parent === null ? (
            "–"
          ) : (
            <Anchor component={Link} size="sm" to={`/projects/${version.project_id}/models/${version.parent.id}`}>
              {version.parent.name}
            </Anchor>
          )}
        </Row>
        <Row name={t("models.snapshot")}>
          <Digest value={version.snapshot_digest} />
        </Row>
        <Row name={t("models.weights")}>
          <Digest value={version.weights_digest} />
        </Row>
        <Row name={t("models.code")}>
          <Digest value={version.code_version} />
        </Row>
        <Row name={t("models.seed")}>{version.seed}</Row>
        <Row name={t("models.config")}>
          {config.length === 0 ? (
            t("models.configDefault")
          ) : (
            <Stack gap={2}>
              {config.map(([name, value]) => {
                const { title } = texts.setting(
                  { name: version.recipe, task: version.task },
                  { name, title: name, description: "" },
                );
                return (
                  <Text key={name} size="sm" title={name}>
                    {`${title}: ${valueText(value)}`}
                  </Text>
                );
              })}
            </Stack>
          )}
        </Row>
        <Row name={t("models.made")}>
          {`${format.dateTime(version.created_at)} · ${version.created_by.display_name}`}
        </Row>
        {version.promoted_at === null ? null : (
          <Row name={t("models.promoted")}>{format.dateTime(version.promoted_at)}</Row>
        )}
        {version.kept_at === null ? null : <Row name={t("models.kept")}>{format.dateTime(version.kept_at)}</Row>}
      </Table.Tbody>
    </Table>
  );
}
