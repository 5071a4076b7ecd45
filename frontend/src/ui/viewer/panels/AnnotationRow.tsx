import { Text } from "@mantine/core";
import { IconLock } from "@tabler/icons-react";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";
import classes from "../Viewer.module.css";

interface Props {
  name: string;
  colour: string;
  size: string;
  selected: boolean;
  /** The author, when this user may not change it. */
  lockedBy: string | null;
  onClick: (shift: boolean) => void;
}

export function AnnotationRow({ name, colour, size, selected, lockedBy, onClick }: Props): ReactElement {
  const { t } = useTranslation("drawing");
  return (
    <button
      type="button"
      role="option"
      className={`${classes.row} ${classes.annotationRow}`}
      style={{ border: 0, background: selected ? undefined : "none", color: "inherit", cursor: "pointer" }}
      aria-selected={selected}
      data-testid="annotation-row"
      onClick={(event) => onClick(event.shiftKey)}
    >
      <span className={classes.dot} style={{ background: colour }} />
      <span className={classes.truncate}>{name}</span>
      {lockedBy !== null && (
        <IconLock
          size={13}
          role="img"
          aria-label={t("lockedBy", { author: lockedBy })}
          title={t("lockedBy", { author: lockedBy })}
          data-testid="row-lock"
        />
      )}
      <Text size="xs" c="dimmed">
        {size}
      </Text>
    </button>
  );
}
