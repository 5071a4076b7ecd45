import { Alert, Badge, Button, Group, List, ScrollArea, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconAlertTriangle, IconChevronDown, IconChevronUp, IconHandStop } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import type { Message } from "@/sync/types";
import { useServerTexts } from "../shared/serverTexts";

/** Notices by kind, in the order in which the kinds first occur. */
export function groupNotices(notices: readonly Message[]): Message[][] {
  const kinds = new Map<string, Message[]>();
  for (const notice of notices) kinds.set(notice.code, [...(kinds.get(notice.code) ?? []), notice]);
  return [...kinds.values()];
}

interface NoticeGroupProps {
  readonly notices: readonly Message[];
  readonly isBlocking: boolean;
}

/** All notices of one kind: the first in words, the number, and the others on request. */
export function NoticeGroup({ notices, isBlocking }: NoticeGroupProps) {
  const { t } = useTranslation("pages");
  const texts = useServerTexts();
  const [opened, list] = useDisclosure(false);
  const sentences = [...new Set(notices.map((notice) => texts.messageText(notice)))];
  const [first, ...others] = sentences;
  const Icon = isBlocking ? IconHandStop : IconAlertTriangle;
  return (
    <Alert
      color={isBlocking ? "red" : "yellow"}
      icon={<Icon size={18} />}
      p="xs"
      data-testid={isBlocking ? "blocker-group" : "warning-group"}
    >
      {first}
      {others.length === 0 ? null : (
        <>
          <Group gap="xs" mt={4}>
            <Badge size="sm" radius="sm" tt="none" variant="default" data-testid="notice-count">
              {t("training.sameKind", { count: sentences.length })}
            </Badge>
            <Button
              size="compact-xs"
              variant="subtle"
              color={isBlocking ? "red" : "yellow"}
              rightSection={opened ? <IconChevronUp size={12} /> : <IconChevronDown size={12} />}
              aria-expanded={opened}
              onClick={list.toggle}
              data-testid="notice-expand"
            >
              {t(opened ? "training.showLess" : "training.showAll")}
            </Button>
          </Group>
          {opened ? (
            <ScrollArea.Autosize mah={180} mt={4}>
              <List size="sm">
                {others.map((sentence) => (
                  <List.Item key={sentence}>
                    <Text size="sm">{sentence}</Text>
                  </List.Item>
                ))}
              </List>
            </ScrollArea.Autosize>
          ) : null}
        </>
      )}
    </Alert>
  );
}
