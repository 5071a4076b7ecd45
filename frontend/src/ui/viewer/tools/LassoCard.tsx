import { Button, CloseButton, Group, Menu, Paper, Text } from "@mantine/core";
import { IconArrowBackUp, IconCheck, IconTag, IconX } from "@tabler/icons-react";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { Label } from "@/sync/types";
import { Failure } from "../../shared/Failure";
import { useFormat } from "../../shared/format";
import { LabelDot } from "../../shared/LabelDot";
import type { Lasso } from "./useLasso";
import classes from "../Viewer.module.css";

/** Suggestions in the lasso with the possible verdicts; afterwards, the verdict and its undoing. */
export function LassoCard({ lasso, labels }: { lasso: Lasso; labels: readonly Label[] }): ReactElement | null {
  const { t } = useTranslation(["reviewing", "common", "actions"]);
  const format = useFormat();
  const { area, count, given, undo } = lasso;
  if (area === null && given === null) return null;
  const text =
    given === null
      ? count === null
        ? t("counting")
        : t("inLasso", { count, shown: format.number(count) })
      : t(`tally.${given.kind}`, { count: given.count });
  return (
    <Paper className={classes.card} shadow="md" radius="md" px="sm" py={8} data-testid="lasso-card">
      {lasso.error ? <Failure error={lasso.error} /> : null}
      <Group gap="xs" wrap="nowrap" justify="space-between">
        <Text size="sm" fw={600} aria-live="polite" data-testid="lasso-count">
          {text}
        </Text>
        <CloseButton size="sm" aria-label={t("common:close")} onClick={() => lasso.choose(null)} />
      </Group>
      <Group gap={6} mt={6}>
        {given === null ? (
          <Choices lasso={lasso} labels={labels} />
        ) : (
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconArrowBackUp size={14} />}
            loading={lasso.busy}
            onClick={() => undo?.()}
            data-testid="lasso-undo"
          >
            {t("actions:review.undo")}
          </Button>
        )}
      </Group>
    </Paper>
  );
}

function Choices({ lasso, labels }: { lasso: Lasso; labels: readonly Label[] }): ReactElement {
  const { t } = useTranslation(["actions", "reviewing"]);
  const nothing = lasso.count === null || lasso.count === 0;
  return (
    <>
      <Button
        size="compact-sm"
        variant="light"
        color="green"
        leftSection={<IconCheck size={14} />}
        disabled={nothing}
        loading={lasso.busy}
        onClick={() => lasso.decide({ kind: "accepted" })}
        data-testid="lasso-accept"
      >
        {t("review.accept")}
      </Button>
      <Button
        size="compact-sm"
        variant="light"
        color="red"
        leftSection={<IconX size={14} />}
        disabled={nothing || lasso.busy}
        onClick={() => lasso.decide({ kind: "rejected" })}
        data-testid="lasso-reject"
      >
        {t("review.reject")}
      </Button>
      <Menu withinPortal position="bottom-end">
        <Menu.Target>
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconTag size={14} />}
            disabled={nothing || lasso.busy}
            data-testid="lasso-relabel"
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
                onClick={() => lasso.decide({ kind: "relabelled", label_id: label.id })}
                data-testid={`lasso-label-${label.key ?? label.id}`}
              >
                <LabelDot colour={label.colour} name={label.name} />
              </Menu.Item>
            ))}
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
