import { Alert, Button, Center, Group, Loader, Paper, Text } from "@mantine/core";
import { IconLasso } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Polygon } from "@/core/geometry/types";
import type { Layer, Stage } from "@/render/stage";
import type { View } from "@/render/view";
import { useObjectSet, useViewer } from "@/sync/queries/queries";
import type { Label, QueueItem, Suggestion } from "@/sync/types";
import { Failure } from "../shared/Failure";
import { sayError } from "../shared/serverTexts";
import { Magnification, ScaleBar } from "../viewer/stage/Scale";
import { SlideStage } from "../viewer/stage/SlideStage";
import { useFrameValue } from "../viewer/stage/useFrameValue";
import { startLasso } from "./lassoLayer";
import classes from "./Review.module.css";

export type Drawing = "redraw" | "lasso" | null;

interface SlideViewProps {
  readonly item: QueueItem;
  readonly labels: readonly Label[];
  readonly drawing: Drawing;
  readonly onDrawing: (drawing: Drawing) => void;
  readonly onDrawn: (polygon: Polygon, drawing: "redraw" | "lasso") => void;
  readonly onSuggestionClick: (suggestion: Suggestion) => void;
}

const NO_LAYERS: readonly Layer[] = [];

function useBulkLasso(stage: Stage | null, drawing: Drawing, onDrawn: SlideViewProps["onDrawn"]): readonly Layer[] {
  const [layers, setLayers] = useState(NO_LAYERS);
  const latest = useRef(onDrawn);
  useEffect(() => {
    latest.current = onDrawn;
  });
  useEffect(() => {
    if (stage === null || drawing === null) return undefined;
    const lasso = startLasso(stage, (polygon) => latest.current(polygon, drawing));
    setLayers([lasso.layer]);
    return () => {
      lasso.stop();
      setLayers(NO_LAYERS);
    };
  }, [stage, drawing]);
  return layers;
}

/** The same queue in its surroundings: the slide around the suggestion, with all others of its set. */
export default function SlideView(props: SlideViewProps) {
  const { item, labels, drawing, onDrawing } = props;
  const { t } = useTranslation("pages");
  const viewer = useViewer(item.slide.id);
  const objectSet = useObjectSet(item.object_set_id);
  const [stage, setStage] = useState<Stage | null>(null);
  const view = useFrameValue<View | null>(stage, () => stage?.view() ?? null, null);
  const layers = useBulkLasso(stage, drawing, props.onDrawn);
  if (viewer.isError) {
    return <Failure error={viewer.error} onRetry={() => void viewer.refetch()} />;
  }
  if (viewer.data === undefined) {
    return (
      <Center h="100%">
        <Loader />
      </Center>
    );
  }
  return (
    <div className={classes.stage}>
      <SlideStage
        key={item.slide.id}
        viewer={viewer.data}
        labels={labels}
        focus={item.bounds}
        objectSet={objectSet.data ?? null}
        highlightIndex={item.index}
        onSuggestionClick={props.onSuggestionClick}
        overlays={layers}
        panning={drawing === null}
        navigator
        onStage={setStage}
      />
      {view === null ? null : (
        <div className={classes.scale} data-testid="review-scale">
          <ScaleBar slide={viewer.data.slide} view={view} />
          <Magnification slide={viewer.data.slide} view={view} />
        </div>
      )}
      {drawing === null ? (
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconLasso size={16} />}
          onClick={() => onDrawing("lasso")}
          style={{ position: "absolute", top: 10, left: 10, zIndex: 5 }}
          data-testid="review-lasso"
        >
          {t("review.lasso")}
        </Button>
      ) : (
        <Paper className={classes.banner} shadow="md" px="sm" py={6} radius="md">
          <Group gap="sm" wrap="nowrap">
            <Text size="sm">{t(drawing === "redraw" ? "review.redrawHint" : "review.lassoHint")}</Text>
            <Button size="compact-xs" variant="default" onClick={() => onDrawing(null)}>
              {t("common:cancel")}
            </Button>
          </Group>
        </Paper>
      )}
      {objectSet.isError ? (
        <Alert color="red" className={classes.banner}>
          {sayError(objectSet.error)}
        </Alert>
      ) : null}
    </div>
  );
}
