import { Button, Group, Kbd, Modal, Stack, Table, Text } from "@mantine/core";
import { Spotlight, type SpotlightActionData } from "@mantine/spotlight";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { keysOf, showChord, type KeyMap } from "@/actions/keymap";
import { applicable } from "@/actions/registry";
import { VIEWER_ACTIONS, type ViewerContext } from "@/actions/viewerActions";
import type { Item } from "@/core/annotations";
import { areaOf } from "@/core/geometry/measure";
import { itemFrom, type Autosave, type Conflict, type SaveStatus } from "@/sync/autosave";
import type { Label } from "@/sync/types";
import { sayError } from "../shell/serverTexts";
import { areaText } from "./format";

export function Palette({ ctx, keyMap }: { ctx: ViewerContext; keyMap: KeyMap }): ReactElement {
  const { t } = useTranslation(["viewer", "actions"]);
  const actions = applicable(VIEWER_ACTIONS, ctx).map(
    (action): SpotlightActionData => ({
      id: action.id,
      label: t(`actions:${action.titleKey}`),
      rightSection: keysOf(action.id, keyMap).slice(0, 1).map((key) => <Kbd key={key}>{showChord(key)}</Kbd>),
      onClick: () => void action.run(ctx),
    }),
  );
  return (
    <Spotlight
      actions={actions}
      shortcut={null}
      nothingFound={t("nothingFound")}
      searchProps={{ placeholder: t("searchActions"), "aria-label": t("searchActions") }}
      scrollable
      maxHeight={420}
      highlightQuery
    />
  );
}

export function HelpDialog({ opened, onClose, keyMap }: { opened: boolean; onClose: () => void; keyMap: KeyMap }): ReactElement {
  const { t } = useTranslation(["viewer", "actions"]);
  return (
    <Modal opened={opened} onClose={onClose} title={t("help")} size="lg">
      <Text size="sm" mb="sm">
        {t("helpText")}
      </Text>
      <Table striped verticalSpacing={4}>
        <Table.Tbody>
          {VIEWER_ACTIONS.map((action) => (
            <Table.Tr key={action.id}>
              <Table.Td>{t(`actions:${action.titleKey}`)}</Table.Td>
              <Table.Td>
                <Group gap={4}>
                  {keysOf(action.id, keyMap).map((key) => (
                    <Kbd key={key}>{showChord(key)}</Kbd>
                  ))}
                </Group>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  );
}

interface SaveDialogProps {
  opened: boolean;
  onClose: () => void;
  save: SaveStatus;
  autosave: Autosave;
  labels: readonly Label[];
  mpp: number | null;
}

/** Both versions of what two people changed, and the choice; what the server refuses, and why. */
export function SaveDialog({ opened, onClose, save, autosave, labels, mpp }: SaveDialogProps): ReactElement {
  const { t } = useTranslation("viewer");
  const words = (item: Item | null) => {
    if (!item) return t("conflict.deleted");
    const label = labels.find((each) => each.id === item.label_id)?.name ?? t("conflict.noLabel");
    return [label, areaText(areaOf(item.geometry), mpp), item.note].filter(Boolean).join(" · ");
  };
  const row = ({ id, mine, theirs }: Conflict) => (
    <Group key={id} grow align="stretch">
      <Stack gap={4}>
        <Text size="sm">{words(mine)}</Text>
        <Button size="xs" variant="default" onClick={() => autosave.resolve(id, "mine")}>
          {t("conflict.keepMine")}
        </Button>
      </Stack>
      <Stack gap={4}>
        <Text size="sm">{words(theirs && itemFrom(theirs))}</Text>
        <Button size="xs" variant="default" onClick={() => autosave.resolve(id, "theirs")}>
          {t("conflict.takeTheirs")}
        </Button>
      </Stack>
    </Group>
  );
  return (
    <Modal opened={opened && (save.conflicts.length > 0 || save.state === "refused")} onClose={onClose} title={t(`save.${save.state}`, { count: save.waiting })}>
      <Stack>
        {save.conflicts.length > 0 && <Text size="sm">{t("conflict.text")}</Text>}
        {save.conflicts.map(row)}
        {save.state === "refused" && (
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
