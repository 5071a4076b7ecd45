/** Server state as hooks: accounts, projects, slides and jobs. Learning and review live beside it and are re-exported. */
import { keepPreviousData, skipToken, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, type ApiError, read, setCsrfToken } from "../client";
import type { components } from "../generated/schema";
import type {
  IssuedToken,
  JobFilters,
  LabelBody,
  LabelChanges,
  Me,
  Role,
  SlideChanges,
  SlideFilters,
  Token,
} from "../types";
import { keys } from "./keys";

export { keys } from "./keys";
export * from "./accountQueries";
export * from "./learningQueries";
export * from "./reviewQueries";
export { useOpenCount } from "../openCount";
export * from "./weights";

type Schema = components["schemas"];

const MOST_ROWS = 500;
const inProject = (project_id: string) => ({ path: { project_id } });
const ofSlide = (slide_id: string) => ({ path: { slide_id } });

/** Whether a colleague changed the same meanwhile; the error says who, and which value stands now. */
export function isChangedMeanwhile(error: ApiError): boolean {
  return error.code === "changed_meanwhile";
}

/** A mutation that makes the given keys stale when it succeeds, or when a colleague was faster. */
export function useChange<T, V>(run: (variables: V) => Promise<T>, stale: readonly (readonly unknown[])[]) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: run,
    onSettled: async (_: T | undefined, error: ApiError | null) => {
      if (error !== null && !isChangedMeanwhile(error)) return;
      await Promise.all(stale.map((queryKey) => client.invalidateQueries({ queryKey })));
    },
  });
}

function rememberMe(me: Me): Me {
  setCsrfToken(me.csrf_token);
  return me;
}

/** The signed-in person, or null when nobody is; with `renew` as the server now has them. */
export function useMe({ renew = false } = {}) {
  return useQuery({
    queryKey: keys.me,
    staleTime: Infinity,
    refetchOnMount: renew ? "always" : true,
    retry: (count, error) => error.isOffline && count < 3,
    queryFn: async () => {
      const me = await read(api.GET("/session"));
      return me ? rememberMe(me) : null;
    },
  });
}

const MOST_SIGN_IN_RETRIES = 20;

export function isSignInBusy(error: ApiError | null): boolean {
  return error?.code === "sign_in_busy";
}

export function useSignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (body: Schema["SignInRequest"]) => rememberMe(await read(api.POST("/session", { body }))),
    // Too many people at once: the right password gets in at a later try.
    retry: (count, error) => isSignInBusy(error) && count < MOST_SIGN_IN_RETRIES,
    retryDelay: (_, error) => error.retryAfter * 1000,
    onSuccess: (me) => {
      client.setQueryData(keys.me, me);
    },
  });
}

export function useSignOut() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => read(api.DELETE("/session")),
    onSuccess: () => {
      client.clear();
      setCsrfToken("");
      client.setQueryData(keys.me, null);
    },
  });
}

export function usePreferences() {
  const client = useQueryClient();
  return useMutation({
    // One after the other: the last choice is the one that stays.
    scope: { id: "preferences" },
    mutationFn: async (body: Schema["PatchedPreferencesRequest"]) =>
      rememberMe(await read(api.PATCH("/session/preferences", { body }))),
    onSuccess: (me) => {
      client.setQueryData(keys.me, me);
    },
  });
}

export function useUsers(search: string, enabled = true) {
  return useQuery({
    queryKey: keys.users(search),
    queryFn: () => read(api.GET("/users", { params: { query: { search } } })),
    placeholderData: keepPreviousData,
    enabled,
  });
}

export function useCreateUser() {
  return useChange((body: Schema["NewUserRequest"]) => read(api.POST("/users", { body })), [["users"]]);
}

export function useTokens() {
  return useQuery({ queryKey: keys.tokens, queryFn: () => read(api.GET("/tokens")) });
}

export function useCreateToken() {
  return useChange(
    (body: Pick<Token, "name" | "scope" | "expires_at">): Promise<IssuedToken> => read(api.POST("/tokens", { body })),
    [keys.tokens],
  );
}

