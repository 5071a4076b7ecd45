import type { Account } from "@/sync/types";

/** The full name, or the user name where there is none. */
export function accountName(account: Account): string {
  return account.display_name === "" ? account.username : account.display_name;
}
