"""The pixel check of DICOM: pydicom agrees with our reader, and not with a reader of other pixels."""

from __future__ import annotations

import itertools

import pytest

from ml.contracts import Bounds
from ml.slides import open_slide
from server.slides.imports.pixel_check import PixelCheck
from tests import dicom_material as make

pytestmark = pytest.mark.one_database

MODELS = list(itertools.product(("RGB", "YCBCR"), ("RGB", "YBR_FULL")))


def drawing(reader, change=lambda pixels: pixels):
    def draw(box, size):
        left, top, right, bottom = box
        return change(reader.read(Bounds(left, top, right - left, bottom - top), size)).copy()

    return draw


@pytest.mark.parametrize("syntax", [make.NATIVE, make.BIG, make.JPEG, make.J2K, make.RLE])
@pytest.mark.parametrize(("samples_are", "photometric"), MODELS)
def test_two_decoders_agree_and_wrong_pixels_are_noticed(tmp_path, syntax, samples_are, photometric):
    path = make.write_colour(
        tmp_path / "a.dcm", make.tissue(), syntax=syntax, samples_are=samples_are, photometric=photometric
    )
    check = PixelCheck.open(path)
    with open_slide(path) as reader:
        assert check.size == (reader.width, reader.height)
        assert check.agrees(drawing(reader))
        assert not check.agrees(drawing(reader, lambda pixels: pixels[..., ::-1]))
        assert not check.agrees(drawing(reader, lambda pixels: pixels[:, ::-1]))
        assert not check.agrees(drawing(reader, make.ycbcr))


def test_a_real_series(data):
    path = data / "slides" / "cmu-1-small-region-dicom"
    check = PixelCheck.open(path)
    with open_slide(path) as reader:
        assert check.agrees(drawing(reader))
        assert not check.agrees(drawing(reader, lambda pixels: pixels[..., ::-1]))


def test_files_that_pydicom_does_not_decode_have_no_second_decoder(tmp_path):
    deep = make.write_grey(tmp_path / "a.dcm", [make.grey(bits=12)], bits=12)
    stack = make.write_planes(tmp_path / "b.dcm", [make.tissue(seed=seed) for seed in range(3)])
    assert PixelCheck.open(deep) is None
    assert PixelCheck.open(stack) is None
