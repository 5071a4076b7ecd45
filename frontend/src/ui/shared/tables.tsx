import { ActionIcon, Table, Tooltip, VisuallyHidden } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

/** The headings of a table whose last column holds buttons: it is named for screen readers alone. */
export function HeadingRow({ children }: { readonly children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <Table.Thead>
      <Table.Tr>
        {children}
        <Table.Th w={50}>
          <VisuallyHidden>{t("common:more")}</VisuallyHidden>
        </Table.Th>
      </Table.Tr>
    </Table.Thead>
  );
}

interface RowButtonProps {
  /** What the button does. */
  readonly label: string;
  /** The name of its row. */
  readonly of: string;
  readonly icon: ReactNode;
  readonly onClick: () => void;
}

/** A button at the end of a row. */
export function RowButton({ label, of, icon, onClick }: RowButtonProps) {
  return (
    <Tooltip label={label}>
      <ActionIcon color="gray" aria-label={`${label}: ${of}`} onClick={onClick}>
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}
