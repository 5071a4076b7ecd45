import { Anchor, Group, Stack, Table, Text } from "@mantine/core";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { reportOf } from "@/sync/queries/imports";
import type { Job } from "@/sync/types";
import { ReportView } from "../imports/ReportView";
import { type Format, useFormat } from "../shared/format";

type Result = Readonly<Record<string, unknown>>;

/** In the outcome, in the report of an import, or only for programs. */
const NOT_SHOWN = new Set([
  "outcome",
  "report",
  "detail",
  "slide_id",
  "object_set_id",
  "model_version_id",
  "comparison_id",
]);

/** Result of a job: a sentence, its figures, and where to look at it. */
export function JobResult({ job }: { readonly job: Job }): ReactElement | null {
  const { t } = useTranslation("results");
  const result: Result | null = job.result;
  if (result === null) return null;
  const report = reportOf(result);
  const { outcome } = result;
  return (
    <Stack gap="xs" data-testid="job-result">
      {typeof outcome === "string" ? (
        <Text size="sm">{t(`outcomes.${outcome}`, { defaultValue: readable(outcome) })}</Text>
      ) : null}
      {report === null ? <Figures result={result} /> : <ReportView report={report} />}
      <ResultLinks job={job} result={result} />
    </Stack>
  );
}

function Figures({ result }: { readonly result: Result }): ReactElement | null {
  const { t } = useTranslation(["results", "slides"]);
  const format = useFormat();
  const rows = Object.entries(result).filter(([name]) => !NOT_SHOWN.has(name));
  if (rows.length === 0) return null;
  const inWords = (name: string, value: unknown): string => {
    if (name === "good") return t(value === true ? "goodMatch" : "doubtfulMatch");
    if (name === "method" && typeof value === "string") return t(`slides:method.${value}`, { defaultValue: value });
    if (typeof value === "boolean") return t(value ? "yes" : "no");
    return plain(value, format);
  };
  return (
    <Table withRowBorders={false} verticalSpacing={3}>
      <Table.Tbody>
        {rows.map(([name, value]) => (
          <Table.Tr key={name} data-testid="result-figure" data-name={name}>
            <Table.Th fw={500} c="dimmed" w={200}>
              {t(`figures.${name}`, { defaultValue: readable(name) })}
            </Table.Th>
            <Table.Td style={{ overflowWrap: "anywhere" }}>{inWords(name, value)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function ResultLinks({ job, result }: { readonly job: Job; readonly result: Result }): ReactElement | null {
  const { t } = useTranslation("results");
  if (job.project_id === null || result["outcome"] === "deleted") return null;
  const slide = result["slide_id"] ?? (job.subject_type === "slide" ? job.subject_id : null);
  const version = result["model_version_id"] ?? (job.subject_type === "modelversion" ? job.subject_id : null);
  const links: [string, string][] = [
    ...(typeof slide === "string"
      ? [[t("toSlide"), `/projects/${job.project_id}/slides/${slide}`] satisfies [string, string]]
      : []),
    ...(typeof version === "string"
      ? [[t("toVersion"), `/projects/${job.project_id}/models/${version}`] satisfies [string, string]]
      : []),
  ];
  return links.length === 0 ? null : (
    <Group gap="md">
      {links.map(([text, address]) => (
        <Anchor key={address} component={Link} to={address} size="sm">
          {text}
        </Anchor>
      ))}
    </Group>
  );
}

/** A name of a program with spaces and a capital letter, for a result that has no words yet. */
function readable(name: string): string {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Any value in text: numbers in the form of the language, lists and nested values after one another. */
function plain(value: unknown, format: Format): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return format.number(value, Number.isInteger(value) ? 0 : 3);
  if (Array.isArray(value)) return value.map((item) => plain(item, format)).join(", ");
  if (typeof value === "object") {
    return Object.entries(value)
      .map(([name, item]) => `${readable(name)}: ${plain(item, format)}`)
      .join(", ");
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}
