/** Server state as hooks: accounts, projects, slides and jobs. Learning and review live beside it and are re-exported. */
import {
  keepPreviousData,
  useMutation,
  useQuery,
  useQueryClient,
  type UseMutationResult,
  type UseQueryResult,
} from "@tanstack/react-query";

import { api, ApiError, setCsrfToken } from "../client";
import { keys } from "./keys";
import type {
  Job,
  JobKind,
  JobState,
  Label,
  Language,
  Me,
  Member,
  ObjectSet,
  Page,
  ProgressState,
  Project,
  Region,
  Role,
  Slide,
  SlideState,
  Theme,
  Token,
  User,
  ViewerInfo,
  Withdrawal,
} from "../types";
import type { Artefact } from "./quality";

export { keys } from "./keys";
export * from "./accountQueries";
export * from "./learningQueries";
export * from "./reviewQueries";
export { useOpenCount } from "../openCount";
export * from "./weights";

type Result<T> = UseQueryResult<T, ApiError>;
type Change<T, V> = UseMutationResult<T, ApiError, V>;

/** Whether a colleague changed the same meanwhile; the error says who, and which value stands now. */
export function isChangedMeanwhile(error: ApiError): boolean {
  return error.code === "changed_meanwhile";
}

/** A mutation that makes the given keys stale when it succeeds, or when a colleague was faster. */
export function useChange<T, V>(run: (variables: V) => Promise<T>, stale: readonly (readonly unknown[])[]): Change<T, V> {
  const client = useQueryClient();
  return useMutation<T, ApiError, V>({
    mutationFn: run,
    onSettled: async (_, error) => {
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
export function useMe({ renew = false } = {}): UseQueryResult<Me | null, ApiError> {
  return useQuery<Me | null, ApiError>({
    queryKey: keys.me,
    staleTime: Infinity,
    refetchOnMount: renew ? "always" : true,
    retry: (count, error) => error.isOffline && count < 3,
    queryFn: async () => {
      const me = await api.get<Me | undefined>("/session");
      return me ? rememberMe(me) : null;
    },
  });
}

const MOST_SIGN_IN_RETRIES = 20;

export function isSignInBusy(error: ApiError | null): boolean {
  return error?.code === "sign_in_busy";
}

export function useSignIn(): Change<Me, { username: string; password: string }> {
  const client = useQueryClient();
  return useMutation<Me, ApiError, { username: string; password: string }>({
    mutationFn: async (body) => rememberMe(await api.post<Me>("/session", body)),
    // Too many people at once: the right password gets in at a later try.
    retry: (count, error) => isSignInBusy(error) && count < MOST_SIGN_IN_RETRIES,
    retryDelay: (_, error) => error.retryAfter * 1000,
    onSuccess: (me) => {
      client.setQueryData(keys.me, me);
    },
  });
}

export function useSignOut(): Change<void, void> {
  const client = useQueryClient();
  return useMutation<void, ApiError>({
    mutationFn: () => api.delete("/session"),
    onSuccess: () => {
      client.clear();
      setCsrfToken("");
      client.setQueryData(keys.me, null);
    },
  });
}

export interface Preferences {
  language?: Language;
  theme?: Theme;
  key_map?: Record<string, string[]>;
  shown_layers?: Me["shown_layers"];
}

export function usePreferences(): Change<Me, Preferences> {
  const client = useQueryClient();
  return useMutation<Me, ApiError, Preferences>({
    // One after the other: the last choice is the one that stays.
    scope: { id: "preferences" },
    mutationFn: async (body) => rememberMe(await api.patch<Me>("/session/preferences", body)),
    onSuccess: (me) => {
      client.setQueryData(keys.me, me);
    },
  });
}

export function useUsers(search: string, enabled = true): Result<Page<User>> {
  return useQuery<Page<User>, ApiError>({
    queryKey: keys.users(search),
    queryFn: () => api.get<Page<User>>("/users", { search }),
    placeholderData: keepPreviousData,
    enabled,
  });
}

export function useCreateUser(): Change<User, { username: string; display_name: string; password: string }> {
  return useChange((body) => api.post<User>("/users", body), [["users"]]);
}

export function useTokens(): Result<Page<Token>> {
  return useQuery<Page<Token>, ApiError>({ queryKey: keys.tokens, queryFn: () => api.get<Page<Token>>("/tokens") });
}

export function useCreateToken(): Change<Token, Pick<Token, "name" | "scope" | "expires_at">> {
  return useChange((body) => api.post<Token>("/tokens", body), [keys.tokens]);
}

export function useDeleteToken(): Change<void, string> {
  return useChange((id) => api.delete(`/tokens/${id}`), [keys.tokens]);
}

export function useProjects(): Result<Page<Project>> {
  return useQuery<Page<Project>, ApiError>({
    queryKey: keys.projects,
    queryFn: () => api.get<Page<Project>>("/projects", { page_size: 500 }),
  });
}

export function useProject(id: string | undefined): Result<Project> {
  return useQuery<Project, ApiError>({
    queryKey: keys.project(id ?? ""),
    queryFn: () => api.get<Project>(`/projects/${id ?? ""}`),
    enabled: id !== undefined,
  });
}

export function useCreateProject(): Change<Project, { name: string; description?: string }> {
  return useChange((body) => api.post<Project>("/projects", body), [keys.projects]);
}

export interface ProjectBody {
  name?: string;
  description?: string;
  map_quality?: boolean;
  /** The values that the person saw of what changes. */
  seen?: Pick<ProjectBody, "name" | "description" | "map_quality">;
}

export function useUpdateProject(id: string): Change<Project, ProjectBody> {
  return useChange((body) => api.patch<Project>(`/projects/${id}`, body), [keys.projects]);
}

export function useLabels(projectId: string): Result<Page<Label>> {
  return useQuery<Page<Label>, ApiError>({
    queryKey: keys.labels(projectId),
    queryFn: () => api.get<Page<Label>>(`/projects/${projectId}/labels`, { page_size: 500 }),
  });
}

export interface LabelBody {
  name: string;
  colour: string;
  key?: number | null;
  snomed?: string;
  order?: number;
  /** True for a name that differs from that of another label in letter case only. */
  allow_similar_name?: boolean;
  /** The values that the person saw of what changes. */
  seen?: Partial<Omit<LabelBody, "seen" | "allow_similar_name">>;
}

export function useCreateLabel(projectId: string): Change<Label, LabelBody> {
  return useChange((body) => api.post<Label>(`/projects/${projectId}/labels`, body), [keys.projects]);
}

export function useUpdateLabel(projectId: string): Change<Label, Partial<LabelBody> & { id: string }> {
  return useChange(
    ({ id, ...body }) => api.patch<Label>(`/projects/${projectId}/labels/${id}`, body),
    [keys.projects],
  );
}

export interface LabelOrder {
  readonly label_ids: readonly string[];
  /** The order that the person changed. */
  readonly seen: readonly string[];
}

export function useReorderLabels(projectId: string): Change<undefined, LabelOrder> {
  return useChange(
    (order) => api.put<undefined>(`/projects/${projectId}/labels/order`, order),
    [keys.projects],
  );
}

export function useRetireLabel(projectId: string): Change<Label, string> {
  return useChange((id) => api.post<Label>(`/projects/${projectId}/labels/${id}/retire`), [keys.projects]);
}

export function useMembers(projectId: string): Result<Page<Member>> {
  return useQuery<Page<Member>, ApiError>({
    queryKey: keys.members(projectId),
    queryFn: () => api.get<Page<Member>>(`/projects/${projectId}/members`, { page_size: 500 }),
  });
}

export function useAddMember(projectId: string): Change<Member, { user_id: string; role: Role }> {
  return useChange((body) => api.post<Member>(`/projects/${projectId}/members`, body), [keys.members(projectId)]);
}

export function useUpdateMember(projectId: string): Change<Member, { id: string; role: Role }> {
  return useChange(
    ({ id, role }) => api.patch<Member>(`/projects/${projectId}/members/${id}`, { role }),
    [keys.members(projectId)],
  );
}

export function useRemoveMember(projectId: string): Change<void, string> {
  return useChange((id) => api.delete(`/projects/${projectId}/members/${id}`), [keys.members(projectId)]);
}

export interface SlideFilters {
  search?: string | undefined;
  state?: SlideState | undefined;
  progress_state?: ProgressState | undefined;
  case?: string | undefined;
  ordering?: string | undefined;
  artefact?: Artefact | undefined;
  page?: number | undefined;
  page_size?: number | undefined;
}

export function useSlides(projectId: string, filters: SlideFilters = {}): Result<Page<Slide>> {
  return useQuery<Page<Slide>, ApiError>({
    queryKey: [...keys.slides(projectId), filters],
    queryFn: () => api.get<Page<Slide>>(`/projects/${projectId}/slides`, { ...filters }),
    placeholderData: keepPreviousData,
  });
}

export function useSlide(id: string | undefined): Result<Slide> {
  return useQuery<Slide, ApiError>({
    queryKey: keys.slide(id ?? ""),
    queryFn: () => api.get<Slide>(`/slides/${id ?? ""}`),
    enabled: id !== undefined,
  });
}

export interface SlideBody {
  name?: string;
  case?: string;
  /** µm per pixel; null reverts to what the file states. */
  resolution?: { x: number; y: number } | null;
  progress_state?: ProgressState;
  label_id?: string | null;
  /** The values that the person saw of what changes. */
  seen?: Omit<SlideBody, "seen">;
}

export function useUpdateSlide(projectId: string): Change<Slide, SlideBody & { id: string }> {
  const client = useQueryClient();
  return useMutation<Slide, ApiError, SlideBody & { id: string }>({
    mutationFn: ({ id, ...body }) => api.patch<Slide>(`/slides/${id}`, body),
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
export function useReadResolution(projectId: string): Change<Slide, string> {
  const client = useQueryClient();
  return useMutation<Slide, ApiError, string>({
    mutationFn: (id) => api.post<Slide>(`/slides/${id}/resolution`),
    onSuccess: async (slide) => {
      client.setQueryData(keys.slide(slide.id), slide);
      await client.invalidateQueries({ queryKey: keys.slides(projectId) });
      await client.invalidateQueries({ queryKey: keys.viewer(slide.id) });
      await client.invalidateQueries({ queryKey: keys.quality(slide.id) });
    },
  });
}

/** Import a slide from one of several images of its file. */
export function useChooseImage(projectId: string): Change<Slide, { id: string; image: number }> {
  return useChange(({ id, image }) => api.post<Slide>(`/slides/${id}/image`, { image }), [keys.slides(projectId), keys.jobs]);
}

export function useDeleteSlide(projectId: string): Change<void, string> {
  return useChange((id) => api.delete(`/slides/${id}`), [keys.slides(projectId), keys.projects]);
}

/** Levels, tile addresses and the grant of a slide. */
export function useViewer(slideId: string | undefined): Result<ViewerInfo> {
  return useQuery<ViewerInfo, ApiError>({
    queryKey: keys.viewer(slideId ?? ""),
    queryFn: () => api.get<ViewerInfo>(`/slides/${slideId ?? ""}/viewer`),
    enabled: slideId !== undefined,
    staleTime: 60_000,
    refetchOnWindowFocus: false,
  });
}

export function useRegions(slideId: string): Result<Region[]> {
  return useQuery<Region[], ApiError>({
    queryKey: keys.regions(slideId),
    queryFn: async () => {
      const answer = await api.get<Region[] | Page<Region>>(`/slides/${slideId}/regions`);
      return Array.isArray(answer) ? answer : answer.results;
    },
  });
}

export function useObjectSets(slideId: string | undefined, current = true): Result<ObjectSet[]> {
  return useQuery<ObjectSet[], ApiError>({
    queryKey: [...keys.objectSets(slideId ?? ""), current],
    queryFn: async () => {
      const answer = await api.get<ObjectSet[] | Page<ObjectSet>>(`/slides/${slideId ?? ""}/object-sets`, { current });
      return Array.isArray(answer) ? answer : answer.results;
    },
    enabled: slideId !== undefined,
  });
}

export interface JobFilters {
  project?: string | undefined;
  state?: JobState[] | undefined;
  kind?: JobKind | undefined;
  subject_id?: string | undefined;
  page?: number | undefined;
  page_size?: number | undefined;
}

export function useJobs(filters: JobFilters = {}, enabled = true): Result<Page<Job>> {
  return useQuery<Page<Job>, ApiError>({
    queryKey: [...keys.jobs, filters],
    queryFn: () => api.get<Page<Job>>("/jobs", { ...filters }),
    placeholderData: keepPreviousData,
    enabled,
  });
}

export function useJob(id: string | null | undefined): Result<Job> {
  return useQuery<Job, ApiError>({
    queryKey: keys.job(id ?? ""),
    queryFn: () => api.get<Job>(`/jobs/${id ?? ""}`),
    enabled: Boolean(id),
  });
}

export function useWithdrawObjectSet(slideId: string): Change<Withdrawal, string> {
  return useChange((id) => api.post<Withdrawal>(`/object-sets/${id}/withdrawal`), [keys.objectSets(slideId)]);
}

export function useCancelJob(): Change<Job, string> {
  return useChange((id) => api.post<Job>(`/jobs/${id}/cancel`), [keys.jobs, ["rounds"]]);
}

export function useRetryJob(): Change<Job, string> {
  return useChange((id) => api.post<Job>(`/jobs/${id}/retry`), [keys.jobs, ["rounds"], ["slides"]]);
}
