import type { ReactElement } from "react";

import { useTraining } from "../useTraining";
import type { Work } from "../useWorkplace";
import { useViewerState } from "../viewerStore";
import { PaintingCard } from "./PaintingCard";

const RECIPE = "paint";

/** The card of the live painting, whose *Keep* trains a round and follows its job in the top bar. */
export function KeepablePainting({
  work: { painting, project, viewer, onBusy },
}: {
  readonly work: Work;
}): ReactElement {
  const change = useViewerState((state) => state.change);
  const training = useTraining(project.id, onBusy, (followedJob) => change({ followedJob }));
  const keep = project.my_role === "manager" ? () => void training.start(RECIPE) : null;
  return (
    <PaintingCard
      painting={painting}
      labels={project.labels}
      slideName={viewer.slide.name}
      keep={keep}
      isKeeping={training.isStarting}
    />
  );
}
