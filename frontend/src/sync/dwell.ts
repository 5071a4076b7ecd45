/** Viewing records: the consent, the stored views, and the recorder that sends them. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, read } from "./client";
import { keys } from "./queries/keys";
import type { Viewed } from "./types";

export type Place = Omit<Viewed, "milliseconds">;

/** A shorter look is a movement on the way to somewhere else. */
const LEAST_MS = 500;
const MOST_VIEWS = 200;

/** Times what is on the screen; a place that has not moved goes on. */
export class DwellRecorder {
  private place: Place | null = null;
  private since = 0;
  private done: Viewed[] = [];

  look(place: Place | null, now: number): void {
    if (place && this.place && samePlace(place, this.place)) return;
    this.close(now);
    this.place = place;
    this.since = now;
  }

  /** Return the views since the last call. */
  take(now: number): Viewed[] {
    this.close(now);
    this.since = now;
    const taken = this.done.slice(-MOST_VIEWS);
    this.done = [];
    return taken;
  }

  private close(now: number): void {
    const milliseconds = Math.round(now - this.since);
    if (this.place && milliseconds >= LEAST_MS) this.done.push({ ...this.place, milliseconds });
  }
}

function samePlace(one: Place, other: Place): boolean {
  const moved = Math.max(Math.abs(one.x - other.x), Math.abs(one.y - other.y), Math.abs(one.width - other.width));
  return moved < one.scale;
}

export function useDwellConsent() {
  return useQuery({ queryKey: keys.dwellConsent, queryFn: () => read(api.GET("/dwell")) });
}

export function useGiveConsent() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => read(api.PUT("/dwell")),
    onSuccess: (consent) => client.setQueryData(keys.dwellConsent, consent),
  });
}

/** Takes consent back: the server deletes every view. */
export function useWithdrawConsent() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => read(api.DELETE("/dwell")),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.dwellConsent.slice(0, 1) }),
  });
}

/** The person's own views of a slide, read when somebody wants to see them. */
export function useDwell(slide_id: string, enabled: boolean) {
  return useQuery({
    queryKey: keys.dwell(slide_id),
    queryFn: () => read(api.GET("/slides/{slide_id}/dwell", { params: { path: { slide_id } } })),
    enabled,
  });
}

export async function sendViews(slide_id: string, views: Viewed[]): Promise<void> {
  const [first, ...others] = views;
  if (first === undefined) return;
  await read(
    api.POST("/slides/{slide_id}/dwell", { params: { path: { slide_id } }, body: { views: [first, ...others] } }),
  );
}

export function recordingAddress(slideId: string): string {
  return `/api/v1/slides/${slideId}/dwell/recording`;
}