export function useDeleteToken() {
  return useChange(
    (token_id: string) => read(api.DELETE("/tokens/{token_id}", { params: { path: { token_id } } })),
    [keys.tokens],
  );
}

export function useProjects() {
  return useQuery({
    queryKey: keys.projects,
    queryFn: () => read(api.GET("/projects", { params: { query: { page_size: MOST_ROWS } } })),
  });
}

export function useProject(id: string | undefined) {
  return useQuery({
    queryKey: keys.project(id ?? ""),
    queryFn: id === undefined ? skipToken : () => read(api.GET("/projects/{project_id}", { params: inProject(id) })),
  });
}

export function useUpdateProject(id: string) {
  return useChange(
    (body: Schema["PatchedProjectChangesRequest"]) =>
      read(api.PATCH("/projects/{project_id}", { params: inProject(id), body })),
    [keys.projects],
  );
}

export function useLabels(projectId: string) {
  const params = { ...inProject(projectId), query: { page_size: MOST_ROWS } };
  return useQuery({
    queryKey: keys.labels(projectId),
    queryFn: () => read(api.GET("/projects/{project_id}/labels", { params })),
  });
}

export function useCreateLabel(projectId: string) {
  return useChange(
    (body: LabelBody) => read(api.POST("/projects/{project_id}/labels", { params: inProject(projectId), body })),
    [keys.projects],
  );
}

const ofLabel = (project_id: string, label_id: string) => ({ path: { project_id, label_id } });

export function useUpdateLabel(projectId: string) {
  return useChange(
    ({ id, ...body }: LabelChanges & { id: string }) =>
      read(api.PATCH("/projects/{project_id}/labels/{label_id}", { params: ofLabel(projectId, id), body })),
    [keys.projects],
  );
}

/** Change the order of the labels; `seen` is the order that the person changed. */
export function useReorderLabels(projectId: string) {
  return useChange(
    (body: Schema["LabelOrderRequest"]) =>
      read(api.PUT("/projects/{project_id}/labels/order", { params: inProject(projectId), body })),
    [keys.projects],
  );
}

export function useRetireLabel(projectId: string) {
  return useChange(
    (id: string) =>
      read(api.POST("/projects/{project_id}/labels/{label_id}/retire", { params: ofLabel(projectId, id) })),
    [keys.projects],
  );
}

export function useMembers(projectId: string) {
  const params = { ...inProject(projectId), query: { page_size: MOST_ROWS } };
  return useQuery({
    queryKey: keys.members(projectId),
    queryFn: () => read(api.GET("/projects/{project_id}/members", { params })),
  });
}

const ofMember = (project_id: string, membership_id: string) => ({ path: { project_id, membership_id } });

export function useAddMember(projectId: string) {
  return useChange(
    (body: Schema["NewMemberRequest"]) =>
      read(api.POST("/projects/{project_id}/members", { params: inProject(projectId), body })),
    [keys.members(projectId)],
  );
}

export function useUpdateMember(projectId: string) {
  return useChange(
    ({ id, role }: { id: string; role: Role }) =>
      read(
        api.PATCH("/projects/{project_id}/members/{membership_id}", {
          params: ofMember(projectId, id),
          body: { role },
        }),
      ),
    [keys.members(projectId)],
  );
}

export function useRemoveMember(projectId: string) {
  return useChange(
    (id: string) =>
      read(api.DELETE("/projects/{project_id}/members/{membership_id}", { params: ofMember(projectId, id) })),
    [keys.members(projectId)],
  );
}

export function useSlides(projectId: string, filters: SlideFilters = {}) {
  return useQuery({
    queryKey: [...keys.slides(projectId), filters],
    queryFn: () =>
      read(api.GET("/projects/{project_id}/slides", { params: { ...inProject(projectId), query: filters } })),
    placeholderData: keepPreviousData,
  });
}

export function useSlide(id: string | undefined) {
  return useQuery({
    queryKey: keys.slide(id ?? ""),
    queryFn: id === undefined ? skipToken : () => read(api.GET("/slides/{slide_id}", { params: ofSlide(id) })),
  });
}

