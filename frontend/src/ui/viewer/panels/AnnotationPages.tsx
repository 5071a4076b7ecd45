import { Alert, Loader, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useRef, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { Item } from "@/core/annotations";
import type { PixelSize } from "@/core/geometry/pixelSize";
import { itemFrom } from "@/sync/edits/autosave";
import { api, read } from "@/sync/client";
import type { Annotation, Label } from "@/sync/types";
import { sayError } from "../../shared/serverTexts";
import { AnnotationRow } from "./AnnotationRow";
import { areaText, lengthText } from "../format";
import { NO_LABEL_COLOUR } from "./useLayers";

interface Props {
  slideId: string;
  search: string;
  order: string;
  /** True when nothing waits to be saved: only then does the server know all. */
  saved: boolean;
  labels: readonly Label[];
  selected: readonly string[];
  pixelSize: PixelSize | null;
  mayEdit: (item: Item) => boolean;
  onChoose: (annotation: Annotation, shift: boolean) => void;
}

const PAGE_SIZE = 100;

function usePages(slideId: string, search: string, order: string) {
  return useInfiniteQuery({
    queryKey: ["annotations", slideId, search, order],
    queryFn: ({ pageParam, signal }) =>
      read(
        api.GET("/slides/{slide_id}/annotations", {
          params: {
            path: { slide_id: slideId },
            query: { search, order: order === "new" ? "newest" : "largest", page: pageParam, page_size: PAGE_SIZE },
          },
          signal,
        }),
      ),
    initialPageParam: 1,
    getNextPageParam: (last, _, page) => (last.next === null ? undefined : page + 1),
  });
}

function sizeOf({ area_px, length_px, geometry }: Annotation, pixelSize: PixelSize | null): string {
  if (area_px) return areaText(area_px, pixelSize);
  return length_px ? lengthText(geometry, pixelSize) : "";
}

/** The annotations of a slide that has too many to hold: searched and ordered by the server, page by page. */
export function AnnotationPages({
  slideId,
  search,
  order,
  saved,
  labels,
  selected,
  pixelSize,
  mayEdit,
  onChoose,
}: Props): ReactElement {
  const { t } = useTranslation(["viewer", "objects"]);
  const { data, error, fetchNextPage, hasNextPage, isFetching, refetch } = usePages(slideId, search.trim(), order);
  const end = useRef<HTMLDivElement>(null);
  const first = useRef(true);
  useEffect(() => {
    if (saved && !first.current) void refetch();
    first.current = false;
  }, [saved, refetch]);
  useEffect(() => {
    const place = end.current;
    if (!place || !hasNextPage || isFetching) return undefined;
    const observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && void fetchNextPage(),
    );
    observer.observe(place);
    return () => observer.disconnect();
  }, [hasNextPage, isFetching, fetchNextPage]);
  const byId = new Map(labels.map((label) => [label.id, label]));
  return (
    <>
      {error && <Alert color="red">{sayError(error)}</Alert>}
      {data && (
        <Text size="xs" c="dimmed">
          {t("objects:annotationsFound", { count: data.pages[0]?.count ?? 0 })}
        </Text>
      )}
      <div role="listbox" aria-label={t("tabAnnotations")} aria-multiselectable>
        {data?.pages
          .flatMap((page) => page.results)
          .map((annotation) => (
            <AnnotationRow
              key={annotation.id}
              name={byId.get(annotation.label_id ?? "")?.name ?? t(`shape.${annotation.shape}`)}
              colour={byId.get(annotation.label_id ?? "")?.colour ?? NO_LABEL_COLOUR}
              size={sizeOf(annotation, pixelSize)}
              selected={selected.includes(annotation.id)}
              lockedBy={mayEdit(itemFrom(annotation)) ? null : itemFrom(annotation).author}
              onClick={(shift) => onChoose(annotation, shift)}
            />
          ))}
      </div>
      <div ref={end} style={{ minHeight: 16, textAlign: "center" }}>
        {isFetching && <Loader size="xs" />}
      </div>
    </>
  );
}
