import { ActionIcon, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconTrash } from "@tabler/icons-react";
import { useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { useWithdrawObjectSet } from "@/sync/queries";
import type { ObjectSet } from "@/sync/types";
import { ConfirmDialog } from "../shell/ConfirmDialog";
import { notifyFailure } from "../shell/notify";

/** Takes back a set that somebody brought as a file, once the person has confirmed it. */
export function WithdrawButton({ objectSet }: { readonly objectSet: ObjectSet }): ReactElement {
  const { t } = useTranslation("objects");
  const [asked, setAsked] = useState(false);
  const withdraw = useWithdrawObjectSet(objectSet.slide_id);
  const start = () =>
    withdraw.mutate(objectSet.id, {
      onSuccess: ({ deleted }) => notifications.show({ message: t(deleted ? "withdraw.deleted" : "withdraw.steppedBack", { name: objectSet.name }) }),
      onError: notifyFailure,
      onSettled: () => setAsked(false),
    });
  return (
    <>
      <Tooltip label={t("withdraw.action")}>
        <ActionIcon size={30} variant="default" aria-label={t("withdraw.action")} onClick={() => setAsked(true)} data-testid="withdraw-set">
          <IconTrash size={15} />
        </ActionIcon>
      </Tooltip>
      {asked && (
        <ConfirmDialog
          title={t("withdraw.title", { name: objectSet.name, count: objectSet.count })}
          message={t("withdraw.text")}
          confirmLabel={t("withdraw.action")}
          danger
          busy={withdraw.isPending}
          onConfirm={start}
          onClose={() => setAsked(false)}
        />
      )}
    </>
  );
}
