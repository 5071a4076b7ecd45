import {
  Button,
  Group,
  Modal,
  NumberInput,
  SegmentedControl,
  Select,
  Slider,
  Stack,
  Switch,
  Text,
} from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Polygon } from "@/core/geometry/types";
import { ApiError } from "@/sync/client";
import { type GiveVerdict, useBulkVerdict, useCountVerdict } from "@/sync/queries/queries";
import type { GivenVerdict, Label, QueueItem, VerdictFilter } from "@/sync/types";
import { Failure } from "../shared/Failure";
import { useFormat } from "../shared/format";
import { notifyDone } from "../shared/notify";

type BulkKind = "accepted" | "rejected" | "relabelled";

const COUNT_DELAY_MS = 250;
const FIRST_THRESHOLD = 0.9;

interface BulkDialogProps {
  readonly item: QueueItem;
  /** The object sets of all items loaded so far. */
  readonly objectSets: readonly string[];
  readonly labels: readonly Label[];
  /** Only what lies in this outline, on the slide of the item. */
  readonly within: Polygon | null;
  /** Hands over the verdicts that were given. */
  readonly onDone: (verdictIds: readonly string[]) => void;
  readonly onClose: () => void;
}

interface Draft {
  readonly kind: BulkKind;
  readonly label: string | null;
  readonly minimum: number;
  readonly target: string | null;
  readonly everywhere: boolean;
}

function bodiesOf(draft: Draft, props: BulkDialogProps): GiveVerdict[] {
  const filter: VerdictFilter = {};
  if (draft.label !== null) filter.label = draft.label;
  if (draft.minimum > 0) filter.min_score = draft.minimum;
  if (props.within !== null) filter.within = props.within;
  const sets = draft.everywhere ? props.objectSets : [props.item.object_set_id];
  const relabel = draft.kind === "relabelled" && draft.target !== null ? { label_id: draft.target } : {};
  return sets.map((object_set_id) => ({ object_set_id, kind: draft.kind, filter, ...relabel }));
}

interface Counted {
  readonly body: GiveVerdict;
  readonly count: number;
}

/** Number of suggestions that the draft concerns in each set; null until the server has answered. */
function useCounts(draft: Draft, props: BulkDialogProps) {
  const count = useCountVerdict();
  const [settled] = useDebouncedValue(draft, COUNT_DELAY_MS);
  const [counted, setCounted] = useState<{ readonly draft: Draft; readonly counts: readonly Counted[] } | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    let current = true;
    setError(null);
    const incomplete = settled.kind === "relabelled" && settled.target === null;
    if (incomplete) return undefined;
    Promise.all(
      bodiesOf(settled, props).map(async (body) => ({ body, count: (await count.mutateAsync(body)).count })),
    ).then(
      (counts) => {
        if (current) setCounted({ draft: settled, counts });
      },
      (reason: unknown) => {
        if (current) setError(reason);
      },
    );
    return () => {
      current = false;
    };
    // The dialog is mounted anew for another item or outline: only the draft changes while it is open.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [settled]);
  // What was counted for an earlier draft says nothing of this one.
  return { counts: counted?.draft === draft ? counted.counts : null, error };
}

/** One verdict for all open suggestions above a score, counted before it is given. Mounted only while open. */
export function BulkDialog(props: BulkDialogProps) {
  const { item, labels, within, onDone, onClose } = props;
  const { t } = useTranslation("pages");
  const format = useFormat();
  const give = useBulkVerdict();
  const [draft, setDraft] = useState<Draft>({
    kind: "accepted",
    label: within === null ? item.label_id : null,
    minimum: within === null ? FIRST_THRESHOLD : 0,
    target: null,
    everywhere: false,
  });
  const { counts, error } = useCounts(draft, props);
  const total = counts === null ? null : counts.reduce((sum, { count }) => sum + count, 0);
  const change = (part: Partial<Draft>) => setDraft({ ...draft, ...part });
  const run = async () => {
    const given: GivenVerdict[] = [];
    let nothing: ApiError | null = null;
    for (const { body, count } of counts ?? []) {
      if (count === 0) continue;
      try {
        given.push(await give.mutateAsync(body));
      } catch (reason) {
        // Somebody else may have decided on all of a set meanwhile.
        if (!(reason instanceof ApiError) || reason.code !== "nothing_concerned") throw reason;
        nothing = reason;
      }
    }
    if (given.length === 0 && nothing !== null) throw nothing;
    notifyDone(t("review.bulkDone", { count: given.reduce((sum, { count }) => sum + count, 0) }));
    onDone(given.map(({ id }) => id));
  };
  const options = labels.map((label) => ({ value: label.id, label: label.name }));
  return (
    <Modal opened onClose={onClose} title={t(within === null ? "review.bulk" : "review.bulkWithin")} centered>
      <Stack>
        {error === null ? null : <Failure error={error} />}
        {give.isError ? <Failure error={give.error} /> : null}
        <SegmentedControl
          value={draft.kind}
          onChange={(kind) => change({ kind: kind as BulkKind })}
          data={(["accepted", "rejected", "relabelled"] as const).map((value) => ({
            value,
            label: t(`review.bulkKinds.${value}`),
          }))}
        />
        {draft.kind === "relabelled" ? (
          <Select
            label={t("review.newLabel")}
            data={options}
            value={draft.target}
            onChange={(target) => change({ target })}
          />
        ) : null}
        <Select
          label={t("review.label")}
          placeholder={t("review.anyLabel")}
          clearable
          data={options}
          value={draft.label}
          onChange={(label) => change({ label })}
        />
        <Group align="flex-end" wrap="nowrap">
          <Stack gap={2} style={{ flex: 1 }}>
            <Text size="sm" fw={500}>
              {t("review.minimumScore")}
            </Text>
            <Slider
              min={0}
              max={1}
              step={0.01}
              label={null}
              value={draft.minimum}
              onChange={(minimum) => change({ minimum })}
              thumbLabel={t("review.minimumScore")}
              mb={10}
            />
          </Stack>
          <NumberInput
            w={84}
            aria-label={t("review.minimumScore")}
            min={0}
            max={1}
            step={0.01}
            decimalScale={2}
            value={draft.minimum}
            onChange={(minimum) => {
              if (typeof minimum === "number") change({ minimum });
            }}
            data-testid="bulk-score"
          />
        </Group>
        {within === null && props.objectSets.length > 1 ? (
          <Switch
            label={t("review.everywhere", { count: props.objectSets.length })}
            checked={draft.everywhere}
            onChange={(event) => change({ everywhere: event.currentTarget.checked })}
            data-testid="bulk-everywhere"
          />
        ) : (
          <Text size="sm" c="dimmed">
            {t("review.onlySlide", { name: item.slide.name })}
          </Text>
        )}
        <Text fw={600} aria-live="polite" data-testid="bulk-count">
          {total === null ? t("review.counting") : t("review.bulkCount", { count: total, shown: format.number(total) })}
        </Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            {t("common:cancel")}
          </Button>
          <Button
            color={draft.kind === "rejected" ? "red" : undefined}
            disabled={total === null || total === 0}
            loading={give.isPending}
            // What went wrong is shown by the dialog itself.
            onClick={() => void run().catch(() => undefined)}
            data-testid="bulk-confirm"
          >
            {t(`review.bulkKinds.${draft.kind}`)}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
