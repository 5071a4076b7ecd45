"""Channels of a TIFF image: their axis, planes, names and colours.

References
----------
OME-XML schema 2016-06, Channel: ``Color`` is red, green, blue and alpha, a byte each, as a signed integer.

"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import tifffile

from ml.slides.tiff.images import TiffImage, page_number, read_page
from ml.slides.tiff.wide_samples import WIDE
from ml.storage.names import clean_name

MOST_CHANNELS: Final = 32
LONGEST_NAME: Final = 64
LONGEST_HEADER: Final = 4_000_000
_OME_IMAGE: Final = re.compile(r"<(?:\w+:)?Image\b(?P<head>[^>]*)>(?P<body>.*?)</(?:\w+:)?Image>", re.DOTALL)
_OME_CHANNEL: Final = re.compile(r"<(?:\w+:)?Channel\b([^>]*)>")
_OWN_UUID: Final = re.compile(r'<(?:\w+:)?OME\b[^>]*\bUUID="([^"]+)"')
_BINARY_ONLY: Final = re.compile(r'<(?:\w+:)?BinaryOnly\b[^>]*\bMetadataFile="([^"]+)"')
_FILE_UUID: Final = re.compile(r'<(?:\w+:)?UUID\b[^>]*\bFileName="([^"]+)"[^>]*>\s*([^<]+?)\s*<')
_NAME: Final = re.compile(r'\bName="([^"]*)"')
_COLOUR: Final = re.compile(r'\bColor="(-?\d{1,10})"')
_NAME_ELEMENT: Final = re.compile(r"<Name>([^<]*)</Name>")
_COLOUR_ELEMENT: Final = re.compile(r"<Color>\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*</Color>")
_WORD: Final = re.compile(r"[^\W\d_]+")
_FULL: Final = 255
_CHANNEL_KINDS: Final = WIDE | {np.dtype(np.uint8), np.dtype(np.uint16)}

Colour = tuple[int, int, int]
RED_GREEN_BLUE: Final[tuple[Colour, Colour, Colour]] = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
# Words beside the name of a colour that tell nothing.
_FILLERS: Final = frozenset(
    [
        "ch",
        "c",
        "channel",
        "channels",
        "kanal",
        "canal",
        "canale",
        "canaux",
        "kanaal",
        "color",
        "colour",
        "farbe",
        "couleur",
        "colore",
        "plane",
        "component",
        "band",
        "image",
        "bild",
        "of",
        "the",
        "rgb",
        "通道",
    ]
)
_COLOUR_WORDS: Final[dict[Colour, frozenset[str]]] = {
    (255, 0, 0): frozenset(
        [
            "red",
            "r",
            "rot",
            "rouge",
            "rojo",
            "rosso",
            "vermelho",
            "rood",
            "röd",
            "rød",
            "czerwony",
            "červená",
            "красный",
            "红",
            "红色",
            "紅",
            "紅色",
            "赤",
            "빨강",
        ]
    ),
    (0, 255, 0): frozenset(
        [
            "green",
            "g",
            "grün",
            "gruen",
            "vert",
            "verde",
            "groen",
            "grön",
            "grøn",
            "zielony",
            "zelená",
            "зелёный",
            "зеленый",
            "绿",
            "绿色",
            "綠",
            "綠色",
            "緑",
            "초록",
        ]
    ),
    (0, 0, 255): frozenset(
        [
            "blue",
            "b",
            "blau",
            "bleu",
            "azul",
            "blu",
            "blauw",
            "blå",
            "niebieski",
            "modrá",
            "синий",
            "蓝",
            "蓝色",
            "藍",
            "藍色",
            "青",
            "파랑",
        ]
    ),
}


@dataclass(frozen=True)
class Plane:
    """One channel at one level: its page, and its sample in the page; -1 for the page's only one."""

    page: Any
    sample: int


