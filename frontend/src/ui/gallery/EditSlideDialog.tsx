import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { isChangedMeanwhile, useUpdateSlide } from "@/sync/queries/queries";
import type { Slide, SlideChanges } from "@/sync/types";
import { Failure } from "../shared/Failure";
import { useEdited } from "../shared/useEdited";
import { isComplete, resolutionChange, ResolutionFields, resolutionInputOf, resolutionOf } from "./ResolutionFields";

interface EditSlideDialogProps {
  readonly slide: Slide;
  readonly onClose: () => void;
}

/** Name, case and resolution of a slide. Mounted only while open. */
export function EditSlideDialog({ slide, onClose }: EditSlideDialogProps) {
  const { t } = useTranslation("pages");
  const update = useUpdateSlide(slide.project_id);
  const name = useEdited(slide.name);
  const pseudonym = useEdited(slide.case.pseudonym);
  const resolution = useEdited(resolutionInputOf(slide));
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    const body: SlideChanges = {};
    if (name.isEdited) body.name = name.value.trim();
    if (pseudonym.isEdited) body.case = pseudonym.value.trim();
    const change = resolution.isEdited ? resolutionChange(slide, resolution.value) : undefined;
    if (change !== undefined) body.resolution = change;
    body.seen = { name: name.seen, case: pseudonym.seen, resolution: resolutionOf(resolution.seen) };
    update.mutate(
      { id: slide.id, ...body },
      {
        onSuccess: onClose,
        onError: (error) => {
          if (isChangedMeanwhile(error)) [name, pseudonym, resolution].forEach(({ tell }) => tell());
        },
      },
    );
  };
  return (
    <Modal opened onClose={onClose} title={t("gallery.edit")} centered>
      <form onSubmit={submit}>
        <Stack>
          {update.isError ? <Failure error={update.error} /> : null}
          <TextInput
            label={t("common:name")}
            required
            value={name.value}
            onChange={(event) => name.write(event.currentTarget.value)}
            data-autofocus
          />
          <TextInput
            label={t("gallery.case")}
            description={t("gallery.caseHint")}
            value={pseudonym.value}
            onChange={(event) => pseudonym.write(event.currentTarget.value)}
            data-testid="slide-case"
          />
          <ResolutionFields slide={slide} value={resolution.value} onChange={resolution.write} />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {t("common:cancel")}
            </Button>
            <Button
              type="submit"
              loading={update.isPending}
              disabled={name.value.trim() === "" || !isComplete(resolution.value)}
            >
              {t("common:save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
