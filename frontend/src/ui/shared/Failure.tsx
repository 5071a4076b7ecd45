import { Alert, Button, List, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { ApiError } from "@/sync/client";
import { sayError } from "./serverTexts";

/** The sentences of a refused form, by field. */
export function fieldErrors(error: unknown): Record<string, string> {
  if (!(error instanceof ApiError)) {
    return {};
  }
  const entries = Object.entries(error.problem.errors ?? {});
  return Object.fromEntries(entries.map(([field, sentences]) => [field, sentences.join(" ")]));
}

interface FailureProps {
  readonly error: unknown;
  readonly onRetry?: () => void;
}

/** Error message with a retry button. */
export function Failure({ error, onRetry }: FailureProps) {
  const { t } = useTranslation("pages");
  const fields = Object.entries(fieldErrors(error));
  return (
    <Alert color="red" icon={<IconAlertTriangle size={18} />} title={t("common:failure.title")} role="alert">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{sayError(error)}</Text>
        {fields.length === 0 ? null : (
          <List size="sm">
            {fields.map(([field, sentence]) => (
              <List.Item key={field}>{`${field}: ${sentence}`}</List.Item>
            ))}
          </List>
        )}
        {onRetry === undefined ? null : (
          <Button size="xs" variant="light" color="red" onClick={onRetry}>
            {t("common:retry")}
          </Button>
        )}
      </Stack>
    </Alert>
  );
}
