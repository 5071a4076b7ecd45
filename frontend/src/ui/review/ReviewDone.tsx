import { Button, Group } from "@mantine/core";
import { IconArrowBackUp, IconBrain, IconCircleCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { Project, QueueFilters } from "@/sync/types";
import { EmptyState } from "../shared/EmptyState";
import { hasRole } from "../shared/roles";

interface ReviewDoneProps {
  readonly project: Project;
  readonly filters: QueueFilters;
  /** Number of suggestions decided in this session. */
  readonly decided: number;
  readonly onUndo: (() => void) | null;
}

/** Empty queue; the next step depends on whether there ever was a suggestion. */
export function ReviewDone({ project, filters, decided, onUndo }: ReviewDoneProps) {
  const { t } = useTranslation("pages");
  const narrowed = Object.entries<unknown>(filters).some(([name, value]) => name !== "order" && value !== undefined);
  const text = decided > 0 ? "review.doneText" : narrowed ? "review.noMatchText" : "review.emptyText";
  return (
    <EmptyState
      icon={<IconCircleCheck size={28} />}
      title={decided > 0 ? t("review.doneTitle") : t("review.emptyTitle")}
      description={t(text, { count: decided })}
    >
      <Group gap="xs">
        {onUndo === null ? null : (
          <Button
            variant="default"
            leftSection={<IconArrowBackUp size={16} />}
            onClick={onUndo}
            data-testid="verdict-undo"
          >
            {t("actions:review.undo")}
          </Button>
        )}
        {hasRole(project.my_role, "manager") ? (
          <Button
            component={Link}
            to={`/projects/${project.id}/training`}
            leftSection={<IconBrain size={16} />}
            data-testid="review-retrain"
          >
            {t("review.retrain")}
          </Button>
        ) : null}
      </Group>
    </EmptyState>
  );
}
