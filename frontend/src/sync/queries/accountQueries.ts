/** Accounts as hooks: the own password, and what administrators do with the accounts of others. */
import { keepPreviousData, useMutation, useQuery, useQueryClient, type UseMutationResult, type UseQueryResult } from "@tanstack/react-query";

import { api, type ApiError, setCsrfToken } from "../client";
import { keys } from "./keys";
import type { Account, Me, OneTimePassword, Page, Version } from "../types";

export interface PasswordChange {
  current_password: string;
  new_password: string;
  keep_tokens: boolean;
}

/** Change the own password; other sessions end. */
export function useChangePassword(): UseMutationResult<Me, ApiError, PasswordChange> {
  const client = useQueryClient();
  return useMutation<Me, ApiError, PasswordChange>({
    mutationFn: (body) => api.put<Me>("/session/password", body),
    onSuccess: async (me) => {
      setCsrfToken(me.csrf_token);
      client.setQueryData(keys.me, me);
      await client.invalidateQueries({ queryKey: keys.tokens });
    },
  });
}

/** The running version; it changes with a restart only. */
export function useVersion(): UseQueryResult<Version, ApiError> {
  return useQuery<Version, ApiError>({ queryKey: keys.version, staleTime: Infinity, queryFn: () => api.get<Version>("/version") });
}

export interface AccountFilters {
  search: string;
  /** Undefined shows active and deactivated accounts. */
  active: boolean | undefined;
  page: number;
}

export function useAccounts(filters: AccountFilters): UseQueryResult<Page<Account>, ApiError> {
  return useQuery<Page<Account>, ApiError>({
    queryKey: keys.accounts(filters),
    queryFn: () => api.get<Page<Account>>("/accounts", { ...filters, page_size: 50 }),
    placeholderData: keepPreviousData,
  });
}

function useAccountChange<T>(verb: string): UseMutationResult<T, ApiError, string> {
  const client = useQueryClient();
  return useMutation<T, ApiError, string>({
    mutationFn: (id) => api.post<T>(`/accounts/${id}/${verb}`),
    onSuccess: () => client.invalidateQueries({ queryKey: ["users"] }),
  });
}

export const useDeactivateAccount = () => useAccountChange<Account>("deactivate");
export const useReactivateAccount = () => useAccountChange<Account>("reactivate");
export const useResetPassword = () => useAccountChange<OneTimePassword>("reset-password");
