import { ActionIcon, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconTrash } from "@tabler/icons-react";
import { useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { useWithdrawObjectSet } from "@/sync/queries/queries";
import type { ObjectSet } from "@/sync/types";
import { ConfirmDialog } from "../../shared/ConfirmDialog";
import { notifyFailure } from "../../shared/notify";

/** Withdraws an imported set after a confirmation. */
export function WithdrawButton({ objectSet }: { readonly objectSet: ObjectSet }): ReactElement {
  const { t } = useTranslation("objects");
  const [asked, setAsked] = useState(false);
  const withdraw = useWithdrawObjectSet(objectSet.slide_id);
  // A promise, because callbacks of the mutation are not called once the set, and this button with it, has gone.
  const start = () =>
    withdraw
      .mutateAsync(objectSet.id)
      .then(({ deleted }) =>
        notifications.show({
          message: t(deleted ? "withdraw.deleted" : "withdraw.steppedBack", { name: objectSet.name }),
        }),
      )
      .catch(notifyFailure)
      .finally(() => setAsked(false));
  return (
    <>
      <Tooltip label={t("withdraw.action")}>
        <ActionIcon
          size={30}
          variant="default"
          aria-label={t("withdraw.action")}
          onClick={() => setAsked(true)}
          data-testid="withdraw-set"
        >
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
          onConfirm={() => void start()}
          onClose={() => setAsked(false)}
        />
      )}
    </>
  );
}
