import { Box, Group, Image, Text, UnstyledButton, VisuallyHidden } from "@mantine/core";
import { memo, type MouseEvent, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

import type { Label, QueueItem } from "@/sync/types";
import { useFormat } from "../shared/format";
import { StateBadge } from "../shared/StateBadge";
import { CropOutline } from "./CropOutline";
import type { Decision } from "./queue";
import classes from "./Review.module.css";

interface CropCardProps {
  readonly item: QueueItem;
  readonly label: Label | undefined;
  readonly decision: Decision | undefined;
  readonly current: boolean;
  readonly selected: boolean;
  readonly onClick: (item: QueueItem, event: MouseEvent) => void;
}

/** One suggestion of the grid: crop, prediction and verdict. */
export const CropCard = memo(function CropCard(props: CropCardProps) {
  const { item, label, decision, current, selected, onClick } = props;
  const { t } = useTranslation("pages");
  const format = useFormat();
  const place = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (current) place.current?.scrollIntoView({ block: "nearest" });
  }, [current]);
  return (
    <UnstyledButton
      ref={place}
      className={classes.crop}
      data-current={current}
      data-selected={selected}
      data-decided={decision !== undefined}
      data-state={decision?.state ?? item.state}
      data-testid="review-item"
      aria-pressed={selected}
      aria-current={current ? "true" : undefined}
      onClick={(event) => onClick(item, event)}
      // The keys of the page decide, also after a click on a crop.
      tabIndex={-1}
    >
      <Box className={classes.picture}>
        <Image src={item.crop} alt="" w="100%" h="100%" fit="cover" loading="lazy" />
        <CropOutline item={item} colour={label?.colour ?? "#ffd43b"} />
        {decision === undefined ? null : (
          <Box className={classes.mark}>
            <StateBadgeOf decision={decision} />
          </Box>
        )}
      </Box>
      <Group justify="space-between" wrap="nowrap" gap={4} px={6} py={4}>
        <Group gap={4} wrap="nowrap" style={{ minWidth: 0 }}>
          <Box w={9} h={9} style={{ borderRadius: 9, background: label?.colour ?? "#868e96", flexShrink: 0 }} />
          <Text size="xs" truncate>
            {label?.name ?? t("review.noLabel")}
          </Text>
        </Group>
        <Text size="xs" c="dimmed">
          {item.score === null ? t("review.noScore") : format.percent(item.score)}
        </Text>
        <VisuallyHidden>{item.slide.name}</VisuallyHidden>
      </Group>
    </UnstyledButton>
  );
});

function StateBadgeOf({ decision }: { readonly decision: Decision }) {
  return <StateBadge state={decision.state} />;
}
