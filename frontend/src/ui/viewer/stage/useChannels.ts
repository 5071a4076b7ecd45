import { useMemo, useState } from "react";

import { channelsText, firstChannelViews, readChannels, type Channel, type ChannelView } from "@/core/channels";

export interface ChannelChoice {
  views: readonly ChannelView[];
  setViews: (views: ChannelView[]) => void;
  /** For addresses; null while everything is as the import chose it. */
  text: string | null;
}

/** Display settings of the channels, kept in the URL. */
export function useChannels(channels: readonly Channel[]): ChannelChoice {
  const [views, setViews] = useState<readonly ChannelView[]>(
    () =>
      readChannels(new URLSearchParams(window.location.search).get("channels"), channels) ??
      firstChannelViews(channels),
  );
  const text = useMemo(() => {
    const chosen = channelsText(views);
    return chosen === channelsText(firstChannelViews(channels)) ? null : chosen;
  }, [views, channels]);
  return { views, setViews, text };
}
