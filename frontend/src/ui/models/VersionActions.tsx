import { Button, Group, Tooltip } from "@mantine/core";
import { IconArrowBackUp, IconArrowUp, IconHandStop, IconScale, IconSparkles } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { ModelVersion, Role } from "@/sync/types";
import { hasRole } from "../shell/roles";
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

/** What a manager may do with a version in its state. */
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

const LOOK: Record<Dialog, { icon: typeof IconScale; variant: string; testId: string }> = {
  promote: { icon: IconArrowUp, variant: "filled", testId: "promote-button" },
  keep: { icon: IconHandStop, variant: "default", testId: "keep-button" },
  rollBack: { icon: IconArrowBackUp, variant: "default", testId: "roll-back-button" },
  predict: { icon: IconSparkles, variant: "light", testId: "predict-version-button" },
};

export function VersionActions(props: VersionActionsProps) {
  const { version, current, role, size = "xs" } = props;
  const { t } = useTranslation("pages");
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const close = () => setDialog(null);
  return (
    <Group gap={6} wrap="nowrap">
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
        const { icon: Icon, variant, testId } = LOOK[name];
        return (
          <Tooltip key={name} label={t(`models.hint.${name}`)} multiline maw={260}>
            <Button
              size={size}
              variant={variant}
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
        <DecideDialog decision={dialog} version={version} onClose={close} />
      ) : null}
    </Group>
  );
}
