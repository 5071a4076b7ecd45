import { Badge, Tooltip } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Slide } from "@/sync/types";
import { useFormat } from "../shell/format";

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

/** What the import noticed and a person should know before drawing. */
export function QualityHints({ slide }: { readonly slide: Slide }) {
  const { t } = useTranslation("pages");
  const format = useFormat();
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
      {slide.mpp === null ? (
        <Hint label={t("gallery.noScale")} explanation={t("gallery.noScaleText")} />
      ) : null}
    </>
  );
}
