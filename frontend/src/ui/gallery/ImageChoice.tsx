import { Button, Group, Modal, Radio, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useChooseImage } from "@/sync/queries/queries";
import type { Role, Slide } from "@/sync/types";
import { Failure } from "../shared/Failure";
import { useFormat } from "../shared/format";
import { hasRole } from "../shared/roles";

/** The images of a file that may be the slide; the likeliest is selected. Mounted only while open. */
function ImageDialog({ slide, onClose }: { readonly slide: Slide; readonly onClose: () => void }) {
  const { t } = useTranslation("slides");
  const format = useFormat();
  const choose = useChooseImage(slide.project_id);
  const [image, setImage] = useState(String(slide.images[0]?.index ?? 0));
  return (
    <Modal opened onClose={onClose} title={t("imageOf", { name: slide.name })} centered>
      <Stack>
        {choose.isError ? <Failure error={choose.error} /> : null}
        <Radio.Group label={t("imageHint")} value={image} onChange={setImage}>
          <Stack gap="xs" mt="xs">
            {slide.images.map((one) => (
              <Radio
                key={one.index}
                value={String(one.index)}
                label={one.name === "" ? t("imageNumber", { number: one.index + 1 }) : one.name}
                description={t("imageSize", {
                  width: format.number(one.width),
                  height: format.number(one.height),
                  count: one.level_count,
                })}
              />
            ))}
          </Stack>
        </Radio.Group>
        <Text size="sm" c="dimmed">
          {t("imageOthers")}
        </Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            {t("common:cancel")}
          </Button>
          <Button
            loading={choose.isPending}
            onClick={() => choose.mutate({ id: slide.id, image: Number(image) }, { onSuccess: onClose })}
          >
            {t("imageImport")}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

/** The button of a slide whose file holds several images; nothing for other slides. */
export function ImageChoice({ slide, role }: { readonly slide: Slide; readonly role: Role }) {
  const { t } = useTranslation("slides");
  const [open, setOpen] = useState(false);
  if (slide.failure_code !== "several_images" || !hasRole(role, "manager")) {
    return null;
  }
  return (
    <>
      <Button size="xs" variant="light" onClick={() => setOpen(true)} data-testid="choose-image">
        {t("imageChoose")}
      </Button>
      {open ? <ImageDialog slide={slide} onClose={() => setOpen(false)} /> : null}
    </>
  );
}
