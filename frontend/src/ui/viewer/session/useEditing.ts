import { notifications } from "@mantine/notifications";
import { useCallback, useMemo } from "react";
import { useTranslation } from "react-i18next";

import type { Change, Item } from "@/core/annotations";
import { lockedChanges } from "@/core/edits";
import type { Me, Project, ViewerInfo } from "@/sync/types";
import { hasRole } from "../../shared/roles";
import type { Session } from "./useSession";

export interface Editing {
  mayEdit: (item: Item) => boolean;
  isLocked: (item: Item) => boolean;
  /** The author of what this person draws. */
  author: Pick<Item, "author" | "author_id">;
  /** Commit a command; one that changes what is locked is refused with a message. */
  commit: (name: string, changes: readonly Change[]) => void;
}

/** Edit permissions: every member changes their own shapes, reviewers all, nobody those of a slide that is not ready. */
export function useEditing({ history }: Session, me: Me, project: Project, viewer: ViewerInfo): Editing {
  const { t } = useTranslation("drawing");
  const isReady = viewer.slide.state === "ready";
  const mayEditAll = hasRole(project.my_role, "reviewer");
  const mayEdit = useCallback(
    (item: Item) => isReady && (mayEditAll || item.author_id === me.id),
    [isReady, mayEditAll, me.id],
  );
  const commit = useCallback(
    (name: string, changes: readonly Change[]) => {
      const [locked] = lockedChanges(changes, mayEdit);
      if (locked?.before)
        notifications.show({
          id: "locked-shape",
          color: "yellow",
          message: t("lockedShape", { author: locked.before.author }),
        });
      else history.commit(name, changes);
    },
    [history, mayEdit, t],
  );
  return useMemo(() => {
    const author = { author: me.display_name || me.username, author_id: me.id };
    return { mayEdit, isLocked: (item: Item) => !mayEdit(item), author, commit };
  }, [mayEdit, commit, me]);
}
