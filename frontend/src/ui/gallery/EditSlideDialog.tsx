import { Button, Group, Modal, NumberInput, Stack, TextInput } from "@mantine/core";
import { type SyntheticEvent, useState } from "react";
import { useTranslation } from "react-i18next";

import { type SlideBody, useUpdateSlide } from "@/sync/queries";
import type { Slide } from "@/sync/types";
import { Failure } from "../shell/Failure";

interface EditSlideDialogProps {
  readonly slide: Slide;
  readonly onClose: () => void;
}

/** Name, case and resolution of a slide. Mounted only while open. */
export function EditSlideDialog({ slide, onClose }: EditSlideDialogProps) {
  const { t } = useTranslation("pages");
  const update = useUpdateSlide(slide.project_id);
  const [name, setName] = useState(slide.name);
  const [pseudonym, setPseudonym] = useState(slide.case?.pseudonym ?? "");
  const [mpp, setMpp] = useState<number | string>(slide.mpp ?? "");
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    const body: SlideBody = {};
    if (name.trim() !== slide.name) body.name = name.trim();
    if (pseudonym.trim() !== (slide.case?.pseudonym ?? "")) body.case = pseudonym.trim();
    if (mpp !== (slide.mpp ?? "")) body.mpp = typeof mpp === "number" ? mpp : null;
    update.mutate({ id: slide.id, ...body }, { onSuccess: onClose });
  };
  return (
    <Modal opened onClose={onClose} title={t("gallery.edit")} centered>
      <form onSubmit={submit}>
        <Stack>
          {update.isError ? <Failure error={update.error} /> : null}
          <TextInput
            label={t("common:name")}
            required
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            data-autofocus
          />
          <TextInput
            label={t("gallery.case")}
            description={t("gallery.caseHint")}
            value={pseudonym}
            onChange={(event) => setPseudonym(event.currentTarget.value)}
            data-testid="slide-case"
          />
          <NumberInput
            label={t("gallery.mpp")}
            description={t("gallery.mppHint")}
            suffix=" µm/px"
            min={0.01}
            max={100}
            step={0.01}
            decimalScale={5}
            value={mpp}
            onChange={setMpp}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {t("common:cancel")}
            </Button>
            <Button type="submit" loading={update.isPending} disabled={name.trim() === ""}>
              {t("common:save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
