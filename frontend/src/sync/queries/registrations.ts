/** Registrations of slides. */
import { useQuery, type UseMutationResult, type UseQueryResult } from "@tanstack/react-query";

import { api, type ApiError } from "../client";
import { useChange } from "./queries";
import type { CarriedAnnotation, Landmarks, Registration } from "../types";

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
