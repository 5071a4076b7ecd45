import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";

const COLOURS: Record<string, string> = {
  queued: "gray",
  importing: "blue",
  running: "blue",
  writing: "blue",
  succeeded: "green",
  ready: "green",
  current: "green",
  finished: "green",
  accepted: "green",
  failed: "red",
  rejected: "red",
  cancelled: "gray",
  candidate: "yellow",
  in_progress: "yellow",
  relabelled: "grape",
  redrawn: "cyan",
  former: "gray",
  new: "gray",
  open: "gray",
};

interface StateBadgeProps {
  readonly state: string;
  readonly testId?: string;
}

/** The state of a job, a slide, a model version or a suggestion, in words and by colour. */
export function StateBadge({ state, testId }: StateBadgeProps) {
  const { t } = useTranslation("pages");
  return (
    <Badge
      color={COLOURS[state] ?? "gray"}
      variant="light"
      size="sm"
      radius="sm"
      tt="none"
      data-testid={testId}
      data-state={state}
      // A state is never shortened to its first letter.
      style={{ flexShrink: 0, minWidth: "max-content" }}
    >
      {t(`common:states.${state}`)}
    </Badge>
  );
}
