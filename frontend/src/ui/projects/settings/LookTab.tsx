import { SegmentedControl, Stack, Text, useMantineColorScheme } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { usePreferences } from "@/sync/queries/queries";
import type { Me, Theme } from "@/sync/types";
import { type LanguageCode, LANGUAGES, setLanguage } from "../../i18n";
import { notifyFailure } from "../../shared/notify";

const THEMES: readonly Theme[] = ["auto", "light", "dark"];

export function LookTab({ me }: { readonly me: Me }) {
  const { t, i18n } = useTranslation("pages");
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const save = usePreferences();
  const chooseLanguage = (value: string) => {
    const language = value as LanguageCode;
    void setLanguage(language);
    save.mutate({ language }, { onError: notifyFailure });
  };
  const chooseTheme = (value: string) => {
    const theme = value as Theme;
    setColorScheme(theme);
    save.mutate({ theme }, { onError: notifyFailure });
  };
  return (
    <Stack align="flex-start">
      <Stack gap={4}>
        <Text size="sm" fw={500}>
          {t("shell.language")}
        </Text>
        <SegmentedControl
          aria-label={t("shell.language")}
          data={LANGUAGES.map((value) => ({ value, label: t(`common:languages.${value}`) }))}
          value={i18n.language}
          onChange={chooseLanguage}
        />
      </Stack>
      <Stack gap={4}>
        <Text size="sm" fw={500}>
          {t("preferences.theme")}
        </Text>
        <SegmentedControl
          aria-label={t("preferences.theme")}
          data={THEMES.map((value) => ({ value, label: t(`preferences.themes.${value}`) }))}
          value={colorScheme}
          onChange={chooseTheme}
        />
      </Stack>
      <Text size="xs" c="dimmed">
        {t("preferences.signedInAs", { name: me.username })}
      </Text>
    </Stack>
  );
}
