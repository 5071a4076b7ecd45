import type { Role } from "@/sync/types";

const RANK: Record<Role, number> = { annotator: 0, reviewer: 1, manager: 2 };

/** Return whether a member has at least the role `needed`; each role includes the ones before it. */
export function hasRole(role: Role | undefined, needed: Role): boolean {
  return role !== undefined && RANK[role] >= RANK[needed];
}
