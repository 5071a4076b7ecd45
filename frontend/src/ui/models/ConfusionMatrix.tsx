import { Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useFormat } from "../shell/format";

interface ConfusionMatrixProps {
  readonly labels: readonly string[];
  /** Rows are the truth, columns what the model said. */
  readonly counts: readonly (readonly number[])[];
}

/** How often each label was taken for each other; the tint is the share of the row. */
export function ConfusionMatrix({ labels, counts }: ConfusionMatrixProps) {
  const { t } = useTranslation("pages");
  const format = useFormat();
  return (
    <Table.ScrollContainer minWidth={labels.length * 90 + 140}>
      <Table withColumnBorders withTableBorder style={{ fontVariantNumeric: "tabular-nums" }}>
        <Table.Caption>{t("models.confusionCaption")}</Table.Caption>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("models.truth")}</Table.Th>
            {labels.map((label) => (
              <Table.Th key={label} ta="center">
                {label}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {counts.map((row, index) => (
            <ConfusionRow key={labels[index] ?? index} label={labels[index] ?? ""} row={row} format={format} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

interface ConfusionRowProps {
  readonly label: string;
  readonly row: readonly number[];
  readonly format: ReturnType<typeof useFormat>;
}

function ConfusionRow({ label, row, format }: ConfusionRowProps) {
  const total = row.reduce((sum, count) => sum + count, 0);
  return (
    <Table.Tr>
      <Table.Th scope="row">{label}</Table.Th>
      {row.map((count, column) => {
        const share = total === 0 ? 0 : count / total;
        return (
          <Table.Td
            key={column}
            ta="center"
            style={{ background: `color-mix(in srgb, #1098ad ${Math.round(share * 55)}%, transparent)` }}
          >
            <Text size="sm" fw={600}>
              {format.number(count)}
            </Text>
            <Text size="xs">{total === 0 ? "–" : format.percent(share, 1)}</Text>
          </Table.Td>
        );
      })}
    </Table.Tr>
  );
}
