"""The pixel check: ways to the pixels that disagree are not used; a slide with a wrong picture is refused."""

from __future__ import annotations

import itertools
from contextlib import closing

import numpy as np
import pytest
import tifffile
from PIL import Image

from ml.contracts import Bounds
from tests.server.slides.imports.tiff_material import halved, picture

pytestmark = pytest.mark.one_database

RGB = picture()
TILED = {"tile": (256, 256)}
SPOTS = list(itertools.product((0, 1, 2), repeat=2))


def test_a_path_that_shows_other_pixels_is_not_used(tmp_path, settings, monkeypatch):
    """Break one path after another: the next one is used, and without any the slide is refused."""
    from ml.slides.tiff.source import TiffSource
    from server.slides.errors import UnreadableSlideError
    from server.slides.imports import path_choice
    from server.slides.imports.reading import read_facts
    from server.slides.tiles.sources import OpenSlideSource

    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, RGB, photometric="rgb", compression="jpeg", metadata=None, **TILED)
    whole = read_facts(path)
    assert (whole.source, len(whole.stored_levels)) == ("openslide", 1)

    swapped = path_choice._decoded
    monkeypatch.setattr(path_choice, "_decoded", lambda *a: np.ascontiguousarray(swapped(*a)[..., ::-1]))
    assert read_facts(path).stored_levels == {}

    region = OpenSlideSource.getRegion
    monkeypatch.setattr(
        OpenSlideSource,
        "getRegion",
        lambda *a, **k: (np.ascontiguousarray(region(*a, **k)[0][:, ::-1]), "numpy"),
    )
    assert read_facts(path).source == "reader"

    fetch = TiffSource.fetch
    monkeypatch.setattr(TiffSource, "fetch", lambda *a: np.roll(fetch(*a), 9, axis=1))
    monkeypatch.setattr("ml.slides.files.sources.OpenSlideSource.fetch", lambda self, _, box: np.zeros(
        (box[3] - box[1], box[2] - box[0], 3), np.uint8))  # fmt: skip
    with pytest.raises(UnreadableSlideError) as caught:
        read_facts(path)
    assert caught.value.specific_code == "pixels_disagree"


@pytest.mark.parametrize("level", [0, 1])
def test_wrong_pixels_are_noticed_in_each_corner_at_each_edge_and_in_the_centre(tmp_path, level):
    from ml.slides import open_slide
    from ml.slides.tiff.interpretation import interpret
    from server.slides.imports.pixel_check import PixelCheck

    levels = [picture(1100, 1300)]
    levels.append(halved(levels[0]))

    def write(name, spot=None):
        """Write the picture, with the opposite colours in a square of one level."""
        stored = [each.copy() for each in levels]
        if spot is not None:
            top, left = (
                (length - 100) // 2 * at for length, at in zip(stored[level].shape, spot, strict=False)
            )
            square = stored[level][top : top + 100, left : left + 100]
            square[:] = 255 - square
        with tifffile.TiffWriter(tmp_path / name) as tiff:
            for number, each in enumerate(stored):
                tiff.write(each, photometric="rgb", subfiletype=int(number > 0), metadata=None, **TILED)
        return tmp_path / name

    def agrees(check, path):
        def draw(box, size):
            left, top, right, bottom = box
            return reader.read(Bounds(left, top, right - left, bottom - top), size)

        with open_slide(path) as reader:
            return check.agrees(draw)

    right = write("right.tif")
    with closing(PixelCheck.open(right, interpret(right))) as check:
        assert agrees(check, write("same.tif"))
        assert [spot for spot in SPOTS if agrees(check, write(f"{spot}.tif", spot))] == []


@pytest.mark.parametrize("part", ["thumbnail", "edge tile", "region"])
def test_a_slide_of_which_one_picture_is_wrong_is_refused(tmp_path, settings, monkeypatch, part):
    from server.slides.errors import UnreadableSlideError
    from server.slides.imports.reading import read_facts
    from server.slides.tiles.drawing import SlidePixels

    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, RGB, photometric="rgb", metadata=None, **TILED)
    whole = read_facts(path)
    width, last = whole.width, whole.plan.pyramid.levels[-1]
    tile, region = SlidePixels.tile, SlidePixels.region

    def wrong_tile(self, z, x, y, mix=None):
        pixels = tile(self, z, x, y, mix)
        return pixels[:, ::-1] if part == "edge tile" and (z, x) == (last.z, last.columns - 1) else pixels

    def wrong_region(self, box, longest, mix=None):
        pixels = region(self, box, longest, mix)
        return pixels[:, ::-1] if part == ("thumbnail" if box[2] == width else "region") else pixels

    monkeypatch.setattr(SlidePixels, "tile", wrong_tile)
    monkeypatch.setattr(SlidePixels, "region", wrong_region)
    with pytest.raises(UnreadableSlideError) as caught:
        read_facts(path)
    assert caught.value.specific_code == "pixels_disagree"


@pytest.mark.parametrize("wrong", ["swapped", "other model", "sheared", "dark"])
def test_the_check_knows_wrong_pixels_from_those_of_another_decoder(data, wrong):
    import openslide
    import simplejpeg

    from server.slides.imports.pixel_check import looks_the_same

    with openslide.OpenSlide(data / "slides" / "cmu-1-small-region.svs") as slide:
        right = np.asarray(slide.read_region((900, 1500), 0, (256, 256)).convert("RGB"))
    body = simplejpeg.encode_jpeg(np.ascontiguousarray(right), quality=85, colorsubsampling="420")
    smooth, fast = (
        simplejpeg.decode_jpeg(body, colorspace="RGB", fastdct=quick, fastupsample=quick) for quick in (0, 1)
    )
    assert looks_the_same(fast, smooth)
    shown = {
        "swapped": right[..., ::-1],
        "other model": np.asarray(Image.fromarray(right).convert("YCbCr")),
        "sheared": np.stack([np.roll(row, number, axis=0) for number, row in enumerate(right)]),
        "dark": right >> 4,
    }[wrong]
    assert not looks_the_same(np.ascontiguousarray(shown), right)


def test_stored_tiles_beyond_the_slide_are_not_used():
    """A damaged header listed more tiles than the image has (``make fuzz``, svs, file 1361)."""
    from types import SimpleNamespace

    from server.slides.imports.path_choice import _heaviest_agree
    from server.slides.tiles.pyramid import Pyramid

    level = SimpleNamespace(lengths=[1] * 9 + [5], columns=3)
    stored = SimpleNamespace(levels={0: level})
    assert not _heaviest_agree(stored, None, Pyramid(192, 192, 64), 0)
