import { Alert, Button, Divider, Group, Slider, Stack, Table, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useState, type ReactElement, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useReadResolution } from "@/sync/queries/queries";
import type { Slide, ViewerInfo } from "@/sync/types";
import { EditSlideDialog } from "../../gallery/EditSlideDialog";
import { sayError, messageText } from "../../shared/serverTexts";
import { ChannelsPanel } from "./ChannelsPanel";
import { extentText, magnificationText, pixelSizeOf, resolutionText } from "../format";
import type { Look } from "../look";
import type { ChannelChoice } from "../stage/useChannels";

interface Props {
  viewer: ViewerInfo;
  channels: ChannelChoice;
  look: Look;
  onLook: (patch: Partial<Look>) => void;
  /** Whether the person may correct the resolution. */
  mayEdit: boolean;
  /** Additional image controls, above the facts. */
  children?: ReactNode;
}

const PLAIN = { brightness: 1, contrast: 1, gamma: 1 } as const;

export function ImagePanel({ viewer, channels, look, onLook, mayEdit, children }: Props): ReactElement {
  const { t } = useTranslation(["viewer", "channels", "slides"]);
  const { slide } = viewer;
  const pixelSize = pixelSizeOf(slide);
  const [isEditing, setEditing] = useState(false);
  const sourceText = (source: Slide["resolution_source"]) =>
    source === "estimated" || source === "corrected" ? ` (${t(`slides:resolution.source.${source}`)})` : "";
  const several = viewer.channels.length > 0;
  const rows: [string, string][] = [
    [t("info.case"), slide.case.pseudonym || "–"],
    [t("info.size"), `${slide.width} × ${slide.height} px`],
    [t("info.extent"), pixelSize === null ? "–" : extentText(slide.width, slide.height, pixelSize)],
    [
      t("info.resolution"),
      pixelSize === null ? t("info.unknown") : `${resolutionText(pixelSize)}${sourceText(slide.resolution_source)}`,
    ],
    [
      t("info.magnification"),
      slide.magnification === null
        ? "–"
        : `${magnificationText(slide.magnification, slide.magnification_source)}${sourceText(slide.magnification_source)}`,
    ],
    [t("info.format"), slide.format],
    [t("channels:colours"), t(`channels:profile.${several ? "channels" : viewer.colour_profile}`)],
  ];
  return (
    <Stack gap="sm">
      {several && (
        <>
          <ChannelsPanel channels={viewer.channels} views={channels.views} onViews={channels.setViews} />
          <Divider />
        </>
      )}
      {(["brightness", "contrast", "gamma"] as const).map((name) => (
        <div key={name}>
          <Text size="xs" c="dimmed">
            {t(`image.${name}`)}
          </Text>
          <Slider
            size="sm"
            min={0.4}
            max={2.5}
            step={0.05}
            value={look[name]}
            thumbLabel={t(`image.${name}`)}
            onChange={(value) => onLook({ [name]: value })}
          />
        </div>
      ))}
      <Group>
        <Button size="compact-xs" variant="default" onClick={() => onLook(PLAIN)}>
          {t("image.reset")}
        </Button>
      </Group>
      {children}
      <Table withRowBorders={false} verticalSpacing={4} fz="sm">
        <Table.Tbody>
          {rows.map(([name, value]) => (
            <Table.Tr key={name}>
              <Table.Td c="dimmed" style={{ whiteSpace: "nowrap" }}>
                {name}
              </Table.Td>
              <Table.Td>{value}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {(slide.resolution_source === "corrected" ? [] : slide.resolution_notes).map((note) => (
        <Alert key={note.code} color="orange" variant="light" p="xs" icon={<IconAlertTriangle size={16} />}>
          <Text size="xs">{messageText(note)}</Text>
        </Alert>
      ))}
      {mayEdit && (
        <Group gap="xs" mb="md">
          <Button size="compact-xs" variant="default" onClick={() => setEditing(true)} data-testid="correct-resolution">
            {t("slides:resolution.correct")}
          </Button>
          <ReadAgain slide={slide} />
        </Group>
      )}
      {isEditing && <EditSlideDialog slide={slide} onClose={() => setEditing(false)} />}
    </Stack>
  );
}

/** Slides of earlier versions keep what was read at their import. */
function ReadAgain({ slide }: { readonly slide: Slide }): ReactElement {
  const { t } = useTranslation("slides");
  const again = useReadResolution(slide.project_id);
  return (
    <>
      <Button
        size="compact-xs"
        variant="default"
        loading={again.isPending}
        title={t("resolution.readAgainText")}
        onClick={() => again.mutate(slide.id)}
        data-testid="read-resolution"
      >
        {t("resolution.readAgain")}
      </Button>
      {again.isError ? (
        <Text size="xs" c="red" role="alert">
          {sayError(again.error)}
        </Text>
      ) : null}
    </>
  );
}

/** CSS has no gamma: an SVG filter does it, named by `filterText`. */
export function GammaFilter({ gamma }: { gamma: number }): ReactElement {
  const exponent = 1 / gamma;
  return (
    <svg width="0" height="0" style={{ position: "absolute" }} aria-hidden>
      <filter id="cs-gamma" colorInterpolationFilters="sRGB">
        <feComponentTransfer>
          <feFuncR type="gamma" exponent={exponent} />
          <feFuncG type="gamma" exponent={exponent} />
          <feFuncB type="gamma" exponent={exponent} />
        </feComponentTransfer>
      </filter>
    </svg>
  );
}
