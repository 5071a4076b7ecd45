import { useEffect, useRef, useState, type RefObject } from "react";

import { Stage, type StageSource } from "@/render/stage";
import type { View } from "@/render/view";
import { api, read } from "@/sync/client";
import type { ViewerInfo } from "@/sync/types";
import { viewQuery } from "./usePlane";

/** Ask for a new grant this long before the old one lapses. */
const MARGIN_MS = 60_000;

/** Put a grant into an address that carries an older one. */
export function withGrant(address: string, grant: string): string {
  return address.replace(/grant=[^&]*/, `grant=${encodeURIComponent(grant)}`);
}

export interface StageOptions {
  navigator: boolean;
  channels?: string | null | undefined;
  plane?: number | null | undefined;
  onView?: ((view: View) => void) | undefined;
}

export function tileAddress(template: string, z: number, x: number, y: number): string {
  return template.replace("{z}", String(z)).replace("{x}", String(x)).replace("{y}", String(y));
}

/** A grant that is renewed while the page is open; the value is read at each tile, never by rendering. */
function useGrant(viewer: ViewerInfo): RefObject<string> {
  const grant = useRef(viewer.grant);
  useEffect(() => {
    grant.current = viewer.grant;
    let timer = 0;
    const schedule = (expires: string) => {
      const wait = Math.max(5_000, new Date(expires).getTime() - Date.now() - MARGIN_MS);
      timer = window.setTimeout(() => void renew(), wait);
    };
    const renew = async () => {
      try {
        const params = { path: { slide_id: viewer.slide.id } };
        const fresh = await read(api.POST("/slides/{slide_id}/grant", { params }));
        grant.current = fresh.grant;
        schedule(fresh.expires_at);
      } catch {
        timer = window.setTimeout(() => void renew(), 10_000);
      }
    };
    schedule(viewer.expires_at);
    return () => window.clearTimeout(timer);
  }, [viewer]);
  return grant;
}

/** The stage of a slide in an element: made when both are there, taken down with the component. */
export function useStage(
  viewer: ViewerInfo,
  element: RefObject<HTMLDivElement | null>,
  options: StageOptions,
): Stage | null {
  const [stage, setStage] = useState<Stage | null>(null);
  const grant = useGrant(viewer);
  const onView = useRef(options.onView);
  useEffect(() => {
    onView.current = options.onView;
  });
  const latest = useRef(viewer);
  useEffect(() => {
    latest.current = viewer;
  });
  const slideId = viewer.slide.id;
  const wanted = viewQuery(options.channels ?? null, options.plane ?? null);
  const query = useRef(wanted);
  const { navigator } = options;
  useEffect(() => {
    const place = element.current;
    const { slide, tile_size, levels, tiles } = latest.current;
    if (!place) return undefined;
    const source: StageSource = {
      width: slide.width,
      height: slide.height,
      tileSize: tile_size,
      levels,
      tileUrl: (z, x, y) => withGrant(tileAddress(tiles, z, x, y), grant.current) + query.current,
    };
    const made = new Stage(place, source, { navigator, onView: (view) => onView.current?.(view) });
    made.whenReady(() => setStage(made));
    return () => {
      setStage(null);
      made.destroy();
    };
  }, [slideId, navigator, element, grant]);
  useEffect(() => {
    if (query.current === wanted) return;
    query.current = wanted;
    stage?.exchangeTiles();
  }, [stage, wanted]);
  return stage;
}
