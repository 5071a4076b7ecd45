"""Images of a TIFF: the slide, its label, macro photograph and thumbnail."""

from __future__ import annotations

import copy
import math
import re
from dataclasses import dataclass
from typing import Any, Final

LABEL, MACRO, THUMBNAIL, SLIDE = "label", "macro", "thumbnail", "slide"
# An image of more than this share of the largest one's area may be the slide as well.
_SIMILAR: Final = 0.25
_LONGEST_TEXT: Final = 200
_PAGE_NAME: Final = "PageName"
_WORDS: Final = {
    LABEL: """
        label, labels, barcode, bar code, slide label, etikett, beschriftung, étiquette, etiquette, etiqueta,
        etichetta, 标签, 標籤, 条码""",
    MACRO: """
        macro, macroscopic, overview, navigator, navigation, preview, slide preview, makro, übersicht,
        übersichtsbild, uebersicht, vorschau, aperçu, apercu, vue d'ensemble, vista general, vista previa,
        panoramica, panorámica, anteprima, 宏观, 宏观图, 宏觀, 概览, 概览图, 全景, 预览""",
    THUMBNAIL: """
        thumbnail, thumbnails, thumb, thumbs, vignette, miniature, miniatur, miniaturbild, miniatura, 缩略图,
        縮圖""",
}
_PICTURE: Final = r"(?:image|picture|photo|photograph|camera|view|scan|bild|foto|图像|图片|照片|图)"
_OF_SLIDE: Final = r"(?:of(?: the)? (?:slide|specimen))"


def _role_pattern(words: str) -> re.Pattern[str]:
    """Return a pattern of names that end in one of the words, such as "slide.svs [macro image]"."""
    names = sorted((word.strip() for word in words.split(",")), key=len, reverse=True)
    alternatives = "|".join(map(re.escape, names))
    return re.compile(
        rf"(?:.*[\W_])?(?:{alternatives})(?:[\W_]*{_PICTURE})?(?:[\W_]*{_OF_SLIDE})?[\W_\d]*",
        re.IGNORECASE | re.DOTALL,
    )


