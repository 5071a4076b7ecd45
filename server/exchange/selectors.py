"""What goes out: annotations, finished regions and judged suggestions as GeoJSON, or as HistoML."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import IO, Any
from uuid import UUID

import numpy as np
from shapely.geometry import mapping

from ml.formats.histoml import Origin, SlideFacts, write_histoml
from server.accounts.models import User
from server.annotations.selectors import annotations_visible_to, regions_visible_to
from server.exchange.foreign import DESCRIPTION, SHAPES
from server.exchange.geojson import write_feature
from server.objects.models import ObjectSet
from server.objects.selectors import object_sets_visible_to, open_object_set
from server.projects.models import Label, Project
from server.review.selectors import decisions_of
from server.slides.models import Slide
from server.slides.selectors import slides_visible_to

BLOCK = 4096


def export_features(actor: User, slide: Slide, *, suggestions: bool) -> Iterator[dict[str, Any]]:
    """Yield the features of a slide: what people drew, finished regions, and suggestions when asked."""
    for row in annotations_visible_to(actor).filter(slide=slide).select_related("label"):
        yield write_feature(
            feature_id=str(row.pk),
            geometry=row.geometry,
            kind="annotation",
            label=row.label.name if row.label else None,
            colour=row.label.colour if row.label else None,
            properties={"name": row.note} if row.note else {},
        )
    for region in regions_visible_to(actor).filter(slide=slide):
        yield write_feature(
            feature_id=str(region.pk),
            geometry=region.geometry,
            kind="annotation",
            label=None,
            colour=None,
            properties={"name": "finished", "isLocked": True},
        )
    if suggestions:
        sets = object_sets_visible_to(actor).filter(
            slide=slide, state=ObjectSet.State.READY, superseded_at__isnull=True
        )
        for object_set in sets:
            yield from _suggestions(object_set)


def write_collection(stream: IO[str], features: Iterator[dict[str, Any]]) -> None:
    """Write a FeatureCollection feature by feature."""
    stream.write('{"type": "FeatureCollection", "features": [')
    for number, feature in enumerate(features):
        stream.write(",\n" if number else "\n")
        json.dump(feature, stream)
    stream.write("\n]}\n")


def write_project_archive(actor: User, project: Project, sink: IO[bytes]) -> None:
    """Write a ZIP with one GeoJSON per ready slide; names that occur twice get the content hash."""
    used: set[str] = set()
    slides = slides_visible_to(actor).filter(project=project, state=Slide.State.READY)
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for slide in slides:
            stem = "".join(c if c.isalnum() or c in " ._-" else "_" for c in slide.name).lstrip(".")
            name = f"{stem}.geojson" if stem not in used else f"{stem}-{slide.sha256[:8]}.geojson"
            used.add(stem)
            with archive.open(name, "w") as member, io.TextIOWrapper(member, "utf-8") as text:
                write_collection(text, export_features(actor, slide, suggestions=True))


def write_histoml_archive(actor: User, slide: Slide, sink: IO[bytes]) -> None:
    """Write a ZIP with HistoML and, under the same ids, the outlines. Suggestions are no part of it."""
    features = list(export_features(actor, slide, suggestions=False))
    mpp = slide.mpp_x if slide.mpp_y is None or slide.mpp_x is None else (slide.mpp_x * slide.mpp_y) ** 0.5
    facts = SlideFacts(slide.sha256, slide.width, slide.height, mpp, slide.magnification, slide.format)
    labels = Label.objects.filter(project_id=slide.project_id).exclude(snomed="")
    text = write_histoml(features, facts, dict(labels.values_list("name", "snomed")), _origins(actor, slide))
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(DESCRIPTION, text)
        with archive.open(SHAPES, "w") as member, io.TextIOWrapper(member, "utf-8") as outlines:
            write_collection(outlines, iter(features))


def _origins(actor: User, slide: Slide) -> dict[str, Origin]:
    drawn = annotations_visible_to(actor).filter(slide=slide)
    sets = object_sets_visible_to(actor).filter(slide=slide)
    producers: dict[UUID | None, str] = {row.pk: row.producer_name for row in sets}
    told = drawn.values_list("pk", "author__username", "updated_at", "parent_object_set_id")
    return {
        str(pk): Origin(author, changed.isoformat(), producers.get(parent, ""))
        for pk, author, changed, parent in told
    }


def _suggestions(object_set: ObjectSet) -> Iterator[dict[str, Any]]:
    files = open_object_set(object_set)
    columns = files.columns()
    decisions = decisions_of(object_set)
    names = {str(label["label_id"]): label for label in object_set.labels}
    for start in range(0, object_set.count, BLOCK):
        numbers = np.arange(start, min(start + BLOCK, object_set.count))
        for index, shape in zip(numbers.tolist(), files.geometries(numbers), strict=True):
            state, new_label = decisions.kind_of(index)
            own = object_set.labels[int(columns["label"][index])]
            label = names.get(str(new_label), own) if new_label else own
            yield write_feature(
                feature_id=f"{object_set.pk}:{index}",
                geometry=mapping(shape),
                kind="detection",
                label=label["name"],
                colour=label["colour"],
                properties={
                    "measurements": {
                        "score": round(float(columns["score"][index]), 6),
                        "uncertainty": round(float(columns["uncertainty"][index]), 6),
                    },
                    "metadata": {"verdict": state, "made by": object_set.producer_name},
                },
            )
