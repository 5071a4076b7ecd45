import { Table, Text, useComputedColorScheme } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { inkOn, mix, parseHex, writeHex } from "../../theme/contrast";
import { useFormat } from "../../shared/format";
import { GROUNDS } from "../../theme/theme";

const TINT = parseHex("#1098ad");
const STRONGEST_TINT = 0.55;

interface ConfusionMatrixProps {
  readonly labels: readonly string[];
  /** Rows are the truth, columns the prediction. */
  readonly counts: readonly (readonly number[])[];
}

/** Confusion matrix of labels; the tint is the share of the row. */
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
  const page = parseHex(GROUNDS[useComputedColorScheme("light")][0]);
  const total = row.reduce((sum, count) => sum + count, 0);
  return (
    <Table.Tr>
      <Table.Th scope="row">{label}</Table.Th>
      {row.map((count, column) => {
        const share = total === 0 ? 0 : count / total;
        const ground = mix(TINT, page, share * STRONGEST_TINT);
        return (
          <Table.Td key={column} ta="center" style={{ background: writeHex(ground), color: writeHex(inkOn(ground)) }}>
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
