/** Accounts as hooks: the own password, and what administrators do with the accounts of others. */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, read, setCsrfToken } from "../client";
import type { components } from "../generated/schema";
import { keys } from "./keys";

/** Change the own password; other sessions end. */
export function useChangePassword() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: components["schemas"]["PasswordChangeRequest"]) => read(api.PUT("/session/password", { body })),
    onSuccess: async (me) => {
      setCsrfToken(me.csrf_token);
      client.setQueryData(keys.me, me);
      await client.invalidateQueries({ queryKey: keys.tokens });
    },
  });
}

/** The running version; it changes with a restart only. */
export function useVersion() {
  return useQuery({ queryKey: keys.version, staleTime: Infinity, queryFn: () => read(api.GET("/version")) });
}

export interface AccountFilters {
  search: string;
  /** Undefined shows active and deactivated accounts. */
  active: boolean | undefined;
  page: number;
}

export function useAccounts(filters: AccountFilters) {
  return useQuery({
    queryKey: keys.accounts(filters),
    queryFn: () => read(api.GET("/accounts", { params: { query: { ...filters, page_size: 50 } } })),
    placeholderData: keepPreviousData,
  });
}

function useAccountChange<T>(run: (id: string) => Promise<T>) {
  const client = useQueryClient();
  return useMutation({ mutationFn: run, onSuccess: () => client.invalidateQueries({ queryKey: ["users"] }) });
}

const account = (user_id: string) => ({ params: { path: { user_id } } });

export const useDeactivateAccount = () =>
  useAccountChange((id) => read(api.POST("/accounts/{user_id}/deactivate", account(id))));

export const useReactivateAccount = () =>
  useAccountChange((id) => read(api.POST("/accounts/{user_id}/reactivate", account(id))));

export const useResetPassword = () =>
  useAccountChange((id) => read(api.POST("/accounts/{user_id}/reset-password", account(id))));
