import { Anchor, Collapse, Group, List, Stack, Text, Typography, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconChevronDown, IconChevronRight, IconDownload } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";

import type { ModelVersion } from "@/sync/types";
import { useServerTexts } from "../shared/serverTexts";
import classes from "./ModelCard.module.css";

/** The document lies inside a section: its headings stay below the section's own. */
const HEADINGS = { h1: "h3", h2: "h4", h3: "h5" } as const;
const LIMITS = ["research", "labels", "elsewhere"] as const;

/** Purpose and limits of a version; its card as a document on demand. */
export function ModelCard({ version }: { readonly version: ModelVersion }) {
  const { t } = useTranslation("pages");
  const texts = useServerTexts();
  const [opened, { toggle }] = useDisclosure(false);
  const Chevron = opened ? IconChevronDown : IconChevronRight;
  // Versions from before a card had lines have it in English alone.
  const isEnglish = version.card_lines.length === 0;
  const card = isEnglish ? version.card : version.card_lines.map(texts.messageText).join("\n");
  const limits = version.metrics.units === 1 ? [...LIMITS, "oneUnit" as const] : LIMITS;
  return (
    <Stack gap="xs">
      <Text size="sm">{texts.recipe(version.recipe, "summary", version.recipe_title)}</Text>
      <List size="sm" spacing={4}>
        {limits.map((limit) => (
          <List.Item key={limit}>
            {t(`models.limits.${limit}`, { labels: version.labels.map((label) => label.name).join(", ") })}
          </List.Item>
        ))}
      </List>
      {card === "" ? null : (
        <>
          <Group gap="md">
            <UnstyledButton onClick={toggle} aria-expanded={opened} data-testid="card-document">
              <Group gap={4}>
                <Chevron size={16} />
                <Text size="sm">{t("models.cardDocument")}</Text>
              </Group>
            </UnstyledButton>
            <Anchor
              size="sm"
              href={`data:text/markdown;charset=utf-8,${encodeURIComponent(card)}`}
              download={version.card_file_name}
            >
              <Group gap={4}>
                <IconDownload size={16} />
                {t("models.cardDownload")}
              </Group>
            </Anchor>
          </Group>
          <Collapse in={opened}>
            <Typography fz="sm" lang={isEnglish ? "en" : undefined} className={classes.card}>
              {/* Markup inside the text is shown as text, never run. */}
              <Markdown remarkPlugins={[remarkGfm]} disallowedElements={["img"]} components={HEADINGS}>
                {card}
              </Markdown>
            </Typography>
          </Collapse>
        </>
      )}
    </Stack>
  );
}
