import { Button, FileButton, Group, Modal, Paper, Stack, Table, Text, Textarea, TextInput, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconUpload } from "@tabler/icons-react";
import { useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { useUploadedWeights, useUploadWeights } from "@/sync/queries/queries";
import type { UploadedWeights as Weights } from "@/sync/types";
import { useFormat } from "../shared/format";
import { sayError } from "../shared/serverTexts";

const LONGEST_NAME = 100;
const LONGEST_PROVENANCE = 2000;
const SEPARATORS = /[:/\\]/g;

interface DialogProps {
  readonly projectId: string;
  readonly file: File;
  readonly onClose: () => void;
}

/** Asks for name and origin of a chosen file, and uploads it. Mounted only while open. */
function UploadDialog({ projectId, file, onClose }: DialogProps): ReactElement {
  const { t } = useTranslation("weights");
  const [name, setName] = useState(file.name.replace(/\.safetensors$/, "").replace(SEPARATORS, " "));
  const [provenance, setProvenance] = useState("");
  const upload = useUploadWeights(projectId);
  const start = () => {
    upload.mutate(
      { file, name, provenance },
      {
        onSuccess: (weights) => {
          notifications.show({ message: t("uploaded", { name: weights.name }) });
          onClose();
        },
      },
    );
  };
  return (
    <Modal opened onClose={onClose} title={t("upload")} centered>
      <Stack data-testid="weights-dialog">
        <Text size="sm" truncate title={file.name}>
          {file.name}
        </Text>
        <TextInput
          label={t("name")}
          maxLength={LONGEST_NAME}
          value={name}
          onChange={(event) => setName(event.currentTarget.value.replace(SEPARATORS, " "))}
          data-testid="weights-name"
        />
        <Textarea
          label={t("provenance")}
          description={t("provenanceHelp")}
          autosize
          minRows={2}
          maxLength={LONGEST_PROVENANCE}
          value={provenance}
          onChange={(event) => setProvenance(event.currentTarget.value)}
          data-testid="weights-provenance"
        />
        {upload.isError ? (
          <Text size="sm" c="red" role="alert">
            {sayError(upload.error)}
          </Text>
        ) : null}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            {t("common:cancel")}
          </Button>
          <Button
            loading={upload.isPending}
            disabled={name.trim() === "" || provenance.trim() === ""}
            onClick={start}
            data-testid="send-weights"
          >
            {t("send")}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function WeightsTable({ weights }: { readonly weights: readonly Weights[] }): ReactElement {
  const { t } = useTranslation("weights");
  const format = useFormat();
  return (
    <Table.ScrollContainer minWidth={640}>
      <Table verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("name")}</Table.Th>
            <Table.Th>{t("provenance")}</Table.Th>
            <Table.Th>{t("size")}</Table.Th>
            <Table.Th>{t("when")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {weights.map((each) => (
            <Table.Tr key={each.id} data-testid="weights-row">
              <Table.Td fw={600}>{each.name}</Table.Td>
              <Table.Td>
                <Text size="sm" lineClamp={2} title={each.provenance}>
                  {each.provenance}
                </Text>
              </Table.Td>
              <Table.Td>{format.bytes(each.size)}</Table.Td>
              <Table.Td title={format.dateTime(each.created_at)}>{format.ago(each.created_at)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

interface Props {
  readonly projectId: string;
  readonly mayUpload: boolean;
}

/** Uploaded weights, for recipes to start from. */
export function UploadedWeights({ projectId, mayUpload }: Props): ReactElement | null {
  const { t } = useTranslation("weights");
  const [file, setFile] = useState<File | null>(null);
  const weights = useUploadedWeights(projectId).data ?? [];
  if (weights.length === 0 && !mayUpload) return null;
  return (
    <Paper withBorder radius="md" p="md" component="section" mt="md" data-testid="uploaded-weights">
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <div>
          <Title order={2} size="h5">
            {t("title")}
          </Title>
          <Text size="sm" c="dimmed">
            {t("description")}
          </Text>
        </div>
        {mayUpload ? (
          <FileButton accept=".safetensors" onChange={setFile}>
            {(props) => (
              <Button
                {...props}
                style={{ flexShrink: 0 }}
                variant="default"
                size="xs"
                leftSection={<IconUpload size={16} />}
              >
                {t("upload")}
              </Button>
            )}
          </FileButton>
        ) : null}
      </Group>
      {weights.length === 0 ? null : <WeightsTable weights={weights} />}
      {file === null ? null : <UploadDialog projectId={projectId} file={file} onClose={() => setFile(null)} />}
    </Paper>
  );
}
