"""Training images keep their colours, however they are stored."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from ml.contracts import Bounds
from ml.data.folders.images import read_image
from ml.slides import open_slide
from tests.server.slides.imports.tiff_material import as_stored, deep, grey, orientation_tag, picture

RGB = picture(120, 200)
GREY = grey(RGB)
GREY_RGB = np.repeat(GREY[..., None], 3, axis=2)


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_a_png_of_deep_grey_is_shown_by_the_bits_in_use(tmp_path, bits):
    path = tmp_path / "grey.png"
    Image.fromarray(deep(GREY, bits)).save(path)
    with open_slide(path) as reader:
        pixels = reader.read(Bounds(0, 0, 200, 120), (200, 120))
    assert np.abs(pixels.astype(int) - GREY_RGB).max() <= 1
    assert np.abs(read_image(path).astype(int) - GREY_RGB).max() <= 1


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_photograph_is_turned_as_it_states(tmp_path, orientation):
    path = tmp_path / "photo.png"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(as_stored(RGB, orientation)).save(path, exif=exif)
    with open_slide(path) as reader:
        assert (reader.width, reader.height) == (200, 120)
        assert np.array_equal(reader.read(Bounds(0, 0, 200, 120), (200, 120)), RGB)


@pytest.mark.parametrize(
    ("stored", "options", "shown"),
    [
        (deep(GREY, 12), {"photometric": "minisblack"}, GREY_RGB),
        (255 - GREY, {"photometric": "miniswhite"}, GREY_RGB),
        (deep(GREY, 14), {"photometric": "minisblack", "compression": "lzw", "tile": (64, 64)}, GREY_RGB),
        (as_stored(GREY, 6), {"photometric": "minisblack", "extratags": orientation_tag(6)}, GREY_RGB),
    ],
    ids=["12 bits", "white is zero", "14 bits in tiles", "turned"],
)
def test_a_tiff_to_learn_from_has_the_colours_of_a_slide(tmp_path, stored, options, shown):
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, stored, metadata=None, **options)
    assert np.abs(read_image(path).astype(int) - shown).max() <= 1


def test_red_green_and_blue_in_pages_of_their_own_are_one_colour_image(tmp_path):
    path = tmp_path / "image.ome.tif"
    metadata = {"axes": "CYX", "Channel": {"Name": ["Red", "Green", "Blue"]}}
    planes = np.ascontiguousarray(np.moveaxis(RGB, -1, 0))
    tifffile.imwrite(path, planes, ome=True, photometric="minisblack", metadata=metadata)
    assert np.array_equal(read_image(path), RGB)
