import { Alert, Button, Skeleton, Stack, Text } from "@mantine/core";
import { IconScale } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { ComparisonAnswer, ModelVersion } from "@/sync/types";
import { Differences, VERDICT_COLOURS } from "./Differences";

interface PromoteVerdictProps {
  readonly version: ModelVersion;
  readonly current: ModelVersion;
  /** Undefined while it is read. */
  readonly answer: ComparisonAnswer | undefined;
  readonly onLeave: () => void;
}

/** Result of the comparison with the current version, with its figures, beside the decision. */
export function PromoteVerdict({ version, current, answer, onLeave }: PromoteVerdictProps) {
  const { t } = useTranslation("pages");
  const names = { name: version.name, other: current.name };
  if (answer === undefined) return <Skeleton h={96} radius="md" />;
  const { comparison } = answer;
  if (comparison === null) {
    return (
      <Alert
        color="yellow"
        icon={<IconScale size={18} />}
        title={t("models.verdict.missing", names)}
        data-testid="promote-verdict"
        data-verdict="missing"
      >
        <Stack gap="xs" align="flex-start">
          <Text size="sm">{t("models.verdict.missingText")}</Text>
          <Button
            component={Link}
            to={`/projects/${version.project_id}/models/${version.id}?with=${current.id}`}
            size="compact-sm"
            variant="default"
            onClick={onLeave}
          >
            {t("models.verdict.compare")}
          </Button>
        </Stack>
      </Alert>
    );
  }
  const { recommendation, count } = comparison;
  return (
    <Stack gap="xs">
      <Alert
        color={VERDICT_COLOURS[recommendation]}
        icon={<IconScale size={18} />}
        title={t(`models.verdict.${recommendation}`, names)}
        data-testid="promote-verdict"
        data-verdict={recommendation}
      >
        {t(`models.recommendationText.${recommendation}`, { count })}
      </Alert>
      <Differences comparison={comparison} names={[version.name, current.name]} compact />
    </Stack>
  );
}
