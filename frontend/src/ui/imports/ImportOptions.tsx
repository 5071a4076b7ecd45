import { Accordion, NumberInput, Radio, Stack, Switch } from "@mantine/core";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { ImportChoices } from "@/sync/queries/imports";

const WAYS = ["auto", "annotations", "objects"] as const;

interface Props {
  readonly choices: ImportChoices;
  readonly hasConflicts: boolean;
  readonly onChange: (patch: Partial<ImportChoices>) => void;
}

/** Options of an import. */
export function ImportOptions({ choices, hasConflicts, onChange }: Props): ReactElement {
  const { t } = useTranslation("imports");
  return (
    <Stack gap="sm">
      {hasConflicts ? (
        <Switch
          label={t("takeFile")}
          description={t("takeFileHelp")}
          checked={choices.conflicts === "file"}
          onChange={(event) => onChange({ conflicts: event.currentTarget.checked ? "file" : "here" })}
        />
      ) : null}
      <Radio.Group
        label={t("question")}
        value={choices.become}
        onChange={(value) => onChange({ become: value as ImportChoices["become"] })}
      >
        <Stack gap={6} mt={6}>
          {WAYS.map((way) => (
            <Radio key={way} size="xs" value={way} label={t(`ways.${way}`)} description={t(`help.${way}`)} />
          ))}
        </Stack>
      </Radio.Group>
      <Accordion variant="contained" chevronPosition="left">
        <Accordion.Item value="more">
          <Accordion.Control>{t("options")}</Accordion.Control>
          <Accordion.Panel>
            <Stack gap="sm">
              <Switch
                label={t("cut")}
                description={t("cutHelp")}
                checked={choices.outside === "cut"}
                onChange={(event) => onChange({ outside: event.currentTarget.checked ? "cut" : "keep" })}
              />
              <NumberInput
                label={t("scale")}
                description={t("scaleHelp")}
                value={choices.scale}
                min={0.000_001}
                max={1_000_000}
                decimalScale={6}
                onBlur={(event) => onChange({ scale: scaleFrom(event.currentTarget.value, choices.scale) })}
                hideControls
              />
              <Switch
                label={t("strict")}
                description={t("strictHelp")}
                checked={choices.strict}
                onChange={(event) => onChange({ strict: event.currentTarget.checked })}
              />
            </Stack>
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </Stack>
  );
}

function scaleFrom(text: string, otherwise: number): number {
  const value = Number(text);
  return Number.isFinite(value) && value > 0 ? value : otherwise;
}
