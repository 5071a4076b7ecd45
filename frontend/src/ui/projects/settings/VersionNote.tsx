import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useVersion } from "@/sync/queries/queries";

/** The running version, which people name when they report a problem. */
export function VersionNote() {
  const { t } = useTranslation("pages");
  const version = useVersion().data;
  if (version === undefined) return null;
  return (
    <Text size="xs" c="dimmed" mt="xl" data-testid="version">
      {version.commit === ""
        ? t("preferences.version", { version: version.version })
        : t("preferences.versionOf", { version: version.version, commit: version.commit })}
    </Text>
  );
}
