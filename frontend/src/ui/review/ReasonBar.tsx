import { Button, CloseButton, Group, Kbd, Paper, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { RejectReason } from "@/sync/types";
import { REASONS } from "./reviewActions";

interface ReasonBarProps {
  readonly onReason: (reason: RejectReason) => void;
  readonly onClose: () => void;
}

/** Offered after a rejection, never in its way: the queue has already moved on. */
export function ReasonBar({ onReason, onClose }: ReasonBarProps) {
  const { t } = useTranslation("pages");
  return (
    <Paper withBorder shadow="md" radius="md" px="sm" py={6} data-testid="reason-bar">
      <Group gap="xs">
        <Text size="sm">{t("review.askReason")}</Text>
        {REASONS.map((reason, place) => (
          <Button
            key={reason}
            size="compact-xs"
            variant="default"
            rightSection={<Kbd size="xs">{`⇧${place + 1}`}</Kbd>}
            onClick={() => onReason(reason)}
            data-testid={`reason-${reason}`}
          >
            {t(`review.reasons.${reason}`)}
          </Button>
        ))}
        <CloseButton size="sm" ml="auto" aria-label={t("common:close")} onClick={onClose} />
      </Group>
    </Paper>
  );
}
