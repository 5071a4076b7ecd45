import { Alert, Box, Button, Center, Group, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { type SyntheticEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Navigate, useNavigate, useSearchParams } from "react-router";

import { isSignInBusy, useMe, useSignIn } from "@/sync/queries/queries";
import { sayError } from "../shared/serverTexts";
import { HelpButton } from "../shell/HelpButton";
import { LanguageMenu } from "../shell/LanguageMenu";
import { Logo } from "../shell/Logo";

/** Only a path of this site may follow the sign-in, so that a link cannot lead elsewhere. */
function safeTarget(next: string | null): string {
  return next !== null && /^\/(?![/\\])/.test(next) ? next : "/";
}

export default function SignInPage() {
  const { t } = useTranslation("pages");
  const me = useMe();
  const [search] = useSearchParams();
  const target = safeTarget(search.get("next"));
  if (me.data) {
    return <Navigate to={target} replace />;
  }
  return (
    <Box mih="100vh" style={{ background: "var(--mantine-color-body)" }}>
      <Group component="header" justify="flex-end" gap={2} p="sm">
        <HelpButton />
        <LanguageMenu />
      </Group>
      <Center component="main" px="md" style={{ minHeight: "calc(100vh - 120px)" }}>
        <Stack w="100%" maw={380} gap="lg">
          <Stack align="center" gap={4}>
            <Logo size={56} />
            <Title order={1} size="h2">
              {t("common:product")}
            </Title>
            <Text c="dimmed" size="sm" ta="center">
              {t("signin.tagline")}
            </Text>
          </Stack>
          <SignInForm target={target} />
        </Stack>
      </Center>
    </Box>
  );
}

function SignInForm({ target }: { readonly target: string }) {
  const { t } = useTranslation("pages");
  const navigate = useNavigate();
  const signIn = useSignIn();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    signIn.mutate(
      { username, password },
      {
        onSuccess: () => void navigate(target, { replace: true }),
        onError: (error) => {
          if (!isSignInBusy(error)) setPassword("");
        },
      },
    );
  };
  return (
    <Paper withBorder radius="md" p="lg" shadow="sm">
      <form onSubmit={submit}>
        <Stack gap="sm">
          {signIn.isError ? (
            <Alert color="red" icon={<IconAlertTriangle size={18} />} role="alert">
              {sayError(signIn.error)}
            </Alert>
          ) : null}
          {signIn.isPending && isSignInBusy(signIn.failureReason) ? (
            <Alert color="yellow" icon={<IconAlertTriangle size={18} />} role="status">
              {t("signin.busy")}
            </Alert>
          ) : null}
          <TextInput
            label={t("signin.username")}
            autoComplete="username"
            required
            withAsterisk={false}
            autoFocus
            value={username}
            onChange={(event) => setUsername(event.currentTarget.value)}
            data-testid="sign-in-username"
          />
          <PasswordInput
            label={t("signin.password")}
            autoComplete="current-password"
            required
            withAsterisk={false}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            data-testid="sign-in-password"
          />
          <Button type="submit" mt="xs" fullWidth loading={signIn.isPending} data-testid="sign-in-submit">
            {t("signin.submit")}
          </Button>
        </Stack>
      </form>
    </Paper>
  );
}
