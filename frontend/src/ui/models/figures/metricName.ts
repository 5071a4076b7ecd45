import i18next from "i18next";

/** The name of a metric as people write it, in the language of the page. */
export function metricName(name: string): string {
  const t = i18next.getFixedT(i18next.language, "pages");
  // The figure of one label is named `precision:Tumour`.
  const [metric = name, ...label] = name.split(":");
  const words = t(`models.metricNames.${metric}`, { defaultValue: metric.replaceAll("_", " ") });
  return label.length === 0 ? words : t("models.metricOf", { metric: words, label: label.join(":") });
}
