import { Anchor, Checkbox, Group, NumberInput, Stack, Text } from "@mantine/core";
import { type ReactElement, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Slide, SlideChanges } from "@/sync/types";
import { messageText } from "../shared/serverTexts";

type Entered = number | string;

/** Entered resolution for x and y; `revert` restores the file's. */
export interface ResolutionInput {
  readonly x: Entered;
  readonly y: Entered;
  readonly revert: boolean;
}

export function resolutionInputOf(slide: Slide): ResolutionInput {
  return { x: slide.mpp_x ?? "", y: slide.mpp_y ?? "", revert: false };
}

/** The resolution that was shown, null for none. */
export function resolutionOf({ x, y }: ResolutionInput): { x: number; y: number } | null {
  return x === "" || y === "" ? null : { x: Number(x), y: Number(y) };
}

export function isComplete({ x, y, revert }: ResolutionInput): boolean {
  return revert || (x === "" && y === "") || (Number(x) > 0 && Number(y) > 0);
}

/** The change to send; undefined where nothing changes. */
export function resolutionChange(
  slide: Slide,
  { x, y, revert }: ResolutionInput,
): SlideChanges["resolution"] | undefined {
  if (revert || (x === "" && y === "")) return slide.resolution_source === "corrected" ? null : undefined;
  const isSame = Number(x) === slide.mpp_x && Number(y) === slide.mpp_y;
  return isSame ? undefined : { x: Number(x), y: Number(y) };
}

interface Props {
  readonly slide: Slide;
  readonly value: ResolutionInput;
  readonly onChange: (value: ResolutionInput) => void;
}

/** µm per pixel along both axes, with what the file states and the way back to it. */
export function ResolutionFields({ slide, value, onChange }: Props): ReactElement {
  const { t } = useTranslation("slides");
  const [isSame, setSame] = useState(value.x === value.y);
  const { file_mpp_x: x, file_mpp_y: y } = slide;
  const stated =
    x === null || y === null
      ? t("resolution.fileStatesNone")
      : t("resolution.fileStates", { value: x === y ? String(x) : `${x} × ${y}` });
  const field = (axis: "x" | "y", label: string) => (
    <NumberInput
      label={label}
      suffix=" µm/px"
      min={0.0001}
      max={1000}
      step={0.01}
      decimalScale={6}
      value={value[axis]}
      onChange={(entered) =>
        onChange({ ...value, ...(isSame ? { x: entered, y: entered } : { [axis]: entered }), revert: false })
      }
      data-testid={`resolution-${axis}`}
    />
  );
  return (
    <Stack gap={6}>
      <Group grow align="flex-start">
        {field("x", t(isSame ? "resolution.title" : "resolution.x"))}
        {isSame ? null : field("y", t("resolution.y"))}
      </Group>
      <Checkbox
        size="xs"
        label={t("resolution.same")}
        checked={isSame}
        onChange={(event) => {
          const checked = event.currentTarget.checked;
          setSame(checked);
          if (checked) onChange({ ...value, y: value.x, revert: false });
        }}
      />
      <Text size="xs" c="dimmed">
        {stated}{" "}
        {slide.resolution_source === "corrected" ? (
          <Anchor
            component="button"
            type="button"
            size="xs"
            onClick={() => onChange({ x: x ?? "", y: y ?? "", revert: true })}
          >
            {t("resolution.revert")}
          </Anchor>
        ) : null}
      </Text>
      {slide.resolution_notes.map((note) => (
        <Text key={note.code} size="xs" c="orange.8">
          {messageText(note)}
        </Text>
      ))}
    </Stack>
  );
}
