import { Alert, Button, Group, Loader, Center, Paper, Progress, Text } from "@mantine/core";
import { IconHistory, IconStack2 } from "@tabler/icons-react";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Polygon } from "@/core/geometry/types";
import { simplify } from "@/core/geometry/simplify";
import type { Project, QueueFilters, QueueItem, Suggestion } from "@/sync/types";
import { useUnsentVerdicts } from "@/sync/queries/queries";
import { Failure } from "../shared/Failure";
import { useFormat } from "../shared/format";
import { useActions } from "../shared/useActions";
import { VerdictHistory } from "../verdicts/VerdictHistory";
import { BulkDialog } from "./BulkDialog";
import { GridView } from "./GridView";
import { isOpen, keyOf, nextOpen } from "./queue";
import { ReasonBar } from "./ReasonBar";
import classes from "./Review.module.css";
import { reviewActions, type ReviewContext } from "./reviewActions";
import { ReviewDone } from "./ReviewDone";
import type { ReviewView } from "./ReviewFilters";
import { SidePanel } from "./SidePanel";
import type { Drawing } from "./SlideView";
import { useAhead, useQueue } from "./useQueue";
import { useVerdicts } from "./useVerdicts";

const SlideView = lazy(() => import("./SlideView"));
const NOTHING: ReadonlySet<string> = new Set();

interface ReviewSessionProps {
  readonly project: Project;
  readonly userId: string;
  readonly filters: QueueFilters;
  readonly view: ReviewView;
  readonly onView: (view: ReviewView) => void;
}

interface Bulk {
  readonly within: Polygon | null;
}

function useReviewSession({ project, userId, filters, view, onView }: ReviewSessionProps) {
  const queue = useQueue(project.id, userId, filters);
  const [history, setHistory] = useState(false);
  const verdicts = useVerdicts({
    projectId: project.id,
    userId,
    queue,
    onShowOthers: () => setHistory(true),
    onBulkUndone: () => void queue.reload(),
  });
  const [chosen, setChosen] = useState<string | null>(null);
  const [selection, setSelection] = useState(NOTHING);
  const [drawing, setDrawing] = useState<Drawing>(null);
  const { items } = queue;
  const { decisions } = verdicts;
  const current = items.find((item) => keyOf(item) === chosen) ?? nextOpen(items, decisions, -1);
  useAhead(queue, current);

  const go = (item: QueueItem | null) => setChosen(item === null ? null : keyOf(item));
  /** The selection when there is one, else the current item. */
  const concerned = () => {
    const selected = items.filter((item) => selection.has(keyOf(item)));
    return selected.length > 0 ? selected : current === null ? [] : [current];
  };
  const advance = (done: readonly QueueItem[]) => {
    const after = new Map(decisions);
    for (const item of done) after.set(keyOf(item), { state: "accepted", labelId: null });
    const last = done.at(-1);
    const from = items.findIndex((item) => last !== undefined && keyOf(item) === keyOf(last));
    go(nextOpen(items, after, from));
    setSelection(NOTHING);
    setDrawing(null);
  };
  const decide = (said: Parameters<typeof verdicts.decide>[1]) => {
    const done = concerned();
    if (done.length === 0) return;
    verdicts.decide(done, said);
    advance(done);
  };
  const context: ReviewContext = {
    hasItem: current !== null,
    canUndo: verdicts.canUndo,
    labels: project.labels,
    asksReason: verdicts.rejected !== null,
    drawing: drawing !== null,
    accept: () => decide({ kind: "accepted" }),
    reject: () => decide({ kind: "rejected" }),
    relabel: (label) => decide({ kind: "relabelled", label_id: label.id }),
    startRedraw: () => {
      onView("slide");
      setDrawing("redraw");
    },
    skip: () => {
      if (current === null) return;
      verdicts.skip(current);
      advance([current]);
    },
    undo: () => {
      const item = verdicts.undo();
      if (item !== null) go(item);
    },
    move: (step) => {
      const place = items.findIndex((item) => current !== null && keyOf(item) === keyOf(current));
      go(items[place + step] ?? current);
    },
    toggleView: () => onView(view === "grid" ? "slide" : "grid"),
    addReason: verdicts.addReason,
    leave: () => {
      setDrawing(null);
      setSelection(NOTHING);
      verdicts.dismissReason();
    },
  };
  const redraw = (outline: Polygon) => {
    if (current === null) return;
    const label = current.current_label_id ?? current.label_id;
    verdicts.redraw(current, label, simplify(outline, 0.5));
    advance([current]);
  };
  return {
    queue,
    verdicts,
    current,
    selection,
    setSelection,
    drawing,
    setDrawing,
    context,
    go,
    redraw,
    history,
    setHistory,
  };
}

type Session = ReturnType<typeof useReviewSession>;

function Standing({ session }: { readonly session: Session }) {
  const { t } = useTranslation("pages");
  const format = useFormat();
  const done = session.verdicts.decisions.size;
  const total = Math.max(session.queue.count, done);
  return (
    <Group gap="xs" wrap="nowrap" style={{ flex: "1 1 220px" }}>
      <Progress value={total === 0 ? 0 : (done / total) * 100} style={{ flex: 1 }} aria-label={t("review.progress")} />
      <Text size="sm" data-testid="review-progress" style={{ whiteSpace: "nowrap" }}>
        {t("review.progressText", { done: format.number(done), total: format.number(total) })}
      </Text>
    </Group>
  );
}

