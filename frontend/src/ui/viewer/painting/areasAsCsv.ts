import type { Label, PaintedArea } from "@/sync/types";

/** A field of a CSV file (RFC 4180); what a spreadsheet would take for a formula starts with an apostrophe. */
function field(value: string | number | null): string {
  const text = value === null ? "" : String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The painted area of each label as CSV: slide, label, cells, share, mm². */
export function areasAsCsv(slide: string, areas: readonly PaintedArea[], labels: readonly Label[]): string {
  const rows = areas.map(({ label_id, cells, share, mm2 }) => [
    slide,
    labels.find(({ id }) => id === label_id)?.name ?? "",
    cells,
    share,
    mm2,
  ]);
  return [["slide", "label", "cells", "share", "mm2"], ...rows]
    .map((row) => `${row.map(field).join(",")}\r\n`)
    .join("");
}
