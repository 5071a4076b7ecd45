import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useSyncExternalStore, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { Change } from "@/core/annotations";
import { copyItems } from "@/core/edits";
import type { Clash } from "@/core/rebase";
import type { AnnotationRevision, Label, Me, ViewerInfo } from "@/sync/types";
import { sayError } from "../../shared/serverTexts";
import type { Session } from "../session/useSession";
import { ConflictChoice, type Choice } from "./ConflictChoice";

interface Props {
  opened: boolean;
  onClose: () => void;
  session: Session;
  viewer: ViewerInfo;
  me: Me;
  labels: readonly Label[];
}

/** Both versions of a conflict, and the choice between them; refused changes with the reason. */
export function ConflictDialog({ opened, onClose, session, viewer, me, labels }: Props): ReactElement {
  const { t } = useTranslation("viewer");
  const { history, autosave } = session;
  const question = useSyncExternalStore(history.subscribe, history.asked);
  const save = useSyncExternalStore(autosave.subscribe, autosave.snapshot);
  const isRefused = save.state === "refused";
  const isAnnounced = opened && (save.conflicts.length > 0 || isRefused);
  const mayClose = question?.direction !== "do";

  const choice = (
    clash: Clash,
    latest: AnnotationRevision | null,
    answer: (id: string, choice: "mine" | "theirs", copies: Change[]) => void,
  ) => {
    const author = { author: me.display_name || me.username, author_id: me.id };
    const choose = (chosen: Choice) => {
      const copies = chosen === "both" && clash.mine ? copyItems([clash.mine], author, () => crypto.randomUUID()) : [];
      answer(clash.id, chosen === "mine" ? "mine" : "theirs", copies);
    };
    const cause = question?.direction ?? "save";
    return (
      <ConflictChoice
        key={clash.id}
        clash={clash}
        latest={latest}
        cause={cause}
        viewer={viewer}
        me={me}
        labels={labels}
        onChoose={choose}
      />
    );
  };
  const keep = (id: string, chosen: "mine" | "theirs", copies: Change[]) => {
    autosave.resolve(id, chosen);
    history.commit("keepCopy", copies);
  };
  const close = () => {
    if (question) history.withdraw();
    else onClose();
  };
  const waits = question || save.conflicts.length > 0;
  const title = waits ? t("conflict.title") : t(`save.${save.state}`, { count: save.waiting });
  return (
    <Modal
      opened={question !== null || isAnnounced}
      onClose={close}
      withCloseButton={mayClose}
      closeOnEscape={mayClose}
      closeOnClickOutside={false}
      title={title}
      size="xl"
    >
      <Stack>
        {waits && <Text size="sm">{t("conflict.choose")}</Text>}
        {question
          ? question.clashes.map((clash) =>
              choice(clash, null, (id, chosen, copies) => history.answer(id, chosen, copies)),
            )
          : save.conflicts.map((conflict) => choice(conflict, conflict.latest, keep))}
        {question && mayClose && (
          <Group justify="flex-end">
            <Button size="xs" variant="default" onClick={close}>
              {t("conflict.cancel")}
            </Button>
          </Group>
        )}
        {isRefused && !question && (
          <>
            <Text size="sm">{save.refusal && sayError(save.refusal)}</Text>
            <Button size="xs" color="red" variant="light" onClick={() => autosave.discardRefused()}>
              {t("conflict.discard")}
            </Button>
          </>
        )}
      </Stack>
    </Modal>
  );
}
