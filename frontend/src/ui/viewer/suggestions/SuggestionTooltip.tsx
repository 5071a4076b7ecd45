import { Group, Paper, Text } from "@mantine/core";
import { useEffect, useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { onScreen } from "@/core/geometry/units";
import type { Stage } from "@/render/stage";
import type { Hit, SuggestionLayer } from "@/render/suggestionLayer";
import type { Label } from "@/sync/types";
import { NO_LABEL_COLOUR } from "../panels/useLayers";
import classes from "../Viewer.module.css";

interface Props {
  stage: Stage | null;
  layer: SuggestionLayer | null;
  labels: readonly Label[];
  /** Producer of the suggestions, such as a model version. */
  producer: string;
}

interface Shown {
  hit: Hit;
  x: number;
  y: number;
}

/** The hand must rest this long: a tooltip that follows every movement hides the slide. */
const REST_MS = 80;
const REACH_PX = 6;

function useHover(stage: Stage | null, layer: SuggestionLayer | null): Shown | null {
  const [shown, setShown] = useState<Shown | null>(null);
  useEffect(() => {
    if (!stage || !layer) return undefined;
    const stop = new AbortController();
    let timer = 0;
    const hide = () => {
      window.clearTimeout(timer);
      setShown(null);
    };
    const look = (x: number, y: number) => {
      const hit = layer.hit(stage.screenToImage(onScreen(x, y)), REACH_PX / (stage.view()?.scale ?? 1));
      setShown(hit && { hit, x, y });
    };
    stage.element.addEventListener(
      "pointermove",
      (event) => {
        window.clearTimeout(timer);
        if (event.buttons !== 0) {
          setShown(null);
          return;
        }
        const box = stage.element.getBoundingClientRect();
        timer = window.setTimeout(look, REST_MS, event.clientX - box.left, event.clientY - box.top);
      },
      { signal: stop.signal },
    );
    for (const name of ["pointerleave", "pointerdown", "wheel"]) {
      stage.element.addEventListener(name, hide, { signal: stop.signal, passive: true });
    }
    return () => {
      stop.abort();
      hide();
    };
  }, [stage, layer]);
  return shown;
}

/** Tooltip of the suggestion under the pointer with its numbers, or from afar the counts of a cell. */
export function SuggestionTooltip({ stage, layer, labels, producer }: Props): ReactElement | null {
  const { t } = useTranslation("objects");
  const shown = useHover(stage, layer);
  if (!shown || !stage) return null;
  const { hit, x, y } = shown;
  const label = (id: string | null) => labels.find((each) => each.id === id);
  const dot = (id: string | null) => (
    <span className={classes.dot} style={{ background: label(id)?.colour ?? NO_LABEL_COLOUR }} />
  );
  const left = x > stage.element.clientWidth - 240;
  const up = y > stage.element.clientHeight - 140;
  const style = {
    left: left ? x - 14 : x + 14,
    top: up ? y - 14 : y + 14,
    transform: `translate(${left ? "-100%" : "0"}, ${up ? "-100%" : "0"})`,
  };
  return (
    <Paper
      className={classes.tooltip}
      shadow="md"
      radius="md"
      px="sm"
      py={6}
      role="tooltip"
      data-testid="suggestion-tooltip"
      style={style}
    >
      {hit.kind === "object" ? (
        <>
          <Group gap={6} wrap="nowrap">
            {dot(hit.labelId)}
            <Text size="sm" fw={600}>
              {(label(hit.labelId)?.name ?? hit.name) || t("unlabelled")}
            </Text>
            <Text size="xs" c="dimmed">
              {t(`state.${hit.state}`)}
            </Text>
          </Group>
          <Text size="xs">{`${hit.score === null ? t("noScore") : t("tooltipScore", { value: hit.score.toFixed(2) })} · ${t("tooltipUncertainty", { value: hit.uncertainty.toFixed(2) })}`}</Text>
          <Text size="xs" c="dimmed">
            {producer}
          </Text>
        </>
      ) : (
        <>
          <Text size="sm" fw={600}>
            {t("inCell", { count: hit.total })}
          </Text>
          {hit.shares.slice(0, 6).map((share) => (
            <Group key={share.labelId ?? share.name} gap={6} wrap="nowrap">
              {dot(share.labelId)}
              <Text size="xs">{`${(label(share.labelId)?.name ?? share.name) || t("unlabelled")}: ${share.count.toLocaleString()}`}</Text>
              <Text size="xs" c="dimmed">
                {t("meanUncertainty", { value: share.uncertainty.toFixed(2) })}
              </Text>
            </Group>
          ))}
          <Text size="xs" c="dimmed">
            {producer}
          </Text>
        </>
      )}
    </Paper>
  );
}
