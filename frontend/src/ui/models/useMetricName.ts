import { useTranslation } from "react-i18next";

/** The name of a metric as people write it. */
export function useMetricName(): (name: string) => string {
  const { t } = useTranslation("pages");
  return (name) => {
    // The figure of one label is named `precision:Tumour`.
    const [metric = name, ...label] = name.split(":");
    const words = t(`models.metricNames.${metric}`, { defaultValue: metric.replaceAll("_", " ") });
    return label.length === 0 ? words : t("models.metricOf", { metric: words, label: label.join(":") });
  };
}
