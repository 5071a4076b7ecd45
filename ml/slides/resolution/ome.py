"""Pixel size and objective power in OME-XML."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.etree import ElementTree as ET

from ml.slides.resolution.lengths import micrometres_per, parse_number
from ml.slides.resolution.scale import StatedSize

_LONGEST: Final = 16_000_000
_PLACE: Final = "OME-XML"


@dataclass
class _Document:
    """Attributes of ``Pixels`` and the objective of each ``Image``; powers of ``Objective`` by id."""

    pixels: list[Mapping[str, str]] = field(default_factory=list)
    objectives: list[str] = field(default_factory=list)
    powers: dict[str, str] = field(default_factory=dict)


def read_ome(text: str, size: tuple[int, int]) -> tuple[StatedSize | None, float | None]:
    """Return the pixel size and objective power of the image that is ``size`` = (width, height) pixels.

    The unit is µm unless ``PhysicalSizeXUnit`` names another one.

    References: OME-XML schema 2016-06, ``Pixels`` and ``UnitsLength``.
    """
    document = _parse(text)
    if not document.pixels:
        return None, None
    sizes = [(one.get("SizeX"), one.get("SizeY")) for one in document.pixels]
    known = (str(size[0]), str(size[1]))
    place = sizes.index(known) if known in sizes else 0
    return _stated(document.pixels[place]), _power(document, place)


def _parse(text: str) -> _Document:
    """Parse start tags only, so that a truncated or damaged end does not matter; entities are refused."""
    document = _Document()
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return document
    try:
        for tag, attributes in _start_tags(text):
            if tag == "Pixels":
                document.pixels.append(attributes)
                document.objectives.extend([""] * (len(document.pixels) - len(document.objectives)))
            elif tag == "Image":
                document.objectives.extend([""] * (len(document.pixels) - len(document.objectives)))
            elif tag == "ObjectiveSettings":
                # It precedes ``Pixels`` inside an ``Image``.
                document.objectives = [*document.objectives[: len(document.pixels)], attributes.get("ID", "")]
            elif tag == "Objective":
                document.powers[attributes.get("ID", "")] = attributes.get("NominalMagnification", "")
    except ET.ParseError:
        pass
    return document


def _start_tags(text: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    stream = io.BytesIO(text[:_LONGEST].strip("\0 \r\n\t").encode())
    for _, element in ET.iterparse(stream, events=("start",)):  # noqa: S314 - entities are refused above
        yield element.tag.rpartition("}")[2], element.attrib


def _stated(pixels: Mapping[str, str]) -> StatedSize | None:
    sides: list[float | None] = []
    has_unit = True
    for axis in "XY":
        value = pixels.get(f"PhysicalSize{axis}")
        if value is None:
            sides.append(None)
            continue
        micrometres = micrometres_per(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        has_unit = has_unit and micrometres is not None
        sides.append(parse_number(value) * (micrometres if micrometres is not None else 1.0))
    if sides == [None, None]:
        return None
    return StatedSize(_PLACE, sides[0], sides[1], has_unit)


def _power(document: _Document, place: int) -> float | None:
    identity = document.objectives[place] if place < len(document.objectives) else ""
    only = next(iter(document.powers.values())) if len(document.powers) == 1 else ""
    text = document.powers.get(identity, only)
    return parse_number(text) if text else None
