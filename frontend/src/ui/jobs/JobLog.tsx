import { Text } from "@mantine/core";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

import type { LogLine } from "@/sync/events";
import { useServerTexts } from "../shared/serverTexts";
import classes from "../training/Training.module.css";

const COLOURS: Record<string, string> = { error: "red", warning: "orange" };

/** A job's log, kept at its end while it grows. */
export function JobLog({ log }: { readonly log: readonly LogLine[] }) {
  const { t } = useTranslation("pages");
  const texts = useServerTexts();
  const place = useRef<HTMLDivElement>(null);
  const count = log.length;
  useEffect(() => {
    if (place.current && count > 0) place.current.scrollTop = place.current.scrollHeight;
  }, [count]);
  return (
    <div ref={place} className={classes.log} role="log" aria-label={t("jobs.log")} tabIndex={0}>
      {count === 0 ? (
        <Text size="xs" c="dimmed">
          {t("jobs.noLog")}
        </Text>
      ) : null}
      {log.map((line, index) => (
        <Text key={index} inherit c={COLOURS[line.level]}>
          {texts.messageText(line.message)}
        </Text>
      ))}
    </div>
  );
}
