import { Button, SimpleGrid, Stack, Text } from "@mantine/core";
import { useMemo, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { Item } from "@/core/annotations";
import { areaOf, isArea } from "@/core/geometry/measure";
import type { Clash } from "@/core/rebase";
import { useLatestRevision } from "@/sync/edits/annotationRevisions";
import type { AnnotationRevision, Label, Me, ViewerInfo } from "@/sync/types";
import { useFormat } from "../../shared/format";
import { areaText, pixelSizeOf } from "../format";
import { NO_LABEL_COLOUR } from "../panels/useLayers";
import { frameOf, VersionPicture } from "./VersionPicture";

export type Choice = "mine" | "theirs" | "both";

interface Props {
  clash: Clash;
  /** Author of the last change; null until the server has answered. */
  latest: AnnotationRevision | null;
  /** Conflict that blocks the own change. */
  cause: "undo" | "redo" | "do" | "save";
  viewer: ViewerInfo;
  me: Me;
  labels: readonly Label[];
  onChoose: (choice: Choice) => void;
}

/** Two versions of one annotation over the slide, who made the other one, and the choice between them. */
export function ConflictChoice({ clash, latest, cause, viewer, me, labels, onChoose }: Props): ReactElement {
  const { t } = useTranslation("viewer");
  const format = useFormat();
  const { id, mine, theirs } = clash;
  const revision = useLatestRevision(id, theirs, latest);
  const pixelSize = useMemo(() => pixelSizeOf(viewer.slide), [viewer.slide]);
  const frame = useMemo(() => frameOf([mine, theirs], viewer), [mine, theirs, viewer]);
  const isOwn = revision?.author.id === me.id;
  const name = revision ? revision.author.display_name || revision.author.username : t("conflict.someone");
  const labelOf = (item: Item) => labels.find((label) => label.id === item.label_id);
  const words = (item: Item | null) => {
    if (!item) return t("conflict.deleted");
    const size = isArea(item.geometry) ? areaText(areaOf(item.geometry), pixelSize) : "";
    return [labelOf(item)?.name ?? t("conflict.noLabel"), size, item.note].filter(Boolean).join(" · ");
  };
  const actor = isOwn ? t("conflict.elsewhere") : name;
  const happened = revision
    ? t(theirs ? "conflict.edited" : "conflict.removed", { name: actor, ago: format.ago(revision.at) })
    : t("conflict.unknown");
  const keepTheirs = isOwn ? t("conflict.takeElsewhere") : t("conflict.takeTheirs", { name });
  const take = theirs ? keepTheirs : t("conflict.leaveDeleted");
  const version = (item: Item | null, other: Item | null, title: string, button: string, choice: Choice) => (
    <Stack gap={4} data-testid={`version-${choice}`}>
      <Text size="sm" fw={600}>
        {title}
      </Text>
      <VersionPicture
        viewer={viewer}
        frame={frame}
        name={t("conflict.picture", { name: title })}
        item={item}
        other={other}
        colourOf={(each) => labelOf(each)?.colour ?? NO_LABEL_COLOUR}
      />
      <Text size="sm">{words(item)}</Text>
      <Button size="xs" variant="default" onClick={() => onChoose(choice)}>
        {button}
      </Button>
    </Stack>
  );
  return (
    <Stack gap="xs" data-testid="conflict">
      <Text size="sm">
        {happened} {t(`conflict.${cause}`)}
      </Text>
      <SimpleGrid cols={2}>
        {version(mine, theirs, t("conflict.mine"), mine ? t("conflict.keepMine") : t("conflict.delete"), "mine")}
        {version(theirs, mine, name, take, "theirs")}
      </SimpleGrid>
      {mine && theirs && (
        <Button size="xs" variant="subtle" onClick={() => onChoose("both")}>
          {t("conflict.keepBoth")}
        </Button>
      )}
    </Stack>
  );
}
