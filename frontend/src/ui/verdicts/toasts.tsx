import { Button, Group, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import i18next from "i18next";
import type { ReactElement } from "react";

import { addUp, type Refusal, sayRefusal, sayTally, type Tally, type Told } from "./othersVerdicts";

const SHOWN_MS = 20_000;

// What each person's message says so far: it adds up while it stands.
const standing = new Map<string, Tally>();

interface Choice {
  readonly label: string;
  readonly testId: string;
  readonly onChoose: () => void;
}

function Message({
  id,
  text,
  choices,
}: {
  readonly id: string;
  readonly text: string;
  readonly choices: readonly Choice[];
}): ReactElement {
  return (
    <Stack gap={6}>
      <Text size="sm" c="var(--mantine-color-text)">
        {text}
      </Text>
      <Group gap="xs">
        {choices.map(({ label, testId, onChoose }) => (
          <Button
            key={testId}
            size="compact-xs"
            variant="default"
            data-testid={testId}
            onClick={() => {
              notifications.hide(id);
              onChoose();
            }}
          >
            {label}
          </Button>
        ))}
      </Group>
    </Stack>
  );
}

/** Announce the verdicts of another user, with a link to them. One message for each user. */
export function tellMeanwhile(said: readonly Told[], onShow: () => void): void {
  const people = new Map(said.map(({ reviewer }) => [reviewer.id, reviewer]));
  for (const reviewer of people.values()) {
    const id = `meanwhile-${reviewer.id}`;
    const before = standing.get(id);
    const tally = addUp(
      before ?? {},
      said.filter((each) => each.reviewer.id === reviewer.id),
    );
    const show = { label: i18next.t("reviewing:show"), testId: "meanwhile-show", onChoose: onShow };
    const name = reviewer.display_name || reviewer.username;
    const message = {
      id,
      color: "blue",
      autoClose: SHOWN_MS,
      "data-testid": "meanwhile",
      title: i18next.t("reviewing:meanwhile", { reviewer: name }),
      message: <Message id={id} text={sayTally(tally)} choices={[show]} />,
      onClose: () => void standing.delete(id),
    };
    standing.set(id, tally);
    if (before === undefined) notifications.show(message);
    else notifications.update(message);
  }
}

/** Name the faster user and let this user choose: no verdict is overwritten unseen. */
export function askWhoseVerdict(refusal: Refusal, onMine: () => void): void {
  const id = `conflict-${crypto.randomUUID()}`;
  const choices = [
    { label: i18next.t("reviewing:keepTheirs"), testId: "conflict-theirs", onChoose: () => undefined },
    { label: i18next.t("reviewing:useMine"), testId: "conflict-mine", onChoose: onMine },
  ];
  notifications.show({
    id,
    color: "yellow",
    autoClose: false,
    "data-testid": "conflict",
    title: i18next.t("reviewing:conflict"),
    message: <Message id={id} text={sayRefusal(refusal)} choices={choices} />,
  });
}
