"""The files that slides are stored in: OpenSlide's formats, other TIFF, and plain images."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import tifffile
from numpy.typing import NDArray
from PIL import Image

from ml.contracts import Sentence
from ml.slides.errors import SlideError
from ml.slides.levels import plausible_mpp

SEGMENT_CACHE_BYTES = 64 << 20
MICROMETRES_PER_UNIT = {2: 25_400.0, 3: 10_000.0}


def unreadable(path: Path, reason: object) -> SlideError:
    """Say that pixels of ``path`` could not be had."""
    text = str(reason).strip() or type(reason).__name__
    return SlideError(
        "unreadable",
        Sentence(
            "pixels_unreadable",
            "The pixels of {file} could not be read ({reason}). The file may be damaged or incomplete: "
            "copy it again from the scanner.",
            file=path.name,
            reason=text,
        ),
    )


class OpenSlideSource:
    """What OpenSlide reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._slide = openslide.OpenSlide(path)
        self.sizes = [(int(width), int(height)) for width, height in self._slide.level_dimensions]
        self._downsamples = self._slide.level_downsamples
        properties = self._slide.properties
        found = [properties.get("openslide.mpp-x"), properties.get("openslide.mpp-y")]
        numbers = [float(value) for value in found if value is not None]
        self.mpp = plausible_mpp(sum(numbers) / len(numbers)) if numbers else None
        power = properties.get("openslide.objective-power")
        self.magnification = float(power) if power is not None else None

    def fetch(self, level: int, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        """See ``LevelSource``. OpenSlide takes the corner in level-0 pixels."""
        left, top, right, bottom = box
        corner = (round(left * self._downsamples[level]), round(top * self._downsamples[level]))
        try:
            region = self._slide.read_region(corner, level, (right - left, bottom - top))
        except openslide.OpenSlideError as error:
            raise unreadable(self._path, error) from error
        return over_white(region)

    def close(self) -> None:
        """Release the file."""
        self._slide.close()


def over_white(image: Image.Image) -> NDArray[np.uint8]:
    """Return RGB with transparent pixels laid over white."""
    if "A" not in image.getbands():
        return np.asarray(image.convert("RGB"))
    rgba = np.asarray(image.convert("RGBA"))
    alpha = rgba[..., 3]
    if alpha.min() == np.iinfo(np.uint8).max:
        return np.ascontiguousarray(rgba[..., :3])
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return np.asarray(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB"))


class TiffSource:
    """TIFF that OpenSlide refuses: decodes only the tiles or strips that a box needs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Other files that the header may name are not opened: it is a stranger's text.
        self._file = tifffile.TiffFile(path, _multifile=False)
        try:
            series = self._file.series[0]
            self._pages: list[Any] = [level.keyframe for level in series.levels]
            self._check()
            self.sizes = [(int(page.imagewidth), int(page.imagelength)) for page in self._pages]
            self.mpp = tiff_mpp(self._pages[0])
            self.magnification: float | None = None
            self._cache: OrderedDict[tuple[int, int], NDArray[np.uint8] | None] = OrderedDict()
            self._cached_bytes = 0
            self._maps = [self._map(page) for page in self._pages]
            self.fetch(0, (0, 0, 1, 1))
        except BaseException:
            self._file.close()
            raise

    def _check(self) -> None:
        page = self._pages[0]
        kinds = (np.dtype(np.uint8), np.dtype(np.uint16))
        photometric = (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB)
        fits = (
            page.dtype in kinds
            and page.samplesperpixel in (1, 3, 4)
            and (page.samplesperpixel == 1 or page.planarconfig == tifffile.PLANARCONFIG.CONTIG)
            and (page.photometric in (*photometric, tifffile.PHOTOMETRIC.YCBCR))
            and page.imagedepth == 1
        )
        if not fits:
            raise SlideError(
                "unsupported",
                Sentence(
                    "tiff_unsupported",
                    "{file} is a TIFF of a kind that is not read here ({dtype}, {samples} samples per "
                    "pixel, {photometric}). Convert it to a tiled RGB TIFF with 8 bits per sample.",
                    file=self._path.name,
                    dtype=str(page.dtype),
                    samples=page.samplesperpixel,
                    photometric=str(page.photometric),
                ),
            )

    @staticmethod
    def _map(page: Any) -> NDArray[Any] | None:
        """One uncompressed strip may be the whole image, so such pages are mapped, not decoded."""
        return page.asarray(out="memmap") if page.is_memmappable else None

    def fetch(self, level: int, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        """See ``LevelSource``."""
        left, top, right, bottom = box
        mapped = self._maps[level]
        if mapped is not None:
            return as_rgb(np.asarray(mapped[top:bottom, left:right]))
        page = self._pages[level]
        out = np.full((bottom - top, right - left, 3), 255, np.uint8)
        if page.is_tiled:
            tall, wide = int(page.tilelength), int(page.tilewidth)
        else:
            tall, wide = min(int(page.rowsperstrip), int(page.imagelength)), int(page.imagewidth)
        across = -(-int(page.imagewidth) // wide)
        for row in range(top // tall, -(-bottom // tall)):
            for column in range(left // wide, -(-right // wide)):
                segment = self._segment(level, row * across + column)
                if segment is None:
                    continue
                y, x = row * tall, column * wide
                y0, y1 = max(y, top), min(y + segment.shape[0], bottom)
                x0, x1 = max(x, left), min(x + segment.shape[1], right)
                part = segment[y0 - y : y1 - y, x0 - x : x1 - x]
                out[y0 - top : y1 - top, x0 - left : x1 - left] = part
        return out

    def _segment(self, level: int, index: int) -> NDArray[np.uint8] | None:
        key = (level, index)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        page = self._pages[level]
        try:
            handle = self._file.filehandle
            handle.seek(page.dataoffsets[index])
            data = handle.read(page.databytecounts[index])
            decoded = page.decode(data, index, jpegtables=page.jpegtables)[0] if data else None
        # Codecs raise errors of their own, which have no common base but Exception.
        except Exception as error:
            raise unreadable(self._path, error) from error
        segment = None if decoded is None else as_rgb(decoded[0])
        self._cache[key] = segment
        self._cached_bytes += 0 if segment is None else segment.nbytes
        while self._cached_bytes > SEGMENT_CACHE_BYTES and len(self._cache) > 1:
            old = self._cache.popitem(last=False)[1]
            self._cached_bytes -= 0 if old is None else old.nbytes
        return segment

    def close(self) -> None:
        """Release the file."""
        self._cache.clear()
        self._maps.clear()
        self._file.close()


def as_rgb(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return (height, width, 3) uint8 from 8 or 16 bit gray, RGB or RGBA."""
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.ndim == 2:  # noqa: PLR2004 - rows and columns
        pixels = pixels[..., None]
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    return np.ascontiguousarray(pixels[..., :3], dtype=np.uint8)


def tiff_mpp(page: Any) -> float | None:
    """Return µm per pixel from the resolution tags when it is plausible, else None."""
    tag, unit = page.tags.get("XResolution"), page.tags.get("ResolutionUnit")
    micrometres = MICROMETRES_PER_UNIT.get(int(unit.value)) if unit is not None else None
    if tag is None or micrometres is None:
        return None
    numerator, denominator = tag.value
    if numerator == 0 or denominator == 0:
        return None
    return plausible_mpp(micrometres * denominator / numerator)


class ImageSource:
    """A plain PNG or JPEG, decoded whole on the first read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            self._image = Image.open(path)
        self.sizes = [self._image.size]
        dots = self._image.info.get("dpi", (0, 0))[0]
        self.mpp = plausible_mpp(25_400.0 / float(dots)) if dots else None
        self.magnification: float | None = None
        self._pixels: NDArray[np.uint8] | None = None

    def fetch(self, level: int, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:  # noqa: ARG002 - there is one level
        """See ``LevelSource``."""
        if self._pixels is None:
            try:
                self._pixels = over_white(self._image)
            except (OSError, ValueError, SyntaxError) as error:
                raise unreadable(self._path, error) from error
        left, top, right, bottom = box
        return self._pixels[top:bottom, left:right]

    def close(self) -> None:
        """Release the file."""
        self._pixels = None
        self._image.close()
