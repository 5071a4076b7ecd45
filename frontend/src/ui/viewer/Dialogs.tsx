import { Group, Kbd, Modal, Table, Text } from "@mantine/core";
import { Spotlight, type SpotlightActionData } from "@mantine/spotlight";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { keysOf, showChord, type KeyMap } from "@/actions/keymap";
import { applicable, type Action } from "@/actions/registry";
import { VIEWER_ACTIONS, type ViewerContext } from "@/actions/viewerActions";
import { SUGGESTION_ACTIONS, type SuggestionContext } from "./suggestions/suggestionActions";

interface PaletteProps {
  ctx: ViewerContext;
  suggestion: SuggestionContext;
  keyMap: KeyMap;
}

export function Palette({ ctx, suggestion, keyMap }: PaletteProps): ReactElement {
  const { t } = useTranslation(["viewer", "actions"]);
  function offer<C>(known: readonly Action<C>[], context: C): SpotlightActionData[] {
    return applicable(known, context).map((action) => ({
      id: action.id,
      label: t(`actions:${action.titleKey}`),
      rightSection: keysOf(action.id, keyMap, action.defaultKeys)
        .slice(0, 1)
        .map((key) => <Kbd key={key}>{showChord(key)}</Kbd>),
      onClick: () => void action.run(context),
    }));
  }
  const verdicts = SUGGESTION_ACTIONS.filter(({ id }) => !id.startsWith("label."));
  const actions = [...offer(verdicts, suggestion), ...offer(VIEWER_ACTIONS, ctx)];
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

function KeyRows<C>({ actions, keyMap }: { actions: readonly Action<C>[]; keyMap: KeyMap }): ReactElement[] {
  const { t } = useTranslation("actions");
  return actions.map((action) => (
    <Table.Tr key={action.id}>
      <Table.Td>{t(action.titleKey)}</Table.Td>
      <Table.Td>
        <Group gap={4}>
          {keysOf(action.id, keyMap, action.defaultKeys).map((key) => (
            <Kbd key={key}>{showChord(key)}</Kbd>
          ))}
        </Group>
      </Table.Td>
    </Table.Tr>
  ));
}

export function HelpDialog({
  opened,
  onClose,
  keyMap,
}: {
  opened: boolean;
  onClose: () => void;
  keyMap: KeyMap;
}): ReactElement {
  const { t } = useTranslation(["viewer", "actions", "drawing"]);
  return (
    <Modal opened={opened} onClose={onClose} title={t("help")} size="lg">
      <Text size="sm" mb="sm">
        {t("helpText")}
      </Text>
      <Table striped verticalSpacing={4}>
        <Table.Tbody>
          <KeyRows actions={VIEWER_ACTIONS} keyMap={keyMap} />
          <Table.Tr>
            <Table.Th colSpan={2}>{t("drawing:withSuggestion")}</Table.Th>
          </Table.Tr>
          <KeyRows actions={SUGGESTION_ACTIONS} keyMap={keyMap} />
        </Table.Tbody>
      </Table>
    </Modal>
  );
}
