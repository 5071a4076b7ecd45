import { Box, Button, Group, Modal, SimpleGrid, Stack, Text } from "@mantine/core";
import { useState, type MouseEvent, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { Position } from "@/core/geometry/types";
import { useViewer } from "@/sync/queries/queries";
import { useSetLandmarks } from "@/sync/queries/registrations";
import type { Registration, ViewerInfo } from "@/sync/types";
import { Failure } from "../../shared/Failure";

interface Props {
  viewer: ViewerInfo;
  registration: Registration;
  onClose: () => void;
}

const SIDE = 900;
const LEAST = 3;

/** Landmarks on two slides, set by hand where the registration failed. Mounted only while open. */
export function LandmarksDialog({ viewer, registration, onClose }: Props): ReactElement {
  const { t } = useTranslation("registration");
  const other = useViewer(registration.moving_id);
  const save = useSetLandmarks(viewer.slide.id);
  const [fixed, setFixed] = useState<Position[]>(registration.landmarks?.fixed ?? []);
  const [moving, setMoving] = useState<Position[]>(registration.landmarks?.moving ?? []);
  const pairs = Math.min(fixed.length, moving.length);
  const back = () => {
    if (fixed.length > moving.length) setFixed(fixed.slice(0, -1));
    else setMoving(moving.slice(0, -1));
  };
  return (
    <Modal opened onClose={onClose} title={t("landmarksTitle", { name: registration.moving_name })} size="90%" centered>
      <Stack>
        {save.isError && <Failure error={save.error} />}
        <Text size="sm" c="dimmed">
          {t("landmarksHint")}
        </Text>
        <SimpleGrid cols={2}>
          <Picture
            viewer={viewer}
            name={t("here")}
            points={fixed}
            onPoint={(p) => fixed.length === moving.length && setFixed([...fixed, p])}
          />
          {other.data && (
            <Picture
              viewer={other.data}
              name={registration.moving_name}
              points={moving}
              onPoint={(p) => moving.length < fixed.length && setMoving([...moving, p])}
            />
          )}
        </SimpleGrid>
        <Group justify="space-between">
          <Text size="sm">{t("pairs", { count: pairs })}</Text>
          <Group gap="xs">
            <Button variant="default" onClick={back} disabled={fixed.length === 0}>
              {t("back")}
            </Button>
            <Button
              variant="default"
              disabled={fixed.length === 0}
              onClick={() => {
                setFixed([]);
                setMoving([]);
              }}
            >
              {t("clear")}
            </Button>
            <Button
              disabled={pairs < LEAST}
              loading={save.isPending}
              onClick={() =>
                save.mutate(
                  { id: registration.id, fixed: fixed.slice(0, pairs), moving: moving.slice(0, pairs) },
                  { onSuccess: onClose },
                )
              }
            >
              {t("use")}
            </Button>
          </Group>
        </Group>
      </Stack>
    </Modal>
  );
}

interface PictureProps {
  viewer: ViewerInfo;
  name: string;
  points: readonly Position[];
  onPoint: (point: Position) => void;
}

function Picture({ viewer, name, points, onPoint }: PictureProps): ReactElement {
  const { t } = useTranslation("registration");
  const { slide } = viewer;
  const click = (event: MouseEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    onPoint([
      ((event.clientX - box.left) / box.width) * slide.width,
      ((event.clientY - box.top) / box.height) * slide.height,
    ]);
  };
  return (
    <Box
      role="button"
      aria-label={t("picture", { name })}
      onClick={click}
      style={{ position: "relative", cursor: "crosshair", alignSelf: "start" }}
    >
      <img
        src={`${viewer.region}&x=0&y=0&width=${slide.width}&height=${slide.height}&size=${SIDE}`}
        alt=""
        draggable={false}
        style={{ display: "block", width: "100%", borderRadius: 6 }}
      />
      {points.map(([x, y], place) => (
        <Box
          key={`${x}-${y}`}
          style={{
            position: "absolute",
            left: `${(x / slide.width) * 100}%`,
            top: `${(y / slide.height) * 100}%`,
            transform: "translate(-50%, -50%)",
            width: 20,
            height: 20,
            borderRadius: 10,
            border: "2px solid #fff",
            background: "#0b7285",
            color: "#fff",
            fontSize: 11,
            lineHeight: "16px",
            textAlign: "center",
            pointerEvents: "none",
          }}
        >
          {place + 1}
        </Box>
      ))}
    </Box>
  );
}
