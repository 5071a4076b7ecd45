import { useTranslation } from "react-i18next";
import { metricName } from "./metricName";

/** The name of a metric as people write it; the caller is drawn anew when the language changes. */
export function useMetricName(): (name: string) => string {
  useTranslation("pages");
  return metricName;
}
