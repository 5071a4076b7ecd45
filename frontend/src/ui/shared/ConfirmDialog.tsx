import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

interface ConfirmDialogProps {
  readonly title: string;
  readonly message: string;
  readonly confirmLabel: string;
  readonly danger?: boolean;
  readonly busy?: boolean;
  /** When given, the person must type this word first. */
  readonly word?: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asks once more before something that is hard to undo. Mounted only while open. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { t } = useTranslation("pages");
  const [typed, setTyped] = useState("");
  const blocked = props.word !== undefined && typed.trim() !== props.word;
  return (
    <Modal opened onClose={props.onClose} title={props.title} centered>
      <Stack>
        <Text size="sm">{props.message}</Text>
        {props.word === undefined ? null : (
          <TextInput
            label={t("common:typeToConfirm", { word: props.word })}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            data-autofocus
          />
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={props.onClose}>
            {t("common:cancel")}
          </Button>
          <Button
            color={props.danger === true ? "red" : undefined}
            disabled={blocked}
            loading={props.busy ?? false}
            onClick={props.onConfirm}
          >
            {props.confirmLabel}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