export function useUpdateSlide(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, ...body }: SlideChanges & { id: string }) =>
      read(api.PATCH("/slides/{slide_id}", { params: ofSlide(id), body })),
    onSuccess: (slide) => {
      client.setQueryData(keys.slide(slide.id), slide);
    },
    onSettled: async (_, error, { id }) => {
      if (error !== null && !isChangedMeanwhile(error)) return;
      await client.invalidateQueries({ queryKey: keys.slides(projectId) });
      await client.invalidateQueries({ queryKey: keys.viewer(id) });
    },
  });
}

/** Read the resolution of a slide again from its file; a correction stays in use. */
export function useReadResolution(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => read(api.POST("/slides/{slide_id}/resolution", { params: ofSlide(id) })),
    onSuccess: async (slide) => {
      client.setQueryData(keys.slide(slide.id), slide);
      await client.invalidateQueries({ queryKey: keys.slides(projectId) });
      await client.invalidateQueries({ queryKey: keys.viewer(slide.id) });
      await client.invalidateQueries({ queryKey: keys.quality(slide.id) });
    },
  });
}

/** Import a slide from one of several images of its file. */
export function useChooseImage(projectId: string) {
  return useChange(
    ({ id, image }: { id: string; image: number }) =>
      read(api.POST("/slides/{slide_id}/image", { params: ofSlide(id), body: { image } })),
    [keys.slides(projectId), keys.jobs],
  );
}

export function useDeleteSlide(projectId: string) {
  return useChange(
    (id: string) => read(api.DELETE("/slides/{slide_id}", { params: ofSlide(id) })),
    [keys.slides(projectId), keys.projects],
  );
}

/** Levels, tile addresses and the grant of a slide. */
export function useViewer(slideId: string | undefined) {
  return useQuery({
    queryKey: keys.viewer(slideId ?? ""),
    queryFn:
      slideId === undefined
        ? skipToken
        : () => read(api.GET("/slides/{slide_id}/viewer", { params: ofSlide(slideId) })),
    staleTime: 60_000,
    refetchOnWindowFocus: false,
  });
}

export function useRegions(slideId: string) {
  return useQuery({
    queryKey: keys.regions(slideId),
    queryFn: async () => (await read(api.GET("/slides/{slide_id}/regions", { params: ofSlide(slideId) }))).results,
  });
}

export function useObjectSets(slideId: string | undefined, current = true) {
  return useQuery({
    queryKey: [...keys.objectSets(slideId ?? ""), current],
    queryFn:
      slideId === undefined
        ? skipToken
        : async () => {
            const params = { ...ofSlide(slideId), query: { current } };
            return (await read(api.GET("/slides/{slide_id}/object-sets", { params }))).results;
          },
  });
}

export function useJobs(filters: JobFilters = {}, enabled = true) {
  return useQuery({
    queryKey: [...keys.jobs, filters],
    queryFn: () => read(api.GET("/jobs", { params: { query: filters } })),
    placeholderData: keepPreviousData,
    enabled,
  });
}

const ofJob = (job_id: string) => ({ path: { job_id } });

export function useJob(id: string | null | undefined) {
  return useQuery({
    queryKey: keys.job(id ?? ""),
    queryFn: id ? () => read(api.GET("/jobs/{job_id}", { params: ofJob(id) })) : skipToken,
  });
}

export function useWithdrawObjectSet(slideId: string) {
  return useChange(
    (set_id: string) => read(api.POST("/object-sets/{set_id}/withdrawal", { params: { path: { set_id } } })),
    [keys.objectSets(slideId)],
  );
}

export function useCancelJob() {
  return useChange(
    (id: string) => read(api.POST("/jobs/{job_id}/cancel", { params: ofJob(id) })),
    [keys.jobs, ["rounds"]],
  );
}

export function useRetryJob() {
  return useChange(
    (id: string) => read(api.POST("/jobs/{job_id}/retry", { params: ofJob(id) })),
    [keys.jobs, ["rounds"], ["slides"]],
  );
}
