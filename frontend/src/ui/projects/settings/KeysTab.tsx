import { ActionIcon, Alert, Button, Group, Kbd, Stack, Table, Text, Title, Tooltip } from "@mantine/core";
import { IconAlertTriangle, IconPencil, IconRotate, IconX } from "@tabler/icons-react";
import { type KeyboardEvent, useState } from "react";
import { useTranslation } from "react-i18next";

import { chordsOf, conflicts, DEFAULT_KEYS, type KeyMap, keysOf, showChord } from "@/actions/keymap";
import { usePreferences } from "@/sync/queries/queries";
import type { Me } from "@/sync/types";
import { notifyFailure } from "../../shared/notify";

/** Actions of one scope are alive together, so that two of them must not share a key. */
const REVIEW_SCOPE = "review.";
const MODIFIERS = ["Shift", "Control", "Alt", "AltGraph", "Meta"];

function idsOf(scope: "viewer" | "review"): string[] {
  return Object.keys(DEFAULT_KEYS).filter((id) => id.startsWith(REVIEW_SCOPE) === (scope === "review"));
}

interface KeyRowProps {
  readonly id: string;
  readonly overrides: KeyMap;
  readonly sharing: readonly string[];
  readonly onChange: (keys: string[] | null) => void;
}

function KeyRow({ id, overrides, sharing, onChange }: KeyRowProps) {
  const { t } = useTranslation("pages");
  const [listening, setListening] = useState(false);
  const title = t(`actions:${id}`, { defaultValue: id });
  const take = (event: KeyboardEvent) => {
    if (!listening) return;
    event.preventDefault();
    event.stopPropagation();
    const [chord] = chordsOf(event.nativeEvent);
    if (MODIFIERS.includes(event.key) || chord === undefined) return;
    setListening(false);
    if (event.key !== "Escape") onChange([chord]);
  };
  return (
    <Table.Tr data-testid={`key-${id}`}>
      <Table.Td>{title}</Table.Td>
      <Table.Td>
        {listening ? (
          <Button size="compact-xs" autoFocus onKeyDown={take} onBlur={() => setListening(false)}>
            {t("preferences.pressKey")}
          </Button>
        ) : (
          <Group gap={4}>
            {keysOf(id, overrides).map((chord) => (
              <Kbd key={chord}>{showChord(chord)}</Kbd>
            ))}
            {keysOf(id, overrides).length === 0 ? "–" : null}
          </Group>
        )}
        {sharing.length === 0 ? null : (
          <Text size="xs" c="orange">
            {t("preferences.sharedWith", {
              names: sharing.map((other) => t(`actions:${other}`, { defaultValue: other })).join(", "),
            })}
          </Text>
        )}
      </Table.Td>
      <Table.Td w={120}>
        <Group gap={2} wrap="nowrap" justify="flex-end">
          <Tooltip label={t("preferences.changeKey")}>
            <ActionIcon
              size="sm"
              color="gray"
              aria-label={`${t("preferences.changeKey")}: ${title}`}
              onClick={() => setListening(true)}
            >
              <IconPencil size={14} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label={t("preferences.noKey")}>
            <ActionIcon
              size="sm"
              color="gray"
              aria-label={`${t("preferences.noKey")}: ${title}`}
              onClick={() => onChange([])}
            >
              <IconX size={14} />
            </ActionIcon>
          </Tooltip>
          {id in overrides ? (
            <Tooltip label={t("preferences.defaultKey")}>
              <ActionIcon
                size="sm"
                aria-label={`${t("preferences.defaultKey")}: ${title}`}
                onClick={() => onChange(null)}
              >
                <IconRotate size={14} />
              </ActionIcon>
            </Tooltip>
          ) : null}
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}

/** Every action and its keys, each changeable; keys that two actions of a page share are marked. */
export function KeysTab({ me }: { readonly me: Me }) {
  const { t } = useTranslation("pages");
  const save = usePreferences();
  const overrides = me.key_map;
  const put = (key_map: KeyMap) => save.mutate({ key_map }, { onError: notifyFailure });
  const change = (id: string, keys: string[] | null) => {
    const rest = Object.fromEntries(Object.entries(overrides).filter(([each]) => each !== id));
    put(keys === null ? rest : { ...rest, [id]: keys });
  };
  const scopes = (["viewer", "review"] as const).map((scope) => ({
    scope,
    ids: idsOf(scope),
    shared: conflicts(idsOf(scope), overrides),
  }));
  const clashes = scopes.reduce((sum, { shared }) => sum + shared.size, 0);
  const sharing = (id: string, shared: Map<string, string[]>) =>
    [...new Set([...shared.values()].filter((ids) => ids.includes(id)).flat())].filter((other) => other !== id);
  return (
    <Stack>
      {clashes === 0 ? null : (
        <Alert color="orange" icon={<IconAlertTriangle size={18} />}>
          {t("preferences.clashes", { count: clashes })}
        </Alert>
      )}
      {scopes.map(({ scope, ids, shared }) => (
        <Stack key={scope} gap="xs">
          <Title order={2} size="h5">
            {t(`preferences.scopes.${scope}`)}
          </Title>
          <Table verticalSpacing={3}>
            <Table.Tbody>
              {ids.map((id) => (
                <KeyRow
                  key={id}
                  id={id}
                  overrides={overrides}
                  sharing={sharing(id, shared)}
                  onChange={(keys) => change(id, keys)}
                />
              ))}
            </Table.Tbody>
          </Table>
        </Stack>
      ))}
      <Group>
        <Button variant="default" disabled={Object.keys(overrides).length === 0} onClick={() => put({})}>
          {t("preferences.allDefaults")}
        </Button>
      </Group>
    </Stack>
  );
}
