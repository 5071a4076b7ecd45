import { ActionIcon, Group, TextInput } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { LABEL_COLOURS } from "../../theme/theme";
import { ColourInput } from "./ColourInput";

export interface DraftLabel {
  readonly name: string;
  readonly colour: string;
}

/** The colour offered to the label at this place. */
export function nextColour(place: number): string {
  return LABEL_COLOURS[place % LABEL_COLOURS.length] ?? LABEL_COLOURS[0];
}

interface DraftLabelRowProps {
  readonly number: number;
  readonly label: DraftLabel;
  readonly onChange: (label: DraftLabel) => void;
  readonly onRemove: () => void;
}

export function DraftLabelRow({ number, label, onChange, onRemove }: DraftLabelRowProps) {
  const { t } = useTranslation("pages");
  return (
    <Group gap="xs" wrap="nowrap">
      <TextInput
        style={{ flex: 1 }}
        aria-label={t("labels.nameOf", { number })}
        placeholder={t("labels.namePlaceholder")}
        maxLength={100}
        value={label.name}
        onChange={(event) => onChange({ ...label, name: event.currentTarget.value })}
        data-testid={`new-label-${number}`}
      />
      <ColourInput
        w={130}
        aria-label={t("labels.colourOf", { number })}
        withEyeDropper={false}
        value={label.colour}
        onChange={(colour) => onChange({ ...label, colour })}
      />
      <ActionIcon variant="subtle" color="gray" aria-label={t("common:remove")} onClick={onRemove}>
        <IconX size={16} />
      </ActionIcon>
    </Group>
  );
}
