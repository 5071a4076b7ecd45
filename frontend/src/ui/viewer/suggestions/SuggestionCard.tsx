import { Button, CloseButton, Group, Kbd, Menu, Paper, Text } from "@mantine/core";
import { IconArrowBackUp, IconCheck, IconTag, IconX } from "@tabler/icons-react";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { keysOf, showChord, type KeyMap } from "@/actions/keymap";
import { useObjectHistory } from "@/sync/queries/queries";
import type { Label, ObjectSet, Suggestion, Verdict } from "@/sync/types";
import { LabelDot } from "../../shared/LabelDot";
import { REASONS } from "../../review/reviewActions";
import type { SelectedSuggestion } from "./useSelectedSuggestion";
import classes from "../Viewer.module.css";

interface Props {
  selected: SelectedSuggestion;
  labels: readonly Label[];
  objectSet: ObjectSet | null;
  keyMap: KeyMap;
}

/** The verdict that counts: the last one that nobody has taken back. */
export function standingVerdict(history: readonly Verdict[]): Verdict | null {
  const undone = new Set(history.map((verdict) => verdict.undoes));
  return history.filter((verdict) => verdict.kind !== "undone" && !undone.has(verdict.id)).at(-1) ?? null;
}

/** The selected suggestion: what it is, what was decided and by whom, and the verdicts with their keys. */
export function SuggestionCard({ selected, labels, objectSet, keyMap }: Props): ReactElement | null {
  const { t } = useTranslation(["drawing", "objects", "common", "pages"]);
  const { suggestion, mayReview, context } = selected;
  if (suggestion === null) return null;
  const label = labels.find((each) => each.id === (suggestion.current_label_id ?? suggestion.label_id));
  return (
    <Paper
      className={classes.card}
      shadow="md"
      radius="md"
      px="sm"
      py={8}
      component="section"
      aria-label={t("drawing:selectedSuggestion")}
      data-testid="suggestion-card"
      data-state={suggestion.state}
    >
      <Group gap="xs" wrap="nowrap" justify="space-between">
        <Group gap="xs">
          {label ? (
            <LabelDot colour={label.colour} name={label.name} />
          ) : (
            <Text size="sm">{t("objects:unlabelled")}</Text>
          )}
          <Text size="xs" c="dimmed">
            {[
              suggestion.score === null
                ? t("objects:noScore")
                : t("objects:tooltipScore", { value: suggestion.score.toFixed(2) }),
              t("objects:tooltipUncertainty", { value: suggestion.uncertainty.toFixed(2) }),
              objectSet?.producer_name,
            ]
              .filter(Boolean)
              .join(" · ")}
          </Text>
        </Group>
        <CloseButton size="sm" aria-label={t("common:close")} onClick={context.leave} data-testid="suggestion-close" />
      </Group>
      <VerdictLine suggestion={suggestion} />
      {mayReview && <Verdicts selected={selected} labels={labels} keyMap={keyMap} />}
      {context.asksReason && (
        <Group gap={4} mt={6} data-testid="suggestion-reasons">
          <Text size="xs">{t("pages:review.askReason")}</Text>
          {REASONS.map((reason, place) => (
            <Button
              key={reason}
              size="compact-xs"
              variant="default"
              rightSection={<Kbd size="xs">{`⇧${place + 1}`}</Kbd>}
              onClick={() => context.addReason(reason)}
            >
              {t(`pages:review.reasons.${reason}`)}
            </Button>
          ))}
        </Group>
      )}
    </Paper>
  );
}

function VerdictLine({ suggestion }: { suggestion: Suggestion }): ReactElement {
  const { t } = useTranslation(["drawing", "objects", "pages"]);
  const { data: history = [] } = useObjectHistory(
    suggestion.object_set_id,
    suggestion.index,
    suggestion.state !== "open",
  );
  const verdict = suggestion.state === "open" ? null : standingVerdict(history);
  const reviewer =
    verdict?.kind === suggestion.state ? verdict.reviewer.display_name || verdict.reviewer.username : null;
  const state = t(`objects:state.${suggestion.state}`);
  const parts = [
    reviewer === null ? state : t("drawing:verdictBy", { state, reviewer }),
    suggestion.reason ? t(`pages:review.reasons.${suggestion.reason}`) : "",
  ];
  return (
    <Text size="xs" aria-live="polite" data-testid="suggestion-verdict">
      {parts.filter(Boolean).join(" · ")}
    </Text>
  );
}

function Verdicts({ selected, labels, keyMap }: Omit<Props, "objectSet">): ReactElement {
  const { t } = useTranslation(["drawing", "actions", "reviewing"]);
  const { context } = selected;
  const keyOf = (id: string) => {
    const [key] = keysOf(id, keyMap);
    return key === undefined ? "" : showChord(key);
  };
  const kbd = (id: string) => (keyOf(id) === "" ? null : <Kbd size="xs">{keyOf(id)}</Kbd>);
  return (
    <>
      <Group gap={6} mt={6}>
        <Button
          size="compact-sm"
          variant="light"
          color="green"
          leftSection={<IconCheck size={14} />}
          rightSection={kbd("review.accept")}
          onClick={context.accept}
          data-testid="suggestion-accept"
        >
          {t("actions:review.accept")}
        </Button>
        <Button
          size="compact-sm"
          variant="light"
          color="red"
          leftSection={<IconX size={14} />}
          rightSection={kbd("review.reject")}
          onClick={context.reject}
          data-testid="suggestion-reject"
        >
          {t("actions:review.reject")}
        </Button>
        <Menu withinPortal position="top-start">
          <Menu.Target>
            <Button
              size="compact-sm"
              variant="default"
              leftSection={<IconTag size={14} />}
              data-testid="suggestion-relabel"
            >
              {t("reviewing:relabel")}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {labels
              .filter((label) => label.retired_at === null)
              .map((label) => (
                <Menu.Item
                  key={label.id}
                  onClick={() => context.relabel(label)}
                  rightSection={label.key === null ? null : <Kbd size="xs">{label.key}</Kbd>}
                >
                  <LabelDot colour={label.colour} name={label.name} />
                </Menu.Item>
              ))}
          </Menu.Dropdown>
        </Menu>
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconArrowBackUp size={14} />}
          rightSection={kbd("review.undo")}
          disabled={!context.canUndo}
          onClick={context.undo}
          data-testid="suggestion-undo"
        >
          {t("actions:review.undo")}
        </Button>
      </Group>
      <Text size="xs" c="dimmed" mt={4} data-testid="suggestion-keys">
        {t("drawing:suggestionKeys", { next: keyOf("review.next"), previous: keyOf("review.previous") })}
      </Text>
    </>
  );
}
