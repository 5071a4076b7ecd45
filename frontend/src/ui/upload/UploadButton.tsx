import { Button, FileButton, Group } from "@mantine/core";
import { IconFolderUp, IconUpload } from "@tabler/icons-react";
import { useRef } from "react";
import { useTranslation } from "react-i18next";

import { readChosen } from "./dropped";
import { uploads } from "./uploadStore";

/** Chooses files, or a whole folder for formats of many files. */
export function UploadButton({ projectId }: { readonly projectId: string }) {
  const { t } = useTranslation("pages");
  const folder = useRef<HTMLInputElement>(null);
  // Without it the browser says nothing when the same file is chosen again.
  const forget = useRef<() => void>(null);
  const addFiles = (files: File[]) => {
    uploads.add(
      projectId,
      files.map((file) => ({ file, relativePath: null })),
    );
    forget.current?.();
  };
  return (
    <Group gap="xs">
      <FileButton
        multiple
        resetRef={forget}
        onChange={addFiles}
        inputProps={{ "data-testid": "upload-input" } as object}
      >
        {(props) => (
          <Button {...props} leftSection={<IconUpload size={16} />}>
            {t("upload.files")}
          </Button>
        )}
      </FileButton>
      <Button variant="default" leftSection={<IconFolderUp size={16} />} onClick={() => folder.current?.click()}>
        {t("upload.folder")}
      </Button>
      <input
        ref={folder}
        type="file"
        hidden
        multiple
        {...{ webkitdirectory: "" }}
        onChange={(event) => {
          if (event.currentTarget.files) uploads.add(projectId, readChosen(event.currentTarget.files));
          event.currentTarget.value = "";
        }}
        data-testid="upload-folder-input"
      />
    </Group>
  );
}
