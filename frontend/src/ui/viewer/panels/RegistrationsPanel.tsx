import { ActionIcon, Badge, Button, Divider, Group, Loader, Select, Stack, Switch, Text } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { Stage } from "@/render/stage";
import { useSlides } from "@/sync/queries/queries";
import { isWorking, useRegister, useRegistrations, useUnregister } from "@/sync/queries/registrations";
import type { Registration, ViewerInfo } from "@/sync/types";
import { useFormat } from "../../shared/format";
import { notifyFailure } from "../../shared/notify";
import { useServerTexts } from "../../shared/serverTexts";
import { LandmarksDialog } from "./LandmarksDialog";
import type { Carried } from "../stage/useCarried";
import classes from "../Viewer.module.css";

interface Props {
  viewer: ViewerInfo;
  stage: Stage | null;
  carried: Carried;
}

const GOOD_LIKENESS = 0.3;
const MOST_SLIDES = 200;

/** The slides registered with this one. */
export function RegistrationsPanel({ viewer, stage, carried }: Props): ReactElement {
  const { t } = useTranslation("registration");
  const { slide } = viewer;
  const { data: registrations = [] } = useRegistrations(slide.id);
  const { data: slides } = useSlides(slide.project_id, { page_size: MOST_SLIDES });
  const register = useRegister(slide.id);
  const taken = new Set([slide.id, ...registrations.map((row) => row.moving_id)]);
  const free = (slides?.results ?? []).filter((row) => row.state === "ready" && !taken.has(row.id));
  return (
    <Stack gap="xs" data-testid="registrations">
      <Divider label={t("title")} labelPosition="left" />
      <Text size="xs" c="dimmed">
        {t("hint")}
      </Text>
      {registrations.map((row) => (
        <Row key={row.id} row={row} viewer={viewer} stage={stage} carried={carried} />
      ))}
      {free.length > 0 && (
        <Select
          size="xs"
          label={t("add")}
          placeholder={t("choose")}
          searchable
          value={null}
          disabled={register.isPending}
          data={free.map((row) => ({ value: row.id, label: row.name }))}
          onChange={(id) => id && register.mutate(id, { onError: notifyFailure })}
          data-testid="register-slide"
        />
      )}
    </Stack>
  );
}

interface RowProps extends Props {
  row: Registration;
}

function Row({ row, viewer, stage, carried }: RowProps): ReactElement {
  const { t } = useTranslation("registration");
  const [landmarks, setLandmarks] = useState(false);
  const remove = useUnregister(viewer.slide.id);
  return (
    <Stack gap={4} p="xs" style={{ border: "1px solid var(--mantine-color-default-border)", borderRadius: 8 }}>
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm" fw={600} className={classes.truncate}>
          {row.moving_name}
        </Text>
        <ActionIcon
          size="sm"
          color="red"
          aria-label={t("remove", { name: row.moving_name })}
          onClick={() => {
            carried.setShown(null);
            remove.mutate(row.id, { onError: notifyFailure });
          }}
        >
          <IconTrash size={15} />
        </ActionIcon>
      </Group>
      <Match row={row} />
      {row.matrix && (
        <Switch
          size="xs"
          label={t("show")}
          checked={carried.shown?.id === row.id}
          onChange={(event) => carried.setShown(event.currentTarget.checked ? row : null)}
        />
      )}
      <Group gap={4}>
        {row.matrix && (
          <Button size="compact-xs" variant="light" component={Link} to={placeThere(row, viewer, stage)} reloadDocument>
            {t("open")}
          </Button>
        )}
        <Button size="compact-xs" variant="default" onClick={() => setLandmarks(true)}>
          {t("landmarks")}
        </Button>
      </Group>
      {landmarks && <LandmarksDialog viewer={viewer} registration={row} onClose={() => setLandmarks(false)} />}
    </Stack>
  );
}

function Match({ row }: { row: Registration }): ReactElement | null {
  const { t } = useTranslation("registration");
  const texts = useServerTexts();
  const format = useFormat();
  if (isWorking(row)) {
    return (
      <Group gap={6}>
        <Loader size={12} />
        <Text size="xs">{t("working")}</Text>
      </Group>
    );
  }
  if (row.landmarks)
    return (
      <Badge size="sm" radius="sm" tt="none" variant="light">
        {t("byLandmarks")}
      </Badge>
    );
  if (row.quality) {
    const good = row.quality.likeness >= GOOD_LIKENESS;
    return (
      <Group gap={6}>
        <Badge size="sm" radius="sm" tt="none" variant="light" color={good ? "green" : "orange"}>
          {t(good ? "good" : "doubtful")}
        </Badge>
        <Text size="xs" c="dimmed">
          {t("facts", { count: row.quality.inliers, likeness: format.number(row.quality.likeness, 2) })}
        </Text>
      </Group>
    );
  }
  return row.job?.state === "failed" ? (
    <Text size="xs" c="red">
      {t("failed", { reason: texts.messageText(row.job.error) })}
    </Text>
  ) : null;
}

/** The address of the other slide at the place that is in the middle here. */
function placeThere(row: Registration, viewer: ViewerInfo, stage: Stage | null): string {
  const base = `/projects/${viewer.slide.project_id}/slides/${row.moving_id}`;
  const [a, b] = row.matrix ?? [];
  if (!stage || !a || !b) return base;
  const place = stage.place();
  const x = a[0] * place.x + a[1] * place.y + a[2];
  const y = b[0] * place.x + b[1] * place.y + b[2];
  return `${base}?x=${Math.round(x)}&y=${Math.round(y)}&zoom=${place.scale.toFixed(4)}`;
}
