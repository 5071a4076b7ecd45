import { Alert, Button, Checkbox, PasswordInput, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { type SyntheticEvent, useState } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "@/sync/client";
import { useChangePassword, useTokens } from "@/sync/queries/queries";
import { fieldErrors } from "../../shared/Failure";
import { notifyDone } from "../../shared/notify";
import { sayError } from "../../shared/serverTexts";

interface PasswordFormProps {
  /** Signed in by a one-time password, which takes the place of the current one. */
  readonly oneTime?: boolean;
}

const EMPTY = { current: "", next: "", repeat: "" };

/** The sentence of a refusal at the field that it concerns. */
function refusals(error: ApiError | null): { current?: string; next?: string; other?: string } {
  if (error === null) return {};
  const { field } = error.problem;
  const sentence = field === undefined ? sayError(error) : (fieldErrors(error)[field] ?? sayError(error));
  if (field === "current_password") return { current: sentence };
  return field === "new_password" ? { next: sentence } : { other: sentence };
}

function KeepTokens({ keep, onKeep }: { readonly keep: boolean; readonly onKeep: (keep: boolean) => void }) {
  const { t } = useTranslation("account");
  const tokens = useTokens();
  if ((tokens.data?.count ?? 0) === 0) return null;
  return (
    <Checkbox
      checked={keep}
      onChange={(event) => onKeep(event.currentTarget.checked)}
      label={t("password.keepTokens")}
      description={t("password.keepTokensHint")}
      data-testid="password-keep-tokens"
    />
  );
}

/** Changes the own password. Asks for the current one, and for the new one twice. */
export function PasswordForm({ oneTime = false }: PasswordFormProps) {
  const { t } = useTranslation("account");
  const change = useChangePassword();
  const [draft, setDraft] = useState(EMPTY);
  const [keep, setKeep] = useState(false);
  const [mismatch, setMismatch] = useState(false);
  const refused = refusals(change.error);
  const set = (field: keyof typeof EMPTY) => (event: { currentTarget: HTMLInputElement }) => {
    setDraft({ ...draft, [field]: event.currentTarget.value });
    setMismatch(false);
    if (change.isError) change.reset();
  };
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (draft.next !== draft.repeat) {
      setMismatch(true);
      return;
    }
    change.mutate(
      { current_password: draft.current, new_password: draft.next, keep_tokens: keep },
      {
        onSuccess: () => {
          setDraft(EMPTY);
          notifyDone(t("password.changed"));
        },
      },
    );
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm" maw={380}>
        {refused.other === undefined ? null : (
          <Alert color="red" icon={<IconAlertTriangle size={18} />} role="alert">
            {refused.other}
          </Alert>
        )}
        <PasswordInput
          label={t(oneTime ? "password.oneTime" : "password.current")}
          autoComplete="current-password"
          required
          withAsterisk={false}
          value={draft.current}
          onChange={set("current")}
          error={refused.current}
          data-testid="password-current"
        />
        <PasswordInput
          label={t("password.new")}
          description={t("password.newHint")}
          autoComplete="new-password"
          required
          withAsterisk={false}
          value={draft.next}
          onChange={set("next")}
          error={refused.next}
          data-testid="password-new"
        />
        <PasswordInput
          label={t("password.repeat")}
          autoComplete="new-password"
          required
          withAsterisk={false}
          value={draft.repeat}
          onChange={set("repeat")}
          error={mismatch ? t("password.mismatch") : undefined}
          data-testid="password-repeat"
        />
        {oneTime ? null : <KeepTokens keep={keep} onKeep={setKeep} />}
        {oneTime ? null : (
          <Text size="xs" c="dimmed">
            {t("password.othersEnd")}
          </Text>
        )}
        <Button
          type="submit"
          w={oneTime ? "100%" : "fit-content"}
          loading={change.isPending}
          data-testid="password-change"
        >
          {t("password.change")}
        </Button>
      </Stack>
    </form>
  );
}
