import { Button, Center, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useSignOut } from "@/sync/queries/queries";
import { PasswordForm } from "../projects/settings/PasswordForm";
import { LanguageMenu } from "../shell/LanguageMenu";
import { notifyFailure } from "../shared/notify";

/** Page after a sign-in by a one-time password, at any URL, until it is changed. */
export default function NewPasswordPage() {
  const { t } = useTranslation("account");
  const signOut = useSignOut();
  return (
    <main style={{ minHeight: "100vh" }}>
      <Group justify="flex-end" p="sm">
        <LanguageMenu />
      </Group>
      <Center px="md" style={{ minHeight: "calc(100vh - 120px)" }}>
        <Stack w="100%" maw={420} gap="md">
          <Title order={1} size="h2">
            {t("password.chooseTitle")}
          </Title>
          <Text size="sm">{t("password.chooseText")}</Text>
          <Paper withBorder radius="md" p="lg" shadow="sm">
            <PasswordForm oneTime />
          </Paper>
          <Button
            variant="subtle"
            color="gray"
            loading={signOut.isPending}
            onClick={() => signOut.mutate(undefined, { onError: notifyFailure })}
          >
            {t("password.signOut")}
          </Button>
        </Stack>
      </Center>
    </main>
  );
}
