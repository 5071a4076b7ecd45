import { MantineProvider, mergeThemeOverrides, useMantineColorScheme } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useEffect, useMemo, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "@/sync/client";
import { useMe } from "@/sync/queries/queries";
import App from "./App";
import { namedControls, readable, theme } from "./theme/theme";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // Only a missing answer is worth asking again for: the server means what it says.
      retry: (count, error) => error instanceof ApiError && (error.isOffline || error.status >= 502) && count < 3,
    },
  },
});

function ThemeOfPerson(): null {
  const { data: me } = useMe();
  const { setColorScheme } = useMantineColorScheme();
  const wanted = me?.theme;
  useEffect(() => {
    if (wanted) setColorScheme(wanted);
  }, [wanted, setColorScheme]);
  return null;
}

export default function Root(): ReactElement {
  const { t } = useTranslation("common");
  const named = useMemo(() => {
    const names = {
      close: t("close"),
      pickColour: t("pickColour"),
      dialog: t("dialog"),
      saturation: t("saturation"),
      hue: t("hue"),
    };
    return mergeThemeOverrides(theme, namedControls(names));
  }, [t]);
  const layers = t("layers");
  useEffect(() => document.getElementById("layers")?.setAttribute("aria-label", layers), [layers]);
  return (
    <QueryClientProvider client={client}>
      <MantineProvider theme={named} cssVariablesResolver={readable} defaultColorScheme="auto">
        <ThemeOfPerson />
        <Notifications position="bottom-center" className="cs-notifications" />
        <App />
      </MantineProvider>
    </QueryClientProvider>
  );
}
