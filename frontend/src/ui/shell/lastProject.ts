/** The project that was opened last, so that pages outside of projects keep its navigation. */
import { useEffect } from "react";

const KEY = "coverslip.project";

/** Remember the project of the address, once it can be seen: for this tab, and as the first choice of new tabs. */
export function useLastProject(id: string | undefined, isSeen: boolean): void {
  useEffect(() => {
    if (id === undefined || !isSeen) return;
    sessionStorage.setItem(KEY, id);
    localStorage.setItem(KEY, id);
  }, [id, isSeen]);
}

export function lastProject(): string | undefined {
  return sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? undefined;
}
