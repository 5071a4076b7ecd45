import { Alert, Box, Button, Group, Image, Loader, SimpleGrid, Stack, Text } from "@mantine/core";
import { IconQuestionMark } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { useExplanation } from "@/sync/queries/wholeSlide";
import type { Explanation } from "@/sync/types";
import { sayError, useServerTexts } from "../shared/serverTexts";
import { useFormat } from "../shared/format";
import { Popup } from "../shared/Popup";
import classes from "./Review.module.css";

interface WhyProps {
  readonly objectSetId: string;
  readonly index: number;
}

/** Explanation of a suggestion: the map over its patch, and the most similar labelled patches. */
export function Why({ objectSetId, index }: WhyProps) {
  const { t } = useTranslation("slides");
  return (
    <Popup
      width={336}
      position="left-start"
      target={(toggle) => (
        <Button
          size="compact-xs"
          variant="subtle"
          leftSection={<IconQuestionMark size={14} />}
          onClick={toggle}
          data-testid="why"
        >
          {t("why")}
        </Button>
      )}
    >
      {() => <Answer objectSetId={objectSetId} index={index} />}
    </Popup>
  );
}

function Answer({ objectSetId, index }: WhyProps) {
  const { t } = useTranslation("slides");
  const texts = useServerTexts();
  const { data, error } = useExplanation(objectSetId, index, true);
  if (error) return <Sorry reason={sayError(error)} />;
  if (data?.why) return <Reasons why={data.why} />;
  if (data && ["failed", "cancelled"].includes(data.job.state))
    return <Sorry reason={texts.messageText(data.job.error) || t(`common:states.${data.job.state}`)} />;
  return (
    <Group gap="xs">
      <Loader size="xs" />
      <Text size="sm">{t("whyWorking")}</Text>
    </Group>
  );
}

function Sorry({ reason }: { readonly reason: string }) {
  const { t } = useTranslation("slides");
  return <Alert color="yellow">{t("whyNotNow", { reason })}</Alert>;
}

function Reasons({ why }: { readonly why: NonNullable<Explanation["why"]> }) {
  const { t } = useTranslation("slides");
  const format = useFormat();
  return (
    <Stack gap="xs" data-testid="why-answer">
      <Text size="sm" fw={600}>
        {t("whyProbability", { label: why.label, probability: format.number(why.probability, 2) })}
      </Text>
      <SimpleGrid cols={2} spacing={6}>
        <Box className={classes.picture} style={{ borderRadius: 6, overflow: "hidden" }}>
          <Image src={why.crop} alt="" w="100%" h="100%" fit="cover" />
        </Box>
        <Box className={classes.picture} style={{ borderRadius: 6, overflow: "hidden", background: "#000" }}>
          <Image src={why.crop} alt="" w="100%" h="100%" fit="cover" style={{ opacity: 0.45 }} />
          <Image
            src={why.map}
            alt={t("whyMap")}
            w="100%"
            h="100%"
            fit="fill"
            style={{ position: "absolute", inset: 0, mixBlendMode: "screen" }}
          />
        </Box>
      </SimpleGrid>
      <Text size="xs" c="dimmed">
        {`${t(`method.${why.method}`, { defaultValue: why.method })}. ${t("whyMap")}`}
      </Text>
      <Text size="xs" fw={600}>
        {t("whyNeighbours")}
      </Text>
      {why.neighbours.length === 0 ? (
        <Text size="xs" c="dimmed">
          {t("whyNoNeighbours")}
        </Text>
      ) : (
        <SimpleGrid cols={3} spacing={6}>
          {why.neighbours.map((item) => (
            <Stack key={`${item.slide_id}-${item.bounds.x}-${item.bounds.y}`} gap={2}>
              <Image src={item.crop} alt={item.label ?? ""} radius={4} title={item.slide_name} />
              <Text size="xs" lineClamp={2}>
                {t("likeness", { label: item.label ?? "–", likeness: format.number(item.likeness, 2) })}
              </Text>
            </Stack>
          ))}
        </SimpleGrid>
      )}
    </Stack>
  );
}
