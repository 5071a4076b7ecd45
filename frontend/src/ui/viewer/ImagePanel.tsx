import { Button, Divider, Group, Slider, Stack, Table, Text } from "@mantine/core";
import type { ReactElement, ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { ViewerInfo } from "@/sync/types";
import { ChannelsPanel } from "./ChannelsPanel";
import { lengthText } from "./format";
import type { Look } from "./look";
import type { ChannelChoice } from "./useChannels";

interface Props {
  viewer: ViewerInfo;
  channels: ChannelChoice;
  look: Look;
  onLook: (patch: Partial<Look>) => void;
  /** What else there is to see of the image; stands above the facts. */
  children?: ReactNode;
}

const PLAIN = { brightness: 1, contrast: 1, gamma: 1 } as const;

export function ImagePanel({ viewer, channels, look, onLook, children }: Props): ReactElement {
  const { t } = useTranslation(["viewer", "channels"]);
  const { slide } = viewer;
  const several = viewer.channels.length > 0;
  const rows: [string, string][] = [
    [t("info.case"), slide.case?.pseudonym ?? "–"],
    [t("info.size"), `${slide.width} × ${slide.height} px`],
    [t("info.extent"), slide.mpp === null ? "–" : `${lengthText(slide.width, slide.mpp)} × ${lengthText(slide.height, slide.mpp)}`],
    [t("info.resolution"), slide.mpp === null ? t("info.unknown") : `${slide.mpp.toFixed(4)} µm/px`],
    [t("info.magnification"), slide.magnification === null ? "–" : `${slide.magnification}×`],
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
          <Text size="xs" c="dimmed">{t(`image.${name}`)}</Text>
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
              <Table.Td c="dimmed">{name}</Table.Td>
              <Table.Td>{value}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
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