function SelectionBar({ session }: { readonly session: Session }) {
  const { t } = useTranslation("pages");
  const { selection, context, setSelection } = session;
  if (selection.size === 0) {
    return null;
  }
  return (
    <Paper withBorder shadow="md" radius="md" px="sm" py={6} data-testid="selection-bar">
      <Group gap="xs">
        <Text size="sm">{t("review.selected", { count: selection.size })}</Text>
        <Button size="compact-xs" variant="light" color="green" onClick={context.accept}>
          {t("actions:review.accept")}
        </Button>
        <Button size="compact-xs" variant="light" color="red" onClick={context.reject}>
          {t("actions:review.reject")}
        </Button>
        <Button size="compact-xs" variant="default" onClick={() => setSelection(NOTHING)}>
          {t("review.clearSelection")}
        </Button>
      </Group>
    </Paper>
  );
}

function Main({
  session,
  props,
  onLasso,
}: {
  session: Session;
  props: ReviewSessionProps;
  onLasso: (polygon: Polygon) => void;
}) {
  const { queue, verdicts, current, go } = session;
  const follow = (suggestion: Suggestion) => {
    const known = queue.items.find((item) => keyOf(item) === keyOf(suggestion));
    if (known !== undefined) go(known);
  };
  if (props.view === "grid" || current === null) {
    return (
      <GridView
        items={queue.items}
        labels={props.project.labels}
        decisions={verdicts.decisions}
        current={current}
        selection={session.selection}
        onGo={go}
        onSelect={session.setSelection}
        onMore={queue.hasMore ? queue.more : null}
      />
    );
  }
  return (
    <Suspense fallback={<Waiting />}>
      <SlideView
        item={current}
        labels={props.project.labels}
        drawing={session.drawing}
        onDrawing={session.setDrawing}
        onDrawn={(polygon, drawing) => {
          if (drawing === "redraw") session.redraw(polygon);
          else onLasso(polygon);
        }}
        onSuggestionClick={follow}
      />
    </Suspense>
  );
}

/** Offers and messages beside the review, which never move it. */
function Notes({ session, userId }: { readonly session: Session; readonly userId: string }) {
  const { t } = useTranslation("reviewing");
  const unsent = useUnsentVerdicts(userId);
  const { verdicts } = session;
  return (
    <div className={classes.notes}>
      {unsent > 0 && (
        <Alert color="yellow" variant="filled" autoContrast py={6} data-testid="review-unsent">
          {t("unsent", { count: unsent })}
        </Alert>
      )}
      {verdicts.rejected === null ? null : <ReasonBar onReason={verdicts.addReason} onClose={verdicts.dismissReason} />}
      <SelectionBar session={session} />
    </div>
  );
}

function Waiting(): ReactNode {
  return (
    <Center h="100%" mih={240}>
      <Loader />
    </Center>
  );
}

/** One sitting over one queue: verdicts, undo, bulk. Mounted anew for other filters. */
export function ReviewSession(props: ReviewSessionProps) {
  const { t } = useTranslation("pages");
  const session = useReviewSession(props);
  const [bulk, setBulk] = useState<Bulk | null>(null);
  const { queue, verdicts, current, context } = session;
  useActions(context, reviewActions, bulk === null && !session.history);
  if (queue.error !== null) {
    return <Failure error={queue.error} onRetry={() => void queue.reload()} />;
  }
  if (queue.loading) {
    return <Waiting />;
  }
  const open = queue.items.some((item) => isOpen(item, verdicts.decisions)) || queue.hasMore;
  if (current === null && queue.hasMore) {
    return <Waiting />;
  }
  if (current === null || !open) {
    return (
      <ReviewDone
        project={props.project}
        filters={props.filters}
        decided={verdicts.decisions.size}
        onUndo={verdicts.canUndo ? context.undo : null}
      />
    );
  }
  return (
    <>
      <Group gap="md">
        <Standing session={session} />
        <Button
          size="xs"
          variant="default"
          leftSection={<IconStack2 size={14} />}
          onClick={() => setBulk({ within: null })}
          data-testid="review-bulk"
        >
          {t("review.bulk")}
        </Button>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconHistory size={14} />}
          onClick={() => session.setHistory(true)}
          data-testid="review-history"
        >
          {t("review.history")}
        </Button>
      </Group>
      <div className={classes.layout}>
        <div className={classes.work}>
          <Main session={session} props={props} onLasso={(within) => setBulk({ within })} />
          <Notes session={session} userId={props.userId} />
        </div>
        <SidePanel
          projectId={props.project.id}
          item={current}
          labels={props.project.labels}
          decision={verdicts.decisions.get(keyOf(current))}
          context={context}
          withCrop={props.view === "grid"}
        />
      </div>
      {bulk === null ? null : (
        <BulkDialog
          item={current}
          objectSets={[...new Set(queue.items.map((item) => item.object_set_id))]}
          labels={props.project.labels.filter((label) => label.retired_at === null)}
          within={bulk.within}
          onClose={() => setBulk(null)}
          onDone={(verdictIds) => {
            setBulk(null);
            verdicts.restart(verdictIds);
            void queue.reload();
          }}
        />
      )}
      {session.history && (
        <VerdictHistory
          project={props.project}
          slideId={props.filters.slide}
          onClose={() => session.setHistory(false)}
        />
      )}
    </>
  );
}