def channel_axis(image: TiffImage) -> str | None:
    """Return the axis of the channels: C, pages of one kind (I, Q), or samples; else None."""
    series = image.series
    if series.dtype not in _CHANNEL_KINDS or series.keyframe.imagedepth != 1:
        return None
    sizes = dict(zip(series.axes, series.shape, strict=True))
    photometric = int(series.keyframe.photometric)
    samples = sizes.get("S", 1)
    if samples == 1 and photometric == tifffile.PHOTOMETRIC.MINISBLACK:
        axis = next((name for name in "CIQ" if 1 < sizes.get(name, 1) <= MOST_CHANNELS), None)
        return axis if axis and all(page is not None for page in series.pages) else None
    others = [size for name, size in sizes.items() if name not in "YXS"]
    plain = photometric in {tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB}
    colours = 3 if photometric == tifffile.PHOTOMETRIC.RGB else 1
    unnamed = all(int(kind) == 0 for kind in series.keyframe.extrasamples)
    fits = plain and unnamed and colours < samples <= MOST_CHANNELS and all(size == 1 for size in others)
    return "S" if fits else None


def channel_planes(level: Any, axis: str, plane: int = 0) -> list[Plane]:
    """Return the planes of all channels at one level and focal plane, at the first time point."""
    if axis == "S":
        page = level.pages[0]
        return [Plane(page, sample) for sample in range(int(page.keyframe.samplesperpixel))]
    count = level.shape[level.axes.index(axis)]
    numbers = [page_number(level, **{axis: index, "Z": plane}) for index in range(count)]
    return [Plane(read_page(level, number), -1) for number in numbers]


def ome_xml(tiff: Any, image: TiffImage) -> str:
    """Return the OME-XML of one image, with its channels; empty for a file without."""
    if not tiff.is_ome:
        return ""
    text = (tiff.pages[0].description or "")[:LONGEST_HEADER]
    blocks = [match[0] for match in _OME_IMAGE.finditer(text)]
    names = {image.name, str(image.series.name or "")} - {""}
    size = (f'SizeX="{image.width}"', f'SizeY="{image.height}"')
    of_size = [block for block in blocks if all(part in block for part in size)]
    named = [
        block
        for block in of_size
        if (match := _NAME.search(block.partition(">")[0])) and html.unescape(match[1]) in names
    ]
    ordered = blocks[image.position] if image.position < len(blocks) else ""
    if ordered in (named or of_size):
        return ordered
    return next(iter(named or of_size), ordered)


def other_files(tiff: Any) -> list[str]:
    """Return the names of the other files of an OME-TIFF set that hold a part of this file's image."""
    if not tiff.is_ome:
        return []
    text = (tiff.pages[0].description or "")[:LONGEST_HEADER]
    own = _OWN_UUID.search(text)
    names: dict[str, None] = {}
    for image in _OME_IMAGE.finditer(text):
        files = {uuid: name for name, uuid in _FILE_UUID.findall(image[0])}
        if len(files) > 1 and (own is None or own[1] in files):
            names |= dict.fromkeys(name for uuid, name in files.items() if own is None or uuid != own[1])
    cleaned = (clean_name(html.unescape(name), LONGEST_NAME) for name in names)
    return [name for name in cleaned if name]


def metadata_file(tiff: Any) -> str | None:
    """Return the name of the companion file that holds the OME-XML of a file of an OME-TIFF set."""
    match = _BINARY_ONLY.search((tiff.pages[0].description or "")[:LONGEST_HEADER]) if tiff.is_ome else None
    return (clean_name(html.unescape(match[1]), LONGEST_NAME) or None) if match else None


def channel_names(tiff: Any, image: TiffImage, count: int) -> list[str]:
    """Return the names of the channels, each different from the others.

    They are taken from OME-XML, then from the pages, then from ImageJ; else they are numbers.
    """
    stated = _stated_names(tiff, image, count)
    if int(image.series.keyframe.photometric) == tifffile.PHOTOMETRIC.RGB and len(stated) < count:
        stated = ["Red", "Green", "Blue"]
    return distinct_names(stated, count)


