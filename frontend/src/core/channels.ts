/** Channels of a fluorescence or near-infrared slide, and their display settings. */

export interface Channel {
  name: string;
  /** rrggbb */
  colour: string;
  bits: number;
  /** The values shown as black and at full strength, and the brightest value at import. */
  low: number;
  high: number;
  top: number;
  visible: boolean;
}

export interface ChannelView {
  colour: string;
  low: number;
  high: number;
  visible: boolean;
}

export function firstChannelViews(channels: readonly Channel[]): ChannelView[] {
  return channels.map(({ colour, low, high, visible }) => ({ colour, low, high, visible }));
}

/** URL parameter of the channels: `index:rrggbb:low:high` of each visible one. */
export function channelsText(views: readonly ChannelView[]): string {
  return views
    .flatMap((view, index) => (view.visible ? [`${index}:${view.colour}:${view.low}:${view.high}`] : []))
    .join(",");
}

/** The channels in a URL; null when they are not this slide's channels. */
export function readChannels(text: string | null, channels: readonly Channel[]): ChannelView[] | null {
  if (text === null || channels.length === 0) return null;
  const views = firstChannelViews(channels).map((view) => ({ ...view, visible: false }));
  for (const part of text === "" ? [] : text.split(",")) {
    const found = /^(\d{1,2}):([0-9a-f]{6}):(\d{1,5}):(\d{1,5})$/.exec(part);
    const [, index, colour = "", low, high] = found ?? [];
    const view = views[Number(index)];
    if (!view || !(Number(low) < Number(high)) || Number(high) > 65_535) return null;
    Object.assign(view, { colour, low: Number(low), high: Number(high), visible: true });
  }
  return views;
}

/** The values that a range can be chosen from: room above the brightest, but never beyond what the depth holds. */
export function rangeLimit({ top, high, bits }: Channel): number {
  return Math.min(2 ** bits - 1, Math.ceil(Math.max(top, high) * 1.25));
}

/** A range that is never empty. */
export function orderly([low, high]: readonly [number, number], limit: number): { low: number; high: number } {
  const least = Math.max(0, Math.min(Math.round(low), limit - 1));
  return { low: least, high: Math.max(least + 1, Math.min(Math.round(high), limit)) };
}
