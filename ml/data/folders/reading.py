"""Readers of folders of labelled material: class folders, images with masks, slides with GeoJSON or CSV."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from ml.contracts import DataError, Dataset, LabelledImage, LabelledShape, LabelledSlide
from ml.data.folders.slide_table import NAME as SLIDE_TABLE
from ml.data.folders.slide_table import read_slide_table
from ml.messages import Message
from ml.slides import SlideError, open_any
from ml.storage.hashing import content_hash

IMAGES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"}
MASKS = ("labels", "masks")
KINDS = "types"
CLASSES = "classes.json"
OBJECT = "nucleus"
FINISHED = "finished"
UNLABELLED = "unlabelled"
# What other programs leave in folders: .cache, __MACOSX.
HIDDEN = {".", "_"}


def load_dataset(folder: Path) -> Dataset:
    """Readers of folders of labelled material: class folders, images with masks, slides with GeoJSON or CSV.

    ``slides.csv``: whole slides with a label each, and fields of the patient. ``images/`` beside
    ``labels/`` or ``masks/``: files of the same stem belong together; ``classes.json`` names the classes of
    the pixels in ``types/``, or without that folder in ``labels/``. Slides: ``name.tif`` beside
    ``name.geojson`` with QuPath classifications; a feature classified ``finished`` is a finished region.
    Otherwise each sub-folder of images is a class, but ``unlabelled``, whose images have no label. Each
    file is a case of its own, where a table does not say otherwise.
    """
    if not folder.is_dir():
        message = Message("not_a_folder", folder=str(folder))
        raise DataError(message, code="no_data")
    if (folder / SLIDE_TABLE).is_file():
        return read_slide_table(folder)
    if (folder / "images").is_dir():
        return _masked_images(folder)
    if any(folder.glob("*.geojson")):
        return _slides(folder)
    return _class_folders(folder)


def _class_folders(folder: Path) -> Dataset:
    images: list[LabelledImage] = []
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name[0] not in HIDDEN)
    for name in names:
        label = None if name == UNLABELLED else name
        images += [LabelledImage(path, f"{name}/{path.name}", label) for path in _images(folder / name)]
    labels = tuple(name for name in names if any(image.label == name for image in images))
    if not images:
        message = Message("folder_without_data", folder=str(folder))
        raise DataError(message, code="no_data")
    empty = [name for name in names if name not in labels and name != UNLABELLED]
    if empty:
        message = Message(
            "class_folder_empty", folder=str(folder / empty[0]), kinds=", ".join(sorted(IMAGES))
        )
        raise DataError(message, code="empty_class")
    return Dataset(labels, images=tuple(images))


def _masked_images(folder: Path) -> Dataset:
    where = next((folder / name for name in MASKS if (folder / name).is_dir()), None)
    names = _class_names(folder / CLASSES)
    if where is None:
        message = Message("images_without_labels_folder", folder=str(folder / "images"))
        raise DataError(message, code="no_masks")
    masks = {path.stem: path for path in _images(where)}
    kinds = {path.stem: path for path in _images(folder / KINDS)} if (folder / KINDS).is_dir() else masks
    images = tuple(
        LabelledImage(
            path,
            path.stem,
            mask=masks.get(path.stem),
            kinds=kinds.get(path.stem) if names else None,
            names=names,
        )
        for path in _images(folder / "images")
    )
    lacking = [image.path.name for image in images if image.mask is None]
    if lacking or not images:
        message = (
            Message("masks_missing", folder=str(where), images=", ".join(lacking[:5]))
            if lacking
            else Message("masks_all_missing", folder=str(where))
        )
        raise DataError(message, code="no_masks")
    lacking = [image.path.name for image in images if names and image.kinds is None]
    if lacking:
        message = Message(
            "kinds_missing",
            classes=str(folder / CLASSES),
            kinds=str(folder / KINDS),
            images=", ".join(lacking[:5]),
        )
        raise DataError(message, code="no_masks")
    return Dataset(names or (OBJECT,), images=images)


def _class_names(path: Path) -> tuple[str, ...]:
    """Return the names of ``classes.json`` after the first, which is that of 0; none without such a file."""
    if not path.is_file():
        return ()
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = Message("file_not_json", file=str(path), reason=error)
        raise DataError(message, code="bad_classes") from error
    if not isinstance(names, list) or len(names) < 2 or not all(isinstance(name, str) for name in names):  # noqa: PLR2004 - none, and one
        message = Message("class_names_not_listed", file=str(path))
        raise DataError(message, code="bad_classes")
    return tuple(names[1:])


def _slides(folder: Path) -> Dataset:
    slides = []
    for notes in sorted(folder.glob("*.geojson")):
        path = _slide_of(notes)
        shapes, finished = read_annotations(notes)
        try:
            with open_any(path) as reader:
                resolution = reader.resolution
        except SlideError as error:
            message = Message("file_cannot_be_opened", file=str(path), reason=error)
            raise DataError(message, code="bad_slide") from error
        mpp, mpp_y = (resolution.x, resolution.y) if resolution else (None, None)
        slides.append(
            LabelledSlide(path, path.stem, content_hash(path), shapes, finished, mpp=mpp, mpp_y=mpp_y)
        )
    labels = {item.label for slide in slides for item in slide.shapes if item.label}
    split_by = "case" if len(slides) > 1 else "region"
    return Dataset(tuple(sorted(labels)), slides=tuple(slides), split_by=split_by)


def _slide_of(notes: Path) -> Path:
    stem = notes.stem.removesuffix("-truth")
    for path in sorted(notes.parent.iterdir()):
        if path != notes and path.stem == stem and path.suffix != ".geojson":
            return path
    message = Message("notes_without_slide", slide=stem, notes=str(notes))
    raise DataError(message, code="no_slide")


def read_annotations(
    path: Path,
) -> tuple[tuple[LabelledShape, ...], tuple[BaseGeometry, ...]]:
    """Return (shapes, finished regions) of a GeoJSON file; raises DataError that names the feature."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        message = Message("file_not_json", file=str(path), reason=error)
        raise DataError(message, code="bad_geojson") from error
    shapes: list[LabelledShape] = []
    finished: list[BaseGeometry] = []
    for number, feature in enumerate(_features(document)):
        try:
            geometry = shape(feature["geometry"])
            name = (feature.get("properties") or {})["classification"]["name"]
        except (KeyError, TypeError, ValueError, AttributeError, ShapelyError) as error:
            message = Message("feature_unclassified", file=str(path), number=number, reason=error)
            raise DataError(message, code="bad_geojson") from error
        if name == FINISHED:
            finished.append(geometry)
        else:
            digest = hashlib.sha256(geometry.wkb).hexdigest()[:8]
            group = f"{path.stem}:{number}:{digest}"
            shapes.append(LabelledShape(geometry, name, weight=_weight_of(feature), group=group))
    return tuple(shapes), tuple(finished)


def _weight_of(feature: dict[str, Any]) -> float:
    """Return the weight of a shape: less than one for a proposal that nobody has reviewed."""
    metadata = feature["properties"].get("metadata")
    if not isinstance(metadata, dict) or metadata.get("reviewed") is not False:
        return 1.0
    weight = metadata.get("weight")
    return float(weight) if isinstance(weight, int | float) and 0 < weight <= 1 else 1.0


def _features(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        document = document.get("features", [document])
    yield from document


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGES)