def channel_colours(tiff: Any, image: TiffImage, count: int) -> list[Colour | None]:
    """Return the display colour of each channel in the file, None where it states none.

    White for every channel is the default of some writers, and black would show nothing: both count as none.
    """
    colours = [*_stated_colours(tiff, image, count), *([None] * count)][:count]
    stated = [colour if colour and any(colour) else None for colour in colours]
    return [None] * count if count > 1 and set(stated) <= {(_FULL,) * 3, None} else stated


def colour_of_name(name: str) -> Colour | None:
    """Return the colour in a channel's name, such as "Red" or "Kanal: Rot"; else None."""
    words = [word for word in _WORD.findall(name.lower()) if word not in _FILLERS]
    if len(words) != 1:
        return None
    return next((colour for colour, known in _COLOUR_WORDS.items() if words[0] in known), None)


def is_nameless(name: str) -> bool:
    """Return whether a name carries no information, such as "Channel 1"."""
    return all(word in _FILLERS for word in _WORD.findall(name.lower()))


def planes_of_colours(colours: Sequence[Colour | None]) -> tuple[int, int, int] | None:
    """Return which of three channels are red, green and blue; None unless each occurs once."""
    if len(colours) != len(RED_GREEN_BLUE) or set(colours) != set(RED_GREEN_BLUE):
        return None
    red, green, blue = (list(colours).index(colour) for colour in RED_GREEN_BLUE)
    return red, green, blue


def _stated_names(tiff: Any, image: TiffImage, count: int) -> list[str]:
    if tiff.is_ome:
        matches = [_NAME.search(match[1]) for match in _OME_CHANNEL.finditer(ome_xml(tiff, image))]
        return [html.unescape(name[1]) if name else "" for name in matches]
    if tiff.is_qpi:
        matches = [_NAME_ELEMENT.search(text) for text in _page_texts(image, count)]
        return [html.unescape(match[1]) if match else "" for match in matches]
    if tiff.is_imagej and isinstance(tiff.imagej_metadata, dict):
        return [str(label) for label in tiff.imagej_metadata.get("Labels") or ()]
    return []


def _stated_colours(tiff: Any, image: TiffImage, count: int) -> list[Colour | None]:
    if tiff.is_ome:
        matches = [_COLOUR.search(match[1]) for match in _OME_CHANNEL.finditer(ome_xml(tiff, image))]
        return [_unpack(int(colour[1])) if colour else None for colour in matches]
    if tiff.is_qpi:
        colours = [_COLOUR_ELEMENT.search(text) for text in _page_texts(image, count)]
        return [_bytes(colour[1], colour[2], colour[3]) if colour else None for colour in colours]
    if tiff.is_imagej and isinstance(tiff.imagej_metadata, dict):
        tables = [np.asarray(table) for table in tiff.imagej_metadata.get("LUTs") or ()]
        fits = [table.ndim == 2 and table.shape[0] == 3 and table.shape[1] > 0 for table in tables]  # noqa: PLR2004
        return [_bytes(*table[:, -1]) if fit else None for table, fit in zip(tables, fits, strict=True)]
    return []


def _page_texts(image: TiffImage, count: int) -> list[str]:
    return [str(getattr(page, "description", "") or "") for page in image.series.pages[:count]]


def _unpack(value: int) -> Colour:
    """Return red, green and blue of a signed integer of the bytes red, green, blue, alpha."""
    bits = value & 0xFFFFFFFF
    return bits >> 24, bits >> 16 & _FULL, bits >> 8 & _FULL


def _bytes(red: Any, green: Any, blue: Any) -> Colour:
    return min(_FULL, int(red)), min(_FULL, int(green)), min(_FULL, int(blue))


def distinct_names(stated: Sequence[str], count: int) -> list[str]:
    """Return the displayed names of channels, each different from the others and none empty."""
    names: list[str] = []
    for index in range(count):
        text = stated[index] if index < len(stated) else ""
        name = clean_name(text, LONGEST_NAME) or f"Channel {index + 1}"
        names.append(f"{name} ({index + 1})" if name in names else name)
    return names
