import { Button, Collapse, NumberInput, Select, SimpleGrid, Stack, Switch, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconAdjustmentsHorizontal, IconChevronDown, IconChevronUp } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import type { Recipe } from "@/sync/types";
import { useServerTexts } from "../shared/serverTexts";
import { type FieldProps, SourceField } from "./SourceField";

export type Config = Record<string, unknown>;

function ConfigField({ field, label, description, value, onChange }: FieldProps) {
  const { t } = useTranslation("pages");
  const texts = useServerTexts();
  const common = { label, description, "data-testid": `config-${field.name}` };
  if (field.type === "boolean") {
    return <Switch {...common} checked={value === true} onChange={(event) => onChange(event.currentTarget.checked)} />;
  }
  if (field.type === "choice") {
    return (
      <Select
        {...common}
        data={field.choices.map((choice) => ({ value: choice, label: texts.choice(choice) }))}
        allowDeselect={false}
        value={typeof value === "string" ? value : String(field.default)}
        onChange={(choice) => onChange(choice ?? field.default)}
      />
    );
  }
  if (field.name === "source") {
    return <SourceField field={field} label={label} description={description} value={value} onChange={onChange} />;
  }
  if (field.type === "text") {
    return (
      <TextInput
        {...common}
        maxLength={200}
        value={typeof value === "string" ? value : ""}
        onChange={(event) => onChange(event.currentTarget.value || field.default)}
      />
    );
  }
  return (
    <NumberInput
      {...common}
      placeholder={field.optional ? t("training.asIs") : ""}
      min={field.minimum ?? undefined}
      max={field.maximum ?? undefined}
      allowDecimal={field.type === "number"}
      suffix={field.unit === "" ? "" : ` ${texts.unit(field.unit)}`}
      value={typeof value === "number" ? value : ""}
      onChange={(number) => {
        if (typeof number === "number") onChange(number);
        else if (field.optional) onChange(null);
      }}
    />
  );
}

interface ConfigFormProps {
  readonly recipe: Recipe;
  readonly config: Config;
  readonly onChange: (config: Config) => void;
}

/** The recipe's settings. What a recipe needs no decision for stays closed: every field has a default. */
export function ConfigForm({ recipe, config, onChange }: ConfigFormProps) {
  const { t } = useTranslation("pages");
  const texts = useServerTexts();
  const { fields } = recipe;
  // A model to start from has no default that would do, so it is asked for at once.
  const [opened, panel] = useDisclosure(fields.some((field) => field.name === "source"));
  if (fields.length === 0) {
    return null;
  }
  const changed = Object.keys(config).length;
  return (
    <Stack gap="xs">
      <Button
        variant="subtle"
        size="xs"
        w="fit-content"
        leftSection={<IconAdjustmentsHorizontal size={16} />}
        rightSection={opened ? <IconChevronUp size={14} /> : <IconChevronDown size={14} />}
        aria-expanded={opened}
        onClick={panel.toggle}
        data-testid="advanced-settings"
      >
        {changed === 0 ? t("training.advanced") : t("training.advancedChanged", { count: changed })}
      </Button>
      <Collapse in={opened}>
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md">
          {fields.map((field) => {
            const { title, description } = texts.setting(recipe, field);
            return (
              <ConfigField
                key={field.name}
                field={field}
                label={title}
                description={description}
                value={config[field.name] ?? field.default}
                onChange={(value) => onChange({ ...config, [field.name]: value })}
              />
            );
          })}
        </SimpleGrid>
        {changed === 0 ? null : (
          <Button variant="light" size="xs" mt="sm" onClick={() => onChange({})}>
            {t("training.defaults")}
          </Button>
        )}
      </Collapse>
    </Stack>
  );
}
