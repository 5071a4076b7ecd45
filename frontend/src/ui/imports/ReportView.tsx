import { Alert, Badge, Group, ScrollArea, Stack, Table, Text } from "@mantine/core";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { isIncomplete } from "@/sync/queries/imports";
import type { ImportReport } from "@/sync/types";
import { useServerTexts } from "../shared/serverTexts";

const MOST_SHOWN = 200;
const COLOURS: Record<string, string> = {
  skipped: "red",
  conflict: "red",
  updated: "blue",
  restored: "blue",
  created: "teal",
  already_there: "gray",
};

/** The result of an import: counts, and each row that did not simply come in. Red when something did not. */
export function ReportView({ report }: { readonly report: ImportReport }): ReactElement {
  const { t } = useTranslation("imports");
  const isBad = isIncomplete(report);
  const isNothing = report.created + report.updated === 0;
  const title = !isBad ? t(isNothing ? "nothingNew" : "complete") : t(isNothing ? "nothing" : "incomplete");
  return (
    <Stack gap="sm" data-testid="import-report">
      <Alert
        color={isBad ? "red" : "teal"}
        icon={isBad ? <IconAlertTriangle size={18} /> : <IconCheck size={18} />}
        title={title}
        data-testid="import-outcome"
        data-bad={isBad}
      >
        <ReportCounts report={report} />
      </Alert>
      <ReportReasons report={report} />
      <ReportRows report={report} />
    </Stack>
  );
}

/** Numbers of shapes that were added, changed, unchanged or left out. */
export function ReportCounts({
  report,
  isPreview = false,
}: {
  readonly report: ImportReport;
  readonly isPreview?: boolean;
}): ReactElement {
  const { t } = useTranslation("imports");
  const when = isPreview ? "preview" : "counts";
  const parts: [string, number, string][] = [
    ["created", report.created, "teal"],
    ["updated", report.updated, "blue"],
    ["already_there", report.already_there, "gray"],
    ["mended", report.mended, "yellow"],
    ["cut", report.cut, "yellow"],
    ["conflicts", report.conflicts, "red"],
    ["skipped", report.skipped_count, "red"],
  ];
  const shown = parts.filter(([name, count]) => count > 0 || name === "created");
  return (
    <Stack gap={4}>
      <Group gap={6}>
        {shown.map(([name, count, colour]) => (
          <Badge
            key={name}
            variant={colour === "red" ? "filled" : "light"}
            color={colour}
            tt="none"
            size="lg"
            data-testid={`count-${name}`}
            data-count={count}
          >
            {t(`${when}.${name}`, { count })}
          </Badge>
        ))}
      </Group>
      {!isPreview && report.labels_created.length > 0 ? (
        <Text size="sm">{t("labels", { names: report.labels_created.join(", ") })}</Text>
      ) : null}
      {report.without_score > 0 ? <Text size="sm">{t("withoutScore", { count: report.without_score })}</Text> : null}
      {report.nuclei_left_out > 0 ? (
        <Text size="sm" c="orange" data-testid="nuclei-left-out">
          {t("nucleiLeftOut", { count: report.nuclei_left_out })}
        </Text>
      ) : null}
      {report.missing > 0 ? <Text size="sm">{t("missing", { count: report.missing })}</Text> : null}
    </Stack>
  );
}

/** Number of rows by reason, when not all rows are listed. */
export function ReportReasons({
  report,
}: {
  readonly report: Pick<ImportReport, "reasons" | "rows_left_out">;
}): ReactElement | null {
  const { t } = useTranslation("imports");
  const texts = useServerTexts();
  if (report.rows_left_out === 0 || report.reasons.length === 0) return null;
  return (
    <Table verticalSpacing={3} horizontalSpacing={6} data-testid="import-reasons">
      <Table.Thead>
        <Table.Tr>
          <Table.Th w={90} ta="right">
            {t("rows")}
          </Table.Th>
          <Table.Th>{t("reason")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {report.reasons.map((each, place) => (
          <Table.Tr key={place}>
            <Table.Td ta="right">{t("number", { value: each.count })}</Table.Td>
            <Table.Td>
              <Text size="xs">{texts.messageText(each.reason)}</Text>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

/** Rows with a reason, and updates. */
export function ReportRows({
  report,
}: {
  readonly report: Pick<ImportReport, "rows" | "rows_left_out">;
}): ReactElement | null {
  const { t } = useTranslation("imports");
  const texts = useServerTexts();
  const rows = report.rows.filter((row) => row.reason !== null || row.outcome === "updated");
  if (rows.length === 0) return null;
  const more = Math.max(0, rows.length - MOST_SHOWN) + report.rows_left_out;
  return (
    <ScrollArea.Autosize mah={260} type="auto">
      <Table verticalSpacing={3} horizontalSpacing={6} data-testid="import-rows">
        <Table.Thead>
          <Table.Tr>
            <Table.Th w={48}>{t("row")}</Table.Th>
            <Table.Th w={110}>{t("outcome")}</Table.Th>
            <Table.Th>{t("reason")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.slice(0, MOST_SHOWN).map((row, place) => (
            <Table.Tr key={place} data-testid="import-row" data-outcome={row.outcome}>
              <Table.Td>{row.row}</Table.Td>
              <Table.Td>
                <Text size="xs" fw={600} c={COLOURS[row.outcome]}>
                  {t(`outcomes.${row.outcome}`)}
                </Text>
              </Table.Td>
              <Table.Td>
                <Text size="xs">{[row.label, texts.messageText(row.reason)].filter(Boolean).join(": ")}</Text>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {more > 0 ? (
        <Text size="xs" c="dimmed">
          {t("moreRows", { count: more })}
        </Text>
      ) : null}
    </ScrollArea.Autosize>
  );
}
