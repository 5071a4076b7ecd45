import { Text } from "@mantine/core";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { View } from "@/render/view";
import type { Slide } from "@/sync/types";
import { fullPower, magnificationText, pixelSizeOf, scaleBar } from "../format";
import classes from "../Viewer.module.css";

const WIDEST = 140; // CSS pixels

interface ScaleProps {
  readonly slide: Slide;
  readonly view: View;
}

/** A length of the slide, drawn as long as it is on the screen. */
export function ScaleBar({ slide, view }: ScaleProps): ReactElement {
  const { t } = useTranslation("viewer");
  const bar = scaleBar(view, pixelSizeOf(slide), WIDEST);
  return (
    <span role="img" aria-label={t("scaleBar", { length: bar.text })} style={{ textAlign: "center" }}>
      <span data-testid="scale-bar">{bar.text}</span>
      <div className={classes.scaleBar} style={{ width: bar.width }} />
    </span>
  );
}

/** The magnification that the screen shows, or the share of full size where the slide has no resolution. */
export function Magnification({ slide, view }: ScaleProps): ReactElement {
  const full = fullPower(slide);
  return (
    <Text size="xs" data-testid="zoom-power">
      {full
        ? magnificationText((full * view.scale).toPrecision(3), slide.magnification_source)
        : `${(view.scale * 100).toPrecision(3)} %`}
    </Text>
  );
}