_ROLES: Final = {role: _role_pattern(words) for role, words in _WORDS.items()}
# Aperio: "macro 1280x431" in a line of its own.
_APERIO: Final = re.compile(r"^(label|macro|thumbnail)\s+\d+x\d+", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class TiffImage:
    """One image of a TIFF. ``series`` holds its pages, and ``position`` counts the series of the file.

    ``page`` is which of several equal pages of the series it is; ``width`` and ``height`` are those of the
    full resolution as stored.
    """

    name: str
    role: str
    series: Any
    position: int
    page: int
    width: int
    height: int

    @property
    def level_count(self) -> int:
        """Return the number of stored resolutions."""
        return len(self.series.levels)

    @property
    def area(self) -> int:
        """Return the number of pixels at full resolution."""
        return self.width * self.height

    @property
    def plane_count(self) -> int:
        """Return the number of readable focal planes: 1 where they do not have a page each."""
        stored = {name: self.length_of(name) for name in self.series.axes if name not in "YXS"}
        has_pages = self.series.is_truncated or len(self.series.pages) >= math.prod(stored.values())
        return stored.get("Z", 1) if has_pages else 1

    def length_of(self, axis: str) -> int:
        """Return the length of an axis such as Z (focal planes) or T (time points); 1 where there is none."""
        return int(dict(zip(self.series.axes, self.series.shape, strict=True)).get(axis, 1))

    def page_at(self, level: int = 0, plane: int = 0) -> Any:
        """Return the page of a level and focal plane, at the first time point and channel."""
        series = self.series.levels[level]
        return read_page(series, self.page or page_number(series, Z=plane))


def list_images(tiff: Any) -> list[TiffImage]:
    """Return the images of an open TIFF in the file's order, pyramids as one image each."""
    images: list[TiffImage] = []
    for position, series in enumerate(tiff.series):
        keyframe = series.keyframe
        if keyframe is None or not {"Y", "X"} <= set(series.axes) or keyframe.imagewidth < 1:
            continue
        for page in range(_equal_pages(series)):
            name = _name_of(tiff, series, page)
            images.append(
                TiffImage(
                    name=name,
                    role=_role_of(tiff, series, name, page),
                    series=series,
                    position=position,
                    page=page,
                    width=int(keyframe.imagewidth),
                    height=int(keyframe.imagelength),
                )
            )
    return images


def page_number(level: Any, **place: int) -> int:
    """Return the number of the page of a level at a place on its axes, such as ``Z=2``; 0 on the others.

    A place beyond the end of its axis is the last one.
    """
    sizes = {name: size for name, size in zip(level.axes, level.shape, strict=True) if name not in "YXS"}
    number = 0
    for name, size in sizes.items():
        number = number * size + min(place.get(name, 0), size - 1)
    return number


def read_page(level: Any, number: int) -> Any:
    """Return one page of a level; the describing page of the series where the file lacks it.

    ImageJ describes the first page alone of a stack above 4 GB; the pixels of the others follow it.
    """
    pages = level.pages
    if level.is_truncated and len(pages) == 1:
        page = copy.copy(pages[0])
        length = math.prod(page.shape) * page.dtype.itemsize
        page.dataoffsets = tuple(offset + number * length for offset in page.dataoffsets)
        return page
    page = pages[number] if number < len(pages) else None
    return page if page is not None else level.keyframe


def choose_image(images: list[TiffImage]) -> tuple[int, tuple[int, ...]]:
    """Return the index of the slide, and those of all images that may be the slide as well.

    The slide is the largest pyramid, else the largest image; labels, macro photographs and thumbnails
    never are. The second value holds the first one alone when there is no doubt, and nothing when the
    file holds no slide at all; the index is then of the largest image.
    """
    numbers = sorted(range(len(images)), key=lambda index: (-images[index].area, index))
    candidates = [index for index in numbers if images[index].role == SLIDE]
    if not candidates:
        return numbers[0], ()
    largest = images[candidates[0]].area
    rivals = [index for index in candidates if images[index].area > _SIMILAR * largest]
    pyramids = [index for index in rivals if images[index].level_count > 1]
    doubtful = pyramids or rivals
    return doubtful[0], tuple(doubtful)


def role_of_name(name: str) -> str:
    """Return the role in an image's name: label, macro, thumbnail, else slide."""
    for role, pattern in _ROLES.items():
        if pattern.fullmatch(name.strip()):
            return role
    return SLIDE


def _equal_pages(series: Any) -> int:
    """Return the number of images of a series: equal colour pages without a stated axis are one each."""
    sizes = dict(zip(series.axes, series.shape, strict=True))
    colour = sizes.get("S", 1) > 1
    unstated = [axis for axis in series.axes if axis in "IQ" and sizes[axis] > 1]
    stated = [axis for axis in series.axes if axis not in "YXSIQ" and sizes[axis] > 1]
    return int(sizes[unstated[0]]) if colour and len(unstated) == 1 and not stated else 1


def _name_of(tiff: Any, series: Any, page: int) -> str:
    """Return an image's name in the file, empty where it has none."""
    if series.kind == "ome":
        return "" if series.name == "Baseline" else str(series.name or "")
    if series.kind == "svs":
        return str(series.name or "")
    one = series.pages[page]
    keyframe = one if one is not None and hasattr(one, "tags") else series.keyframe
    tag = keyframe.tags.get(_PAGE_NAME)
    text = str(tag.value) if tag is not None else (keyframe.description or "")
    del tiff
    return text.strip() if len(text) <= _LONGEST_TEXT and not text.lstrip().startswith(("{", "<")) else ""


def _role_of(tiff: Any, series: Any, name: str, page: int) -> str:
    role = role_of_name(name)
    if role != SLIDE:
        return role
    if series.kind == "ome":
        return SLIDE
    one = series.pages[page]
    keyframe = one if one is not None and hasattr(one, "tags") else series.keyframe
    aperio = _APERIO.search((keyframe.description or "")[:_LONGEST_TEXT])
    if aperio:
        return aperio[1].lower()
    reduced = bool(int(keyframe.subfiletype or 0) & 1) and len(tiff.pages) > 1
    return THUMBNAIL if reduced else SLIDE
