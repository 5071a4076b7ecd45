import { ActionIcon, Menu, Tooltip } from "@mantine/core";
import { IconCheck, IconLanguage } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { LANGUAGES, setLanguage, type LanguageCode } from "../i18n";

interface LanguageMenuProps {
  /** Told after the language changed, to keep the choice. */
  readonly onChange?: (language: LanguageCode) => void;
}

export function LanguageMenu({ onChange }: LanguageMenuProps) {
  const { t, i18n } = useTranslation("pages");
  const [opened, setOpened] = useState(false);
  const choose = (language: LanguageCode) => {
    void setLanguage(language);
    onChange?.(language);
  };
  return (
    <Menu position="bottom-end" withinPortal opened={opened} onChange={setOpened}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t("shell.language")}>
          <Tooltip label={t("shell.language")} disabled={opened}>
            <IconLanguage size={20} />
          </Tooltip>
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {LANGUAGES.map((language) => (
          <Menu.Item
            key={language}
            lang={language}
            leftSection={<IconCheck size={14} visibility={i18n.language === language ? "visible" : "hidden"} />}
            onClick={() => choose(language)}
          >
            {t(`common:languages.${language}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
