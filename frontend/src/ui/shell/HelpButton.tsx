import { ActionIcon, Tooltip } from "@mantine/core";
import { IconHelp } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useLocation, useSearchParams } from "react-router";

import { helpAddress } from "./helpPages";

/** Opens the guide at the page of this screen, in a new tab. */
export function HelpButton() {
  const { t } = useTranslation("pages");
  const { pathname } = useLocation();
  const [search] = useSearchParams();
  return (
    <Tooltip label={t("shell.guide")}>
      <ActionIcon
        component="a"
        href={helpAddress(pathname, search.get("tab"))}
        target="_blank"
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={t("shell.guide")}
        data-testid="help"
      >
        <IconHelp size={20} />
      </ActionIcon>
    </Tooltip>
  );
}
