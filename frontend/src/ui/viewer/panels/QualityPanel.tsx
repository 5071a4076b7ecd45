import { Alert, Button, Checkbox, ColorSwatch, Divider, Group, Progress, Stack, Switch, Text } from "@mantine/core";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { ARTEFACTS } from "@/sync/queries/quality";
import { useFormat } from "../../shared/format";
import { useServerTexts } from "../../shared/serverTexts";
import { ARTEFACT_COLOURS, type QualityOverlay } from "../stage/useQualityOverlay";

/** Pen, folds, bubbles and blur: their shares, and switches of their overlays. */
export function QualityPanel({ overlay }: { overlay: QualityOverlay }): ReactElement {
  const { t } = useTranslation("quality");
  const texts = useServerTexts();
  const { quality, error, working } = overlay;
  const job = quality?.job;
  const failed = job && ["failed", "cancelled"].includes(job.state);
  return (
    <Stack gap="xs" data-testid="quality">
      <Divider label={t("title")} labelPosition="left" />
      {error !== null && <Alert color="red">{error}</Alert>}
      {failed && !working && (
        <Alert color="yellow">{t("failed", { reason: texts.messageText(job.error) || t("cancelled") })}</Alert>
      )}
      {quality?.map?.is_outdated && !working && (
        <Alert color="yellow" p="xs" data-testid="quality-outdated">
          <Text size="xs">{t("outdated")}</Text>
          <Button size="compact-xs" variant="default" mt={6} onClick={overlay.start}>
            {t("again")}
          </Button>
        </Alert>
      )}
      {quality?.map ? <Legend overlay={overlay} /> : <Start overlay={overlay} />}
      <Divider />
    </Stack>
  );
}

function Start({ overlay }: { overlay: QualityOverlay }): ReactElement {
  const { t } = useTranslation("quality");
  const progress = overlay.quality?.job?.progress ?? 0;
  return (
    <>
      <Text size="sm" c="dimmed">
        {t(overlay.working ? "working" : "missing")}
      </Text>
      {overlay.working && <Progress size="sm" animated value={Math.max(8, progress * 100)} aria-label={t("working")} />}
      {!overlay.working && (
        <Button
          size="compact-sm"
          variant="default"
          onClick={overlay.start}
          disabled={!overlay.quality}
          data-testid="map-quality"
        >
          {t("start")}
        </Button>
      )}
    </>
  );
}

function Legend({ overlay }: { overlay: QualityOverlay }): ReactElement {
  const { t } = useTranslation("quality");
  const format = useFormat();
  const shares = overlay.quality?.map?.shares ?? [];
  return (
    <>
      <Switch
        label={t("show")}
        checked={overlay.shown}
        onChange={(event) => overlay.show(event.currentTarget.checked)}
        data-testid="quality-toggle"
      />
      {ARTEFACTS.map((name) => {
        const share = shares.find((row) => row.name === name)?.share ?? 0;
        return (
          <Group key={name} justify="space-between" wrap="nowrap" gap="xs">
            <Checkbox
              size="xs"
              disabled={!overlay.shown}
              checked={!overlay.hidden.has(name)}
              onChange={() => overlay.toggle(name)}
              label={
                <Group gap={6} wrap="nowrap">
                  <ColorSwatch size={12} radius={3} color={`rgb(${ARTEFACT_COLOURS[name].join(",")})`} />
                  {t(`artefact.${name}`)}
                </Group>
              }
            />
            <Text size="sm" style={{ fontVariantNumeric: "tabular-nums" }}>
              {format.percent(share, 1)}
            </Text>
          </Group>
        );
      })}
      <Text size="xs" c="dimmed">
        {t("shareOf")}
      </Text>
    </>
  );
}
