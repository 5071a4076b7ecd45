import { Button, Group, Tooltip } from "@mantine/core";
import { IconArrowBackUp, IconArrowUp, IconHandStop, IconScale, IconSparkles } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { useComparison } from "@/sync/queries/queries";
import type { ModelVersion, Role } from "@/sync/types";
import { hasRole } from "../shared/roles";
import { DecideDialog, type Decision } from "./DecideDialog";
import { PredictDialog } from "./PredictDialog";

interface VersionActionsProps {
  readonly version: ModelVersion;
  /** The current version of the same task, when there is another. */
  readonly current: ModelVersion | undefined;
  readonly hasFormer: boolean;
  readonly role: Role;
  readonly size?: string;
}

type Dialog = Decision | "predict";

/** Actions of a manager on a version in its state. */
function allowed({ version, current, hasFormer }: VersionActionsProps): Dialog[] {
  const undecided = version.state === "candidate" && version.kept_at === null;
  const decisions: [Dialog, boolean][] = [
    ["promote", version.state !== "current"],
    ["keep", undecided && current !== undefined],
    ["rollBack", version.state === "current" && hasFormer],
    ["predict", true],
  ];
  return decisions.filter(([, applies]) => applies).map(([name]) => name);
}

const LOOK: Record<Dialog, { icon: typeof IconScale; testId: string }> = {
  promote: { icon: IconArrowUp, testId: "promote-button" },
  keep: { icon: IconHandStop, testId: "keep-button" },
  rollBack: { icon: IconArrowBackUp, testId: "roll-back-button" },
  predict: { icon: IconSparkles, testId: "predict-version-button" },
};

/** The decision that the comparison with the current version advises; null where there is nothing to decide. */
function useAdvice(props: VersionActionsProps): "promote" | "keep" | null {
  const { version, current, role } = props;
  const isAsked = hasRole(role, "manager") && allowed(props).includes("keep");
  const comparison = useComparison(version.id, isAsked ? current?.id : undefined);
  if (current === undefined) return "promote";
  if (!isAsked || comparison.data === undefined) return null;
  return comparison.data.comparison?.recommendation === "promote" ? "promote" : "keep";
}

export function VersionActions(props: VersionActionsProps) {
  const { version, current, role, size = "xs" } = props;
  const { t } = useTranslation("pages");
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const advice = useAdvice(props);
  const close = () => setDialog(null);
  return (
    <Group gap={6} wrap="wrap">
      {current !== undefined && current.id !== version.id ? (
        <Button
          component={Link}
          to={`/projects/${version.project_id}/models/${version.id}?with=${current.id}`}
          size={size}
          variant="default"
          leftSection={<IconScale size={14} />}
          data-testid="compare-button"
        >
          {t("models.compare")}
        </Button>
      ) : null}
      {(hasRole(role, "manager") ? allowed(props) : []).map((name) => {
        const { icon: Icon, testId } = LOOK[name];
        return (
          <Tooltip key={name} label={t(`models.hint.${name}`)} multiline maw={260}>
            <Button
              size={size}
              variant={name === advice ? "filled" : name === "predict" ? "light" : "default"}
              leftSection={<Icon size={14} />}
              onClick={() => setDialog(name)}
              data-testid={testId}
            >
              {t(`models.decide.${name}`)}
            </Button>
          </Tooltip>
        );
      })}
      {dialog === "predict" ? <PredictDialog version={version} onClose={close} /> : null}
      {dialog !== null && dialog !== "predict" ? (
        <DecideDialog decision={dialog} version={version} current={current} onClose={close} />
      ) : null}
    </Group>
  );
}
