import { useMemo } from "react";
import { useTranslation } from "react-i18next";

const KIBI = 1024;
const BYTE_UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
const RELATIVE_STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

export interface Format {
  /** A whole or decimal number with the grouping of the language. */
  readonly number: (value: number, digits?: number) => string;
  /** A fraction between 0 and 1 as a percentage. */
  readonly percent: (fraction: number, digits?: number) => string;
  /** An interval after its value; nothing where it is not known. */
  readonly ends: (ends: readonly [number, number] | null) => string;
  /** A date and a time, short. */
  readonly dateTime: (iso: string) => string;
  /** How long ago, up to a week; after that the date. */
  readonly ago: (iso: string) => string;
  /** A file's size with its unit. */
  readonly bytes: (count: number) => string;
  /** The time between two times: minutes and seconds, or seconds with a decimal when it is short. */
  readonly duration: (from: string, to: string) => string;
}

function formatAgo(language: string, iso: string): string {
  const seconds = (new Date(iso).getTime() - Date.now()) / 1000;
  if (Math.abs(seconds) > 7 * 86_400) {
    return new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(new Date(iso));
  }
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  for (const [unit, size] of RELATIVE_STEPS) {
    if (Math.abs(seconds) >= size) {
      return relative.format(Math.round(seconds / size), unit);
    }
  }
  return relative.format(0, "second");
}

function formatBytes(language: string, count: number): string {
  const step = count < 1 ? 0 : Math.floor(Math.log(count) / Math.log(KIBI));
  const index = Math.min(step, BYTE_UNITS.length - 1);
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: BYTE_UNITS[index] ?? "byte",
    maximumFractionDigits: index < 2 ? 0 : 1,
  }).format(count / KIBI ** index);
}

const SHORT_SECONDS = 10;

function formatDuration(language: string, from: string, to: string): string {
  const exact = Math.max(0, (new Date(to).getTime() - new Date(from).getTime()) / 1000);
  if (exact < SHORT_SECONDS) {
    const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
    return new Intl.NumberFormat(language, { style: "unit", unit: "second", unitDisplay: "short", ...digits }).format(
      exact,
    );
  }
  const seconds = Math.round(exact);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const pad = (value: number) => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${pad(minutes % 60)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`;
}

/** Formatters of the chosen language. */
export function createFormat(language: string): Format {
  const number = (value: number, digits = 0) =>
    new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
  return {
    number,
    ends: (ends) => (ends === null ? "" : ` (${number(ends[0], 3)} – ${number(ends[1], 3)})`),
    percent: (fraction, digits = 0) =>
      new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: digits }).format(fraction),
    dateTime: (iso) =>
      new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso)),
    ago: (iso) => formatAgo(language, iso),
    bytes: (count) => formatBytes(language, count),
    duration: (from, to) => formatDuration(language, from, to),
  };
}

export function useFormat(): Format {
  const { i18n } = useTranslation();
  return useMemo(() => createFormat(i18n.language), [i18n.language]);
}
