"""Content of tiles: the colours of OpenSlide, at edges, at levels missing in the file, in sRGB."""

from __future__ import annotations

import io

import numpy as np
import openslide
import pytest
import simplejpeg
import tifffile
from PIL import Image, ImageCms

from tests.server.slides.tiles.tile_material import (
    colourful,
    other_profile,
    srgb_profile,
    store,
    write_jpeg_tiff,
)

pytestmark = pytest.mark.one_database


def decoded(body: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(body)).convert("RGB")).astype(np.int16)


def by_openslide(path, x: int, y: int, width: int, height: int) -> np.ndarray:
    with openslide.OpenSlide(path) as slide:
        return np.asarray(slide.read_region((x, y), 0, (width, height)).convert("RGB")).astype(np.int16)


def by_area(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Return the mean of every square of pixels, padded by the edge."""
    height, width, _ = pixels.shape
    padded = np.pad(pixels, ((0, -height % factor), (0, -width % factor), (0, 0)), mode="edge")
    rows, columns = padded.shape[0] // factor, padded.shape[1] // factor
    return padded.reshape(rows, factor, columns, factor, 3).mean(axis=(1, 3))


def opened(manifest):
    from server.slides.tiles.opened import OpenedSlide

    return OpenedSlide(manifest)


def test_stored_rgb_tiles_look_as_openslide_says(data, settings, tmp_path):
    path = data / "slides/cmu-1-small-region.svs"
    slide = opened(store(path, tmp_path / "drawn"))
    z = len(slide.pyramid.levels) - 1
    assert slide.manifest.stored_levels == {z: 0}
    for x, y in [(0, 0), (4, 6), (8, 11)]:
        assert slide.passes_through(z, x, y)
        assert slide.stored_in_memory(z, x, y) == slide.tile(z, x, y)
        expected = by_openslide(path, x * 240, y * 240, 240, 240)
        assert np.abs(decoded(slide.tile(z, x, y)) - expected).max() <= 1


@pytest.mark.parametrize("photometric", ["rgb", "ycbcr"])
def test_stored_tiles_of_both_colour_spaces(settings, tmp_path, photometric):
    path = tmp_path / "slide.tif"
    write_jpeg_tiff(path, colourful(700, 1100), photometric=photometric)
    slide = opened(store(path, tmp_path / "drawn"))
    z = len(slide.pyramid.levels) - 1
    assert slide.passes_through(z, 1, 1)
    # It is the file's own data: everything behind the tables is in the file byte by byte.
    body = slide.tile(z, 1, 1)
    assert body[body.index(b"\xff\xda") :] in path.read_bytes()
    expected = by_openslide(path, 256, 256, 256, 256)
    difference = np.abs(decoded(body) - expected)
    # Decoders differ in how they spread halved colour; wrong colours would be far above.
    assert (difference.mean(), difference.max()) < (1.0, 16)


def test_tiles_whose_tables_lie_in_the_tiff(settings, tmp_path):
    # libtiff keeps the tables apart (tag 347), which a browser never sees.
    path = tmp_path / "slide.tif"
    pixels = colourful(512, 512)
    bodies = [simplejpeg.encode_jpeg(np.ascontiguousarray(pixels[y:y + 256, x:x + 256]), quality=90)
              for y in (0, 256) for x in (0, 256)]  # fmt: skip
    tables, stripped = b"", []
    for body in bodies:
        at, kept = 2, b""
        while body[at + 1] != 0xDA:
            length = 2 + int.from_bytes(body[at + 2 : at + 4])
            segment = body[at : at + length]
            if segment[1] in (0xDB, 0xC4):
                tables += segment if len(stripped) == 0 else b""
            elif segment[1] != 0xE0:
                kept += segment
            at += length
        stripped.append(b"\xff\xd8" + kept + body[at:])
    tifffile.imwrite(
        path, iter(stripped), shape=(512, 512, 3), dtype=np.uint8, tile=(256, 256), photometric="ycbcr",
        compression="jpeg", subsampling=(2, 2), metadata=None,
        extratags=[(347, 7, None, b"\xff\xd8" + tables + b"\xff\xd9", True)],
    )  # fmt: skip
    slide = opened(store(path, tmp_path / "drawn"))
    z = len(slide.pyramid.levels) - 1
    assert slide.passes_through(z, 1, 0)
    assert np.abs(decoded(slide.tile(z, 1, 0)) - by_openslide(path, 256, 0, 256, 256)).mean() < 1.0


@pytest.mark.parametrize("name", ["cmu-1-small-region.svs", "colorectal-mosaic.tif"])
def test_edge_tiles_are_clipped_and_right(data, settings, tmp_path, name):
    path = data / "slides" / name
    slide = opened(store(path, tmp_path / "drawn"))
    pyramid = slide.pyramid
    level, side = pyramid.levels[-1], pyramid.tile_size
    for x, y in [(level.columns - 1, 0), (0, level.rows - 1), (level.columns - 1, level.rows - 1)]:
        width, height = pyramid.tile_extent(level.z, x, y)
        tile = decoded(slide.tile(level.z, x, y))
        assert tile.shape == (height, width, 3)
        expected = by_openslide(path, x * side, y * side, width, height)
        assert np.abs(tile - expected).mean() < 3.0


def test_levels_that_the_file_lacks(data, settings, tmp_path):
    path = data / "slides/cmu-1-small-region.svs"
    slide = opened(store(path, tmp_path / "drawn"))
    whole = by_openslide(path, 0, 0, 2220, 2967)
    for level in slide.pyramid.levels[:-1]:
        small = by_area(whole, 1 << (slide.pyramid.levels[-1].z - level.z))
        for x, y in {(0, 0), (level.columns - 1, level.rows - 1), (level.columns // 2, level.rows // 2)}:
            tile = decoded(slide.tile(level.z, x, y))
            left, top = x * 240, y * 240
            assert tile.shape[:2] == slide.pyramid.tile_extent(level.z, x, y)[::-1]
            expected = small[top : top + tile.shape[0], left : left + tile.shape[1]]
            assert np.abs(tile - expected).mean() < 6.0, level


def test_made_from_stored_tiles_is_nearer_the_truth_than_large_image(data, settings, tmp_path):
    from server.slides.tiles.drawing import SlidePixels
    from server.slides.tiles.sources import open_source, render_tile

    path = data / "slides/colorectal-mosaic.tif"
    slide = opened(store(path, tmp_path / "drawn"))
    pixels = SlidePixels(slide.manifest.path, slide.manifest.plan)
    source = open_source(slide.manifest.path, slide.manifest.source)
    whole = by_openslide(path, 0, 0, 4480, 3584)
    for level in slide.pyramid.levels[2:-2]:
        assert pixels.is_quick(level.z)
        truth = by_area(whole, 1 << (slide.pyramid.levels[-1].z - level.z))[224:448, 224:448]
        ours, theirs = pixels.tile(level.z, 1, 1), render_tile(source, slide.pyramid, level.z, 1, 1)
        errors = [np.abs(tile[: len(truth)] - truth).mean() for tile in (ours, theirs)]
        assert errors[0] < 1.0
        assert errors[0] <= errors[1]


def test_overview_is_drawn_at_import(settings, tmp_path, monkeypatch):
    path = tmp_path / "slide.tif"
    # No JPEG inside, so that nothing can be made quickly.
    tifffile.imwrite(path, colourful(2100, 1500), tile=(256, 256), photometric="rgb", compression="deflate")
    slide = opened(store(path, tmp_path / "drawn"))
    assert slide.manifest.overview == len(slide.pyramid.levels) - 2

    def fail(*_):
        raise AssertionError("an overview tile has opened the file")

    monkeypatch.setattr(slide, "_draw", fail)
    for level in slide.pyramid.levels[:-1]:
        for x in range(level.columns):
            for y in range(level.rows):
                size = slide.pyramid.tile_extent(level.z, x, y)
                assert decoded(slide.tile(level.z, x, y)).shape == (*size[::-1], 3)


def test_a_profile_is_turned_into_srgb(settings, tmp_path):
    path = tmp_path / "slide.tif"
    pixels = np.full((600, 600, 3), (128, 64, 200), np.uint8)
    write_jpeg_tiff(path, pixels, photometric="ycbcr", profile=other_profile())
    slide = opened(store(path, tmp_path / "drawn"))
    z = len(slide.pyramid.levels) - 1
    assert slide.manifest.profile
    assert slide.stored_in_memory(z, 0, 0) is None, "stored bytes would show the wrong colours"
    opened_profile = ImageCms.ImageCmsProfile(io.BytesIO(other_profile()))
    expected = np.asarray(
        ImageCms.profileToProfile(
            Image.fromarray(pixels[:1, :1]), opened_profile, ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )
    )[0, 0].astype(np.int16)  # fmt: skip
    assert np.abs(expected - (128, 64, 200)).max() > 40
    for body in [slide.tile(z, 0, 0), slide.tile(0, 0, 0), slide.region((0, 0, 600, 600), 100)]:
        assert np.abs(decoded(body)[20:40, 20:40] - expected).max() <= 4


@pytest.mark.parametrize("profile", [srgb_profile(), b"this is no profile", None])
def test_without_a_profile_to_apply_tiles_pass_through(settings, tmp_path, profile):
    path = tmp_path / "slide.tif"
    write_jpeg_tiff(path, colourful(600, 600), photometric="ycbcr", profile=profile)
    slide = opened(store(path, tmp_path / "drawn"))
    assert not slide.manifest.profile
    assert slide.stored_in_memory(len(slide.pyramid.levels) - 1, 0, 0) is not None


def test_a_stored_tile_that_is_damaged_is_said(settings, tmp_path):
    from server.slides.tiles.request import TileRequest
    from server.slides.tiles.sources import UnreadableSlideError

    path = tmp_path / "slide.tif"
    write_jpeg_tiff(path, colourful(1300, 1300), photometric="ycbcr")
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        at, length = page.dataoffsets[7], page.databytecounts[7]
    manifest = store(path, tmp_path / "drawn")
    with manifest.path.open("r+b") as file:
        file.seek(at)
        file.write(bytes(length))
    # As a child says it.
    levels = manifest.pyramid.levels
    with pytest.raises(UnreadableSlideError):
        opened(manifest)._draw(TileRequest(manifest.sha256, (levels[-2].z, 0, 0), None))
