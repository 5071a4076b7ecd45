"""Slides of jobs are read in children: the same pixels, and no worker that a hostile file could harm."""

from __future__ import annotations

import copyreg

import numpy as np
import pytest
import tifffile
from PIL import Image

from ml.contracts import Bounds, Channel, DataError
from ml.slides import SlideError, find_channels, open_any, open_as, open_slide, reading
from ml.slides.levels import LevelReader
from ml.slides.resolution import Resolution
from ml.storage.process_limits import Limits
from server.core.children import slide_reader
from server.core.children.calls import ReaderBrokeError
from server.core.children.held import HeldChildren
from server.core.children.slide_reader import ChildReader, slides_read_in_children
from tests.dicom_material import tissue

pytestmark = pytest.mark.one_database

BOX = (10.5, 20.0, 210.5, 320.0)
CORNERS = np.array([[0, 0], [40, 64], [300, 200]])


def write_channels(path):
    planes = np.stack([tissue(192, 192)[..., number] for number in (0, 1)])
    tifffile.imwrite(path, planes, metadata={"axes": "CYX", "Channel": {"Name": ["DAPI", "FITC"]}})
    return path


def read_all(reader):
    with reader:
        return [
            reader.read_box(BOX, (50, 75)),
            reader.read_squares(CORNERS, 100, 64),
            reader.read(Bounds(-20, -20, 100, 100), (100, 100)),
            (reader.width, reader.height, reader.names, reader.channels, reader.tile_size),
            (reader.mpp, reader.magnification, reader.resolution),
        ]


def assert_equal(one, other):
    for mine, theirs in zip(one, other, strict=True):
        if isinstance(mine, np.ndarray):
            np.testing.assert_array_equal(mine, theirs)
        else:
            assert mine == theirs


@pytest.mark.parametrize(
    "name", ["cmu-1-small-region.svs", "cmu-1-small-region-dicom", "colorectal-mosaic.tif", "channels"]
)
def test_a_child_reads_the_same_pixels_and_facts(name, data, tmp_path):
    path = write_channels(tmp_path / "a.ome.tif") if name == "channels" else data / "slides" / name
    direct = read_all(open_any(path))
    with slides_read_in_children():
        reader = open_any(path)
        assert isinstance(reader, ChildReader)
        assert_equal(read_all(reader), direct)
    assert not isinstance(open_any(path), ChildReader)


def test_a_model_reads_its_channels_in_its_order(tmp_path):
    path = write_channels(tmp_path / "a.ome.tif")
    wanted = [Channel("FITC", 0, 100), Channel("DAPI", 10, 200)]
    direct = read_all(open_as(path, wanted))
    with slides_read_in_children():
        assert_equal(read_all(open_as(path, wanted)), direct)
        with pytest.raises(SlideError) as several:
            open_slide(path)
        with pytest.raises(DataError) as other:
            open_as(path, [Channel("Cy5", 0, 1)])
        assert find_channels(path).names == ("DAPI", "FITC")
    assert (several.value.code, several.value.detail.code) == ("several_channels", "slide_has_channels")
    assert (other.value.code, other.value.detail.code) == ("other_channels", "slide_other_channels")


def test_a_reader_that_is_sent_to_a_reading_process_opens_the_file_there(data):
    with slides_read_in_children():
        reader = open_slide(data / "slides" / "colorectal-mosaic.tif")
        reader.resolution = Resolution.square(0.7)
        open_there, arguments = copyreg.dispatch_table[ChildReader](reader)
    there = open_there(*arguments)
    assert (type(there), there.mpp) == (LevelReader, 0.7)


@pytest.fixture
def small_children(monkeypatch):
    """Children of half a gigabyte, which read the slides of these tests, and no giant image."""
    children = HeldChildren("server.core.children.slide_calls:call", Limits(memory=2**29), 2)
    monkeypatch.setattr(slide_reader, "_children", children)
    yield
    children.close()


def write_giant(path):
    """Write a plain image of 100 kB that takes 900 MB to decode."""
    Image.new("RGB", (9400, 9400)).save(path, "PNG")


def test_a_file_that_was_exchanged_for_a_giant_breaks_only_its_child(
    data, tmp_path, monkeypatch, small_children
):
    good, path = data / "slides" / "colorectal-mosaic.tif", tmp_path / "a.tif"
    tifffile.imwrite(path, tissue(192, 192), photometric="rgb")
    monkeypatch.setattr(reading, "file_source", refuse)
    with slides_read_in_children():
        open_slide(path).close()
        path.unlink()
        write_giant(path)
        with pytest.raises(ReaderBrokeError, match="limits of memory and time"):
            open_slide(path).read(Bounds(0, 0, 10, 10), (10, 10))
        with open_slide(good) as reader:
            assert reader.read(Bounds(0, 0, 10, 10), (10, 10)).shape == (10, 10, 3)


def refuse(*_arguments, **_options):
    raise AssertionError("this process parses the file of a stranger")
