/** Registrations of slides. */
import { skipToken, useQuery } from "@tanstack/react-query";

import { api, read } from "../client";
import type { Landmarks, Registration } from "../types";
import { useChange } from "./queries";
import { isUnderWay } from "./quality";

const ASK_AGAIN_MS = 1200;
const keyOf = (slideId: string) => ["registrations", slideId] as const;
const ofSlide = (slide_id: string) => ({ path: { slide_id } });
const ofRegistration = (registration_id: string) => ({ path: { registration_id } });

export const isWorking = ({ job }: Registration): boolean => isUnderWay(job);

export function useRegistrations(slideId: string) {
  return useQuery({
    queryKey: keyOf(slideId),
    queryFn: () => read(api.GET("/slides/{slide_id}/registrations", { params: ofSlide(slideId) })),
    refetchInterval: ({ state }) => (state.data?.some(isWorking) ? ASK_AGAIN_MS : false),
  });
}

/** The other slide's annotations as they lie on this one. */
export function useCarriedAnnotations(registration: Registration | null) {
  return useQuery({
    queryKey: ["carried", registration?.id, registration?.matrix],
    queryFn: registration?.matrix
      ? () => read(api.GET("/registrations/{registration_id}/annotations", { params: ofRegistration(registration.id) }))
      : skipToken,
  });
}

export function useRegister(slideId: string) {
  return useChange(
    (moving_id: string) =>
      read(api.POST("/slides/{slide_id}/registrations", { params: ofSlide(slideId), body: { moving_id } })),
    [keyOf(slideId)],
  );
}

export function useSetLandmarks(slideId: string) {
  return useChange(
    ({ id, ...body }: Landmarks & { id: string }) =>
      read(api.PUT("/registrations/{registration_id}", { params: ofRegistration(id), body })),
    [keyOf(slideId)],
  );
}

export function useUnregister(slideId: string) {
  return useChange(
    (id: string) => read(api.DELETE("/registrations/{registration_id}", { params: ofRegistration(id) })),
    [keyOf(slideId)],
  );
}
