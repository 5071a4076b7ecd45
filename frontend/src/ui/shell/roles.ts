import type { Role } from "@/sync/types";

const RANK: Record<Role, number> = { annotator: 0, reviewer: 1, manager: 2 };

/** Whether a member may do what needs at least `needed`; each role may do all that those before it may. */
export function hasRole(role: Role | undefined, needed: Role): boolean {
  return role !== undefined && RANK[role] >= RANK[needed];
}
