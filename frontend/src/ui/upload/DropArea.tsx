import { Overlay, Stack, Text, ThemeIcon } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { type DragEvent, type ReactNode, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { notifyFailure } from "../shared/notify";
import { readDropped } from "./dropped";
import { uploads } from "./uploadStore";

interface DropAreaProps {
  readonly projectId: string;
  readonly children: ReactNode;
}

const hasFiles = (event: DragEvent) => event.dataTransfer.types.includes("Files");

/** Takes files and folders dropped anywhere on the page. */
export function DropArea({ projectId, children }: DropAreaProps) {
  const { t } = useTranslation("pages");
  const [over, setOver] = useState(false);
  // Enter and leave events come for every child: only the outermost pair counts.
  const depth = useRef(0);
  const move = (event: DragEvent, step: 1 | -1) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth.current += step;
    setOver(depth.current > 0);
  };
  const drop = (event: DragEvent) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth.current = 0;
    setOver(false);
    readDropped(event.dataTransfer).then((files) => uploads.add(projectId, files), notifyFailure);
  };
  return (
    <div
      role="presentation"
      onDragEnter={(event) => move(event, 1)}
      onDragLeave={(event) => move(event, -1)}
      onDragOver={(event) => {
        if (hasFiles(event)) event.preventDefault();
      }}
      onDrop={drop}
      style={{ minHeight: "calc(100vh - 52px)" }}
    >
      {children}
      {over ? (
        <Overlay fixed backgroundOpacity={0.75} color="#0b3c46" zIndex={300} style={{ pointerEvents: "none" }}>
          <Stack align="center" justify="center" h="100%" gap="sm">
            <ThemeIcon size={72} radius="xl">
              <IconUpload size={36} />
            </ThemeIcon>
            <Text c="white" fw={600} size="lg">
              {t("upload.drop")}
            </Text>
            <Text c="white" size="sm">
              {t("upload.dropHint")}
            </Text>
          </Stack>
        </Overlay>
      ) : null}
    </div>
  );
}
