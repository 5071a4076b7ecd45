/** Viewing records: the consent, the stored views, and the recorder that sends them. */
import { useMutation, useQuery, useQueryClient, type UseMutationResult, type UseQueryResult } from "@tanstack/react-query";

import { api, type ApiError } from "./client";
import { keys } from "./queries/keys";
import type { Viewed } from "./types";

export interface DwellConsent {
  since: string | null;
  views: number;
}

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

export function useDwellConsent(): UseQueryResult<DwellConsent, ApiError> {
  return useQuery<DwellConsent, ApiError>({ queryKey: keys.dwellConsent, queryFn: () => api.get<DwellConsent>("/dwell") });
}

export function useGiveConsent(): UseMutationResult<DwellConsent, ApiError, void> {
  const client = useQueryClient();
  return useMutation<DwellConsent, ApiError>({
    mutationFn: () => api.put<DwellConsent>("/dwell", {}),
    onSuccess: (consent) => client.setQueryData(keys.dwellConsent, consent),
  });
}

/** Takes consent back: the server deletes every view. */
export function useWithdrawConsent(): UseMutationResult<void, ApiError, void> {
  const client = useQueryClient();
  return useMutation<void, ApiError>({
    mutationFn: () => api.delete("/dwell"),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.dwellConsent.slice(0, 1) }),
  });
}

/** The person's own views of a slide, read when somebody wants to see them. */
export function useDwell(slideId: string, wanted: boolean): UseQueryResult<{ views: Viewed[] }, ApiError> {
  return useQuery<{ views: Viewed[] }, ApiError>({
    queryKey: keys.dwell(slideId),
    queryFn: () => api.get<{ views: Viewed[] }>(`/slides/${slideId}/dwell`),
    enabled: wanted,
  });
}

export function sendViews(slideId: string, views: readonly Viewed[]): Promise<{ stored: number }> {
  return api.post<{ stored: number }>(`/slides/${slideId}/dwell`, { views });
}

export function recordingAddress(slideId: string): string {
  return `/api/v1/slides/${slideId}/dwell/recording`;
}
