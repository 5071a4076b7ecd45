import { Anchor, Box, Group, Table, Text, VisuallyHidden } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { Role, Slide } from "@/sync/types";
import { useFormat } from "../shared/format";
import { useServerTexts } from "../shared/serverTexts";
import { StateBadge } from "../shared/StateBadge";
import { QualityHints } from "./QualityHints";
import { SlideCounts } from "./SlideCard";
import { ImageChoice } from "./ImageChoice";
import { describeScale, describeSize } from "./slideFacts";
import { SlideMenu } from "./SlideMenu";
import { SlideThumbnail } from "./SlideThumbnail";

function SlideRow({ slide, role }: { readonly slide: Slide; readonly role: Role }) {
  const format = useFormat();
  const { messageText } = useServerTexts();
  const ready = slide.state === "ready";
  return (
    <Table.Tr data-testid="slide-card" data-state={slide.state} data-slide-id={slide.id}>
      <Table.Td w={76}>
        {ready ? (
          <Box w={60} style={{ borderRadius: 4, overflow: "hidden" }}>
            <SlideThumbnail slide={slide} height={44} />
          </Box>
        ) : null}
      </Table.Td>
      <Table.Td maw={320}>
        {ready ? (
          <Anchor component={Link} to={`/projects/${slide.project_id}/slides/${slide.id}`} fw={600} size="sm">
            {slide.name}
          </Anchor>
        ) : (
          <Text size="sm">{slide.name}</Text>
        )}
        {slide.failure === null ? null : (
          <Text size="xs" c="red">
            {messageText(slide.failure)}
          </Text>
        )}
        <ImageChoice slide={slide} role={role} />
      </Table.Td>
      <Table.Td>{slide.case.pseudonym || "–"}</Table.Td>
      <Table.Td>
        <Group gap={6}>
          <StateBadge state={ready ? slide.progress_state : slide.state} />
          <QualityHints slide={slide} />
        </Group>
      </Table.Td>
      <Table.Td style={{ whiteSpace: "nowrap" }}>{ready ? (describeScale(slide, format) ?? "–") : "–"}</Table.Td>
      <Table.Td style={{ whiteSpace: "nowrap" }}>{ready ? describeSize(slide, format) : "–"}</Table.Td>
      <Table.Td>{ready ? <SlideCounts slide={slide} /> : null}</Table.Td>
      <Table.Td w={44}>
        <SlideMenu slide={slide} role={role} />
      </Table.Td>
    </Table.Tr>
  );
}

export function SlideTable({ slides, role }: { readonly slides: readonly Slide[]; readonly role: Role }) {
  const { t } = useTranslation("pages");
  return (
    <Table.ScrollContainer minWidth={900}>
      <Table highlightOnHover verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>
              <VisuallyHidden>{t("gallery.thumbnail")}</VisuallyHidden>
            </Table.Th>
            <Table.Th>{t("common:name")}</Table.Th>
            <Table.Th>{t("gallery.case")}</Table.Th>
            <Table.Th>{t("gallery.state")}</Table.Th>
            <Table.Th>{t("gallery.scale")}</Table.Th>
            <Table.Th>{t("gallery.size")}</Table.Th>
            <Table.Th>{t("gallery.work")}</Table.Th>
            <Table.Th>
              <VisuallyHidden>{t("common:more")}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {slides.map((slide) => (
            <SlideRow key={slide.id} slide={slide} role={role} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
