import { Badge, Tooltip } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Slide } from "@/sync/types";
import { useFormat } from "../shared/format";
import { messageText } from "../shared/serverTexts";

/** Below this share of sharp tissue, and above this share of pen marks, a person should look at the slide. */
const MINIMUM_FOCUS = 0.5;
const MAXIMUM_PEN = 0.02;

interface HintProps {
  readonly label: string;
  readonly explanation: string;
}

function Hint({ label, explanation }: HintProps) {
  return (
    <Tooltip label={explanation} multiline maw={260}>
      <Badge color="orange" variant="light" size="sm" radius="sm" tt="none">
        {label}
      </Badge>
    </Tooltip>
  );
}

/** Quality warnings of the import. */
export function QualityHints({ slide }: { readonly slide: Slide }) {
  const { t } = useTranslation("pages");
  const format = useFormat();
  const notes = slide.resolution_notes.map(messageText).join(" ");
  if (slide.state !== "ready") {
    return null;
  }
  return (
    <>
      {slide.focus_score !== null && slide.focus_score < MINIMUM_FOCUS ? (
        <Hint
          label={t("gallery.outOfFocus")}
          explanation={t("gallery.outOfFocusText", { share: format.percent(slide.focus_score) })}
        />
      ) : null}
      {slide.pen_score !== null && slide.pen_score > MAXIMUM_PEN ? (
        <Hint
          label={t("gallery.pen")}
          explanation={t("gallery.penText", { share: format.percent(slide.pen_score, 1) })}
        />
      ) : null}
      {slide.mpp_x === null ? (
        <Hint label={t("gallery.noScale")} explanation={notes || t("gallery.noScaleText")} />
      ) : notes !== "" && slide.resolution_source !== "corrected" ? (
        <Hint label={t("gallery.checkScale")} explanation={notes} />
      ) : null}
    </>
  );
}
