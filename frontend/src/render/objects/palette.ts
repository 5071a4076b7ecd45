/** The colours of labels by their place: the set's own first, then those that reviewers gave instead. */
import type { LabelPlace } from "./cells";
import type { Palette } from "./painter";

export interface SetLabel {
  label_id: string | null;
  name: string;
  colour: string;
}

interface PaletteLook {
  hiddenLabels: ReadonlySet<string>;
  colourOf(labelId: string | null): string | null;
}

const GREY = "#999999";

/** Red, green and blue (0 to 255) of a colour such as #d55e00. */
export function rgb(hex: string): [number, number, number] {
  const long = hex.length === 4 ? `#${hex.slice(1).replace(/./g, "$&$&")}` : hex;
  return [1, 3, 5].map((at) => parseInt(long.slice(at, at + 2), 16) || 0) as [number, number, number];
}

export class LabelPalette {
  private entries: SetLabel[] = [];
  private places = new Map<string, LabelPlace>();
  private look: PaletteLook = { hiddenLabels: new Set(), colourOf: () => null };
  private card: Palette = { colours: new Uint8Array(4), version: 0 };
  private stale = true;

  setLabels(labels: readonly SetLabel[]): void {
    const given = this.entries.slice(labels.length);
    this.entries = [...labels];
    this.places = new Map();
    for (const [place, { label_id }] of labels.entries()) if (label_id !== null) this.places.set(label_id, place);
    // Places that were handed out stay good for tiles that are held.
    for (const entry of given) this.append(entry);
    this.stale = true;
  }

  setLook(look: PaletteLook): void {
    this.look = look;
    this.stale = true;
  }

  placeOf(labelId: string): LabelPlace {
    return this.places.get(labelId) ?? this.append({ label_id: labelId, name: labelId, colour: GREY });
  }

  labelIdOf(place: LabelPlace): string | null {
    return this.entries[place]?.label_id ?? null;
  }

  nameOf(place: LabelPlace): string {
    return this.entries[place]?.name ?? "";
  }

  isSeen(place: LabelPlace): boolean {
    const id = this.labelIdOf(place);
    return id === null || !this.look.hiddenLabels.has(id);
  }

  forCard(): Palette {
    if (!this.stale) return this.card;
    const colours = new Uint8Array(4 * Math.max(1, this.entries.length));
    for (const [place, { label_id, colour }] of this.entries.entries()) {
      const shown = this.look.colourOf(label_id) ?? colour;
      colours.set([...rgb(shown || GREY), this.isSeen(place) ? 255 : 0], 4 * place);
    }
    this.card = { colours, version: this.card.version + 1 };
    this.stale = false;
    return this.card;
  }

  private append(entry: SetLabel): LabelPlace {
    const place = this.entries.length;
    this.entries.push(entry);
    if (entry.label_id !== null) this.places.set(entry.label_id, place);
    this.stale = true;
    return place;
  }
}
