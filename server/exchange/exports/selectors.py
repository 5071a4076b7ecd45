"""Export annotations, finished regions and suggestions as GeoJSON or HistoML."""

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
from ml.objectset.geojson import measurements_of
from ml.slides.resolution import Resolution
from server.accounts.models import User
from server.annotations.geometry import valid_geometry, valid_shape
from server.annotations.models import Annotation
from server.annotations.selectors import annotations_visible_to, regions_visible_to
from server.core.files.names import DistinctNames
from server.exchange.formats.archives import DESCRIPTION, SHAPES
from server.exchange.formats.geojson import write_feature
from server.exchange.formats.sizes import measure
from server.objects.models import ObjectSet
from server.objects.selectors import object_sets_visible_to, open_object_set
from server.projects.models import Label, Project
from server.review.selectors import decisions_of
from server.slides.models import Slide
from server.slides.selectors import slides_visible_to

BLOCK = 4096


def export_features(actor: User, slide: Slide, *, suggestions: bool) -> Iterator[dict[str, Any]]:
    """Yield the features of a slide: annotations, finished regions, and suggestions on request.

    Every geometry is valid (OGC simple features), also of rows stored before outlines were mended.
    """
    drawn = annotations_visible_to(actor).filter(slide=slide).select_related("label")
    for row in drawn:
        yield _annotation_feature(row, slide)
    for region in regions_visible_to(actor).filter(slide=slide):
        yield write_feature(
            feature_id=str(region.pk),
            geometry=valid_geometry(region.geometry),
            kind="annotation",
            label=None,
            colour=None,
            properties={},
            is_finished_region=True,
        )
    if suggestions:
        sets = object_sets_visible_to(actor).filter(
            slide=slide, state=ObjectSet.State.READY, superseded_at__isnull=True
        )
        for object_set in sets:
            yield from _suggestions(object_set, slide.resolution)


def _annotation_feature(row: Annotation, slide: Slide) -> dict[str, Any]:
    properties: dict[str, Any] = {"name": row.note} if row.note else {}
    measurements = dict(row.source.get("measurements", {}))
    geometry = valid_geometry(row.geometry)
    measurements |= measure(geometry, slide.resolution)
    measurements |= {name: row.source[name] for name in ("score", "uncertainty") if name in row.source}
    if measurements:
        properties["measurements"] = measurements
    return write_feature(
        feature_id=str(row.pk),
        geometry=geometry,
        kind="cell" if row.nucleus else "annotation",
        label=row.label.name if row.label else None,
        colour=row.label.colour if row.label else None,
        properties=properties,
        shape=row.shape,
        author=row.source.get("author") or row.author.username,
        nucleus=row.nucleus and valid_geometry(row.nucleus),
        revision=row.revision,
        label_id=str(row.label.pk) if row.label else None,
    )


def write_collection(stream: IO[str], features: Iterator[dict[str, Any]], slide: Slide | None = None) -> None:
    """Write a FeatureCollection feature by feature, with the content hash of its slide where given."""
    of_slide = {"sha256": slide.sha256, "width": slide.width, "height": slide.height} if slide else None
    member = f' "slide": {json.dumps(of_slide)},' if of_slide else ""
    stream.write(f'{{"type": "FeatureCollection",{member} "features": [')
    for number, feature in enumerate(features):
        stream.write(",\n" if number else "\n")
        json.dump(feature, stream)
    stream.write("\n]}\n")


def write_project_archive(actor: User, project: Project, sink: IO[bytes]) -> None:
    """Write a ZIP with one GeoJSON per ready slide; names that differ only in case get a hash."""
    names = DistinctNames()
    slides = slides_visible_to(actor).filter(project=project, state=Slide.State.READY)
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for slide in slides:
            name = names.take(slide.name, ".geojson", identity=slide.sha256)
            with archive.open(name, "w") as member, io.TextIOWrapper(member, "utf-8") as text:
                write_collection(text, export_features(actor, slide, suggestions=True), slide)


def write_histoml_archive(actor: User, slide: Slide, sink: IO[bytes]) -> None:
    """Write a ZIP with HistoML and, under the same ids, the outlines, without suggestions."""
    features = list(export_features(actor, slide, suggestions=False))
    facts = SlideFacts(
        slide.sha256, slide.width, slide.height, slide.mpp_x, slide.mpp_y, slide.magnification, slide.format
    )
    labels = Label.objects.filter(project_id=slide.project_id).exclude(snomed="")
    text = write_histoml(features, facts, dict(labels.values_list("name", "snomed")), _origins(actor, slide))
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(DESCRIPTION, text)
        with archive.open(SHAPES, "w") as member, io.TextIOWrapper(member, "utf-8") as outlines:
            write_collection(outlines, iter(features), slide)


def _origins(actor: User, slide: Slide) -> dict[str, Origin]:
    drawn = annotations_visible_to(actor).filter(slide=slide)
    sets = object_sets_visible_to(actor).filter(slide=slide)
    producers: dict[UUID | None, str] = {row.pk: row.producer_name for row in sets}
    rows = drawn.values_list("pk", "author__username", "updated_at", "parent_object_set_id")
    return {
        str(pk): Origin(author, changed.isoformat(), producers.get(parent, ""))
        for pk, author, changed, parent in rows
    }


def _suggestions(object_set: ObjectSet, resolution: Resolution | None) -> Iterator[dict[str, Any]]:
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
                geometry=mapping(shape if shape.is_valid else valid_shape(shape)),
                kind="detection",
                label=label["name"],
                colour=label["colour"],
                properties={
                    "measurements": {
                        **measure(mapping(shape), resolution),
                        **measurements_of(columns, index),
                    },
                    "metadata": {"verdict": state, "made by": object_set.producer_name},
                },
            )
