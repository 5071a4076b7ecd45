"""Identification of annotations and regions of a slide in the rows of a file.

The identity of a shape is the id under which it was exported from here. Other programs keep such an id when
they edit the shape. A UUID of another program becomes the id of the new annotation, so that the next file of
that program updates it. Shapes without a usable id are recognised by their content.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import shapely
from shapely.geometry import shape as to_shapely

from server.annotations.models import Annotation, Region, Revision
from server.annotations.selectors import annotations_with_ids, regions_with_ids, revisions_of_each
from server.exchange.formats.shapes import ForeignShape
from server.slides.models import Slide

BATCH: Final = 1000
# Coordinates are stored with two decimals: two writers of one number differ by less than this.
TOLERANCE_PX: Final = 0.011


@dataclass(slots=True)
class Known:
    """Rows of the database that correspond to the shapes of a file.

    ``annotations`` and ``regions`` hold those of the slide by id, also the deleted and the revoked ones;
    ``taken`` are ids in use on other slides; ``revisions`` are the earlier revisions of the annotations.
    """

    annotations: dict[uuid.UUID, Annotation] = field(default_factory=dict)
    regions: dict[uuid.UUID, Region] = field(default_factory=dict)
    taken: set[uuid.UUID] = field(default_factory=set)
    revisions: dict[uuid.UUID, list[Revision]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Identity:
    """Ids that a shape may have on the slide.

    ``named`` are those that follow from an id that only this shape has in the file, the most certain first.
    ``shared`` is an id that several shapes of the file have. ``content`` follows from everything that
    tells two shapes apart, ``former`` from less: files imported before notes counted are known by it.
    """

    named: tuple[uuid.UUID, ...]
    shared: uuid.UUID | None
    content: uuid.UUID
    former: uuid.UUID

    @property
    def candidates(self) -> tuple[uuid.UUID, ...]:
        """All ids to look up."""
        shared = () if self.shared is None else (self.shared,)
        return (*self.named, *shared, self.content, self.former)

    def new_id(self, taken: set[uuid.UUID]) -> uuid.UUID:
        """Return the id of a new annotation; ``taken`` are ids in use on other slides."""
        return next((pk for pk in self.named if pk not in taken), self.content)


def identify(slide: Slide, shapes: Sequence[ForeignShape]) -> list[Identity]:
    """Return the identity of each shape, in their order."""
    times = Counter(shape.id for shape in shapes if shape.id)
    return [_identity(slide, shape, is_once=times[shape.id or ""] == 1) for shape in shapes]


def load_known(slide: Slide, identities: Iterable[Identity]) -> Known:
    """Read the annotations and regions of the slide with these identities."""
    ids = list({pk for identity in identities for pk in identity.candidates})
    known = Known()
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        drawn = annotations_with_ids(batch)
        for row in drawn:
            if row.slide_id == slide.pk:
                known.annotations[row.pk] = row
            else:
                known.taken.add(row.pk)
        for region in regions_with_ids(batch):
            if region.slide_id == slide.pk:
                known.regions[region.pk] = region
            else:
                known.taken.add(region.pk)
    return known


def load_revisions(known: Known, ids: Sequence[uuid.UUID]) -> None:
    """Read every revision of the annotations with these ids into ``known``."""
    rows: dict[uuid.UUID, list[Revision]] = defaultdict(list)
    for start in range(0, len(ids), BATCH):
        for row in revisions_of_each(ids[start : start + BATCH]):
            rows[row.annotation_id].append(row)
    known.revisions |= rows


def same_geometry(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two GeoJSON geometries are the same shape, wherever their rings begin."""
    if one.get("coordinates") == other.get("coordinates") and one.get("type") == other.get("type"):
        return True
    first, second = (_single(to_shapely(each)) for each in (one, other))
    return bool(shapely.equals_exact(first, second, TOLERANCE_PX, normalize=True))


def _single(geometry: Any) -> Any:
    parts = shapely.get_parts(geometry)
    return parts[0] if len(parts) == 1 else geometry


def _identity(slide: Slide, shape: ForeignShape, *, is_once: bool) -> Identity:
    content = [shape.id, shape.geometry, shape.label]
    full = _by_content(slide, [*content, shape.note, shape.author])
    own = _uuid(shape.id)
    # The second one is for a file of another slide, whose ids are in use there.
    named = (own, uuid.uuid5(slide.pk, str(own))) if own is not None and is_once else ()
    return Identity(named, None if is_once else own, full, _by_content(slide, content))


def _by_content(slide: Slide, content: list[Any]) -> uuid.UUID:
    return uuid.uuid5(slide.pk, json.dumps(content, sort_keys=True, default=str))


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except (ValueError, TypeError, AttributeError):
        return None
