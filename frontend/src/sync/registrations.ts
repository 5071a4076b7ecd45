/** Slides laid over each other. */
import { useQuery, type UseMutationResult, type UseQueryResult } from "@tanstack/react-query";

import type { Geometry, Position } from "@/core/geometry/types";
import { api, type ApiError } from "./client";
import { useChange } from "./queries";
import type { Job } from "./types";

export interface Landmarks {
  fixed: Position[];
  moving: Position[];
}

export interface Registration {
  id: string;
  fixed_id: string;
  moving_id: string;
  moving_name: string;
  job: Job | null;
  /** From this slide's level-0 pixels to the other's; null until it is found. */
  matrix: [number, number, number][] | null;
  quality: { inliers: number; share: number; likeness: number; dice: number } | null;
  landmarks: Landmarks | null;
}

export interface CarriedAnnotation {
  id: string;
  label_id: string | null;
  geometry: Geometry;
}

const ASK_AGAIN_MS = 1200;
const keyOf = (slideId: string) => ["registrations", slideId] as const;

export const isWorking = ({ job }: Registration): boolean => job?.state === "queued" || job?.state === "running";

export function useRegistrations(slideId: string): UseQueryResult<Registration[], ApiError> {
  return useQuery<Registration[], ApiError>({
    queryKey: keyOf(slideId),
    queryFn: () => api.get<Registration[]>(`/slides/${slideId}/registrations`),
    refetchInterval: ({ state }) => (state.data?.some(isWorking) ? ASK_AGAIN_MS : false),
  });
}

/** The other slide's annotations as they lie on this one. */
export function useCarriedAnnotations(registration: Registration | null): UseQueryResult<CarriedAnnotation[], ApiError> {
  return useQuery<CarriedAnnotation[], ApiError>({
    queryKey: ["carried", registration?.id, registration?.matrix],
    queryFn: () => api.get<CarriedAnnotation[]>(`/registrations/${registration?.id ?? ""}/annotations`),
    enabled: registration?.matrix != null,
  });
}

export function useRegister(slideId: string): UseMutationResult<Registration, ApiError, string> {
  return useChange((moving_id: string) => api.post<Registration>(`/slides/${slideId}/registrations`, { moving_id }), [keyOf(slideId)]);
}

export function useSetLandmarks(slideId: string): UseMutationResult<Registration, ApiError, Landmarks & { id: string }> {
  return useChange(({ id, ...body }: Landmarks & { id: string }) => api.put<Registration>(`/registrations/${id}`, body), [keyOf(slideId)]);
}

export function useUnregister(slideId: string): UseMutationResult<void, ApiError, string> {
  return useChange((id: string) => api.delete(`/registrations/${id}`), [keyOf(slideId)]);
}
