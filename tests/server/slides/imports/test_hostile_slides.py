"""Slides that cost more than their size suggests are refused with a message; other files are accepted."""

from __future__ import annotations

import shutil

import numpy as np
import pydicom
import pytest
import tifffile

from ml.slides.dicom.header import DEFLATED, read_header
from ml.storage.process_limits import Limits
from server.core.children.calls import call_in_child
from server.slides.errors import UnreadableSlideError
from server.slides.imports.examine import examine
from server.slides.imports.intake import find_slides, sort_files
from server.slides.imports.segment_sizes import refuse_giant_segments
from server.slides.models import Slide
from tests.dicom_material import tissue, write_colour
from tests.server.slides.conftest import API, append, begin

pytestmark = pytest.mark.one_database


def write_giant_strip(path, side=20_000, samples=1):
    """Write a TIFF of one deflated strip, as small as its emptiness."""
    shape = (side, side) if samples == 1 else (side, side, samples)
    tifffile.imwrite(
        path, np.broadcast_to(np.uint8(0), shape), compression="zlib", rowsperstrip=side,
        photometric="minisblack" if samples == 1 else "rgb",
    )  # fmt: skip


def write_deflated(path, megabytes=20):
    dataset = pydicom.Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.77.1.6", "1.2.3"
    dataset.PixelData = bytes(megabytes * 2**20)
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = DEFLATED
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path, enforce_file_format=True)


def test_a_giant_strip_is_refused_by_its_declared_size(tmp_path):
    write_giant_strip(tmp_path / "a.tif")
    assert (tmp_path / "a.tif").stat().st_size < 2**20
    with pytest.raises(UnreadableSlideError) as caught:
        examine(tmp_path / "a.tif", tmp_path, lambda: None)
    assert (caught.value.specific_code, caught.value.detail.code) == ("too_large", "strips_too_large")


@pytest.mark.parametrize(("side", "samples", "is_refused"), [(12_000, 1, True), (4000, 3, False)])
def test_the_limit_is_that_of_one_segment(side, samples, is_refused, tmp_path):
    write_giant_strip(tmp_path / "a.tif", side, samples)
    if is_refused:
        with pytest.raises(UnreadableSlideError):
            refuse_giant_segments(tmp_path / "a.tif")
    else:
        refuse_giant_segments(tmp_path / "a.tif")


def write_mirax(folder, width, height):
    """Write the main file and the index of a MIRAX slide whose images state a size."""
    (folder / "slide").mkdir()
    lines = ["[HIERARCHICAL]", f" DIGITIZER_WIDTH = {width}", f"digitizer_height={height}"]
    (folder / "slide" / "SlideDat.ini").write_text("\n".join(lines))
    (folder / "slide.mrxs").write_bytes(b"\xff\xd8\xff")


@pytest.mark.parametrize("side", [2000, 20_000])
def test_giant_images_of_a_mirax_slide_are_refused(side, tmp_path):
    write_mirax(tmp_path, side, side)
    if side == 2000:
        refuse_giant_segments(tmp_path / "slide.mrxs")
        return
    with pytest.raises(UnreadableSlideError) as caught:
        examine(tmp_path / "slide.mrxs", tmp_path, lambda: None)
    assert caught.value.specific_code == "too_large"


@pytest.mark.parametrize(
    "tag", ["TileWidth", "TileLength", "BitsPerSample", "ImageWidth", "ImageLength", "SamplesPerPixel"]
)
def test_a_tiff_that_states_nothing_where_it_must_is_refused_by_a_sentence(tag, tmp_path):
    """As ``make fuzz`` showed: a division by zero is no reader that broke, but a damaged header."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, tissue(192, 192), tile=(64, 64), photometric="rgb", compression="zlib")
    with tifffile.TiffFile(path, mode="r+") as tiff:
        found = tiff.pages[0].tags[tag]
        found.overwrite(0 if found.count == 1 else (0,) * found.count)
    with pytest.raises(UnreadableSlideError) as caught:
        examine(path, tmp_path, lambda: None)
    assert caught.value.specific_code != "breaks_reader"


def test_channels_without_tiles_to_decode_are_refused_by_a_sentence(tmp_path):
    path = tmp_path / "a.ome.tif"
    planes = np.stack([tissue(192, 192)[..., number] for number in (0, 1)])
    names = {"axes": "CYX", "Channel": {"Name": ["DAPI", "FITC"]}}
    tifffile.imwrite(path, planes, tile=(64, 64), metadata=names)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        for page in tiff.pages:
            page.tags["TileLength"].overwrite(0)
    with pytest.raises(UnreadableSlideError) as caught:
        examine(path, tmp_path, lambda: None)
    assert caught.value.specific_code != "breaks_reader"


@pytest.mark.parametrize("name", ["a.ndpis", "a.vms", "a.mrxs"])
def test_a_long_index_costs_no_more_than_its_length(name, tmp_path):
    """An expression that goes back and forth over 4 MB of blanks would take hours."""
    heads = ("Image1=", "ImageFile=", "FILE_0 = ")
    line = "".join(f"{head}x{' ' * 2**20}y\n" for head in heads) + "\n" * 2**20
    (tmp_path / name).write_text(line)
    if name == "a.mrxs":
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "Slidedat.ini").write_text(line)
    files = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    assert call_in_child("server.slides.imports.intake:find_slides", files, limits=Limits(cpu_seconds=10))


def test_a_deflated_dicom_is_never_inflated(tmp_path, monkeypatch):
    import zlib

    write_deflated(tmp_path / "a.dcm")
    assert (tmp_path / "a.dcm").stat().st_size < 2**17

    def inflate(*_, **__):
        raise AssertionError

    monkeypatch.setattr(zlib, "decompress", inflate)
    monkeypatch.setattr(zlib, "decompressobj", inflate)
    assert read_header(tmp_path / "a.dcm") is None
    slides, [ignored] = find_slides({"a.dcm": tmp_path / "a.dcm"})
    assert (slides, ignored.reason.code) == ([], "file_dicom_deflated")


EMPTIED = (
    "Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "TotalPixelMatrixColumns", "TotalPixelMatrixRows",
    "NumberOfFrames", "ImageType", "SeriesInstanceUID", "SOPClassUID", "PhotometricInterpretation",
)  # fmt: skip


def write_emptied(path, names):
    write_colour(path, tissue())
    dataset = pydicom.dcmread(path)
    for name in names:
        dataset[name].value = None if name != "ImageType" else []
    dataset.save_as(path)


@pytest.mark.parametrize("name", EMPTIED)
def test_an_empty_field_concerns_its_own_file_only(name, tmp_path):
    write_colour(tmp_path / "good.dcm", tissue(seed=1))
    write_emptied(tmp_path / "bad.dcm", [name])
    slides, ignored = find_slides({"good.dcm": tmp_path / "good.dcm", "bad.dcm": tmp_path / "bad.dcm"})
    assert ["good.dcm"] in [list(slide.files.values()) for slide in slides]
    names = {item.name for item in ignored} | {one for slide in slides for one in slide.files.values()}
    assert names == {"good.dcm", "bad.dcm"}


def test_a_file_that_breaks_its_reader_is_ignored_alone(tmp_path, monkeypatch):
    """A header that takes more memory than a child has, beside a good slide."""
    write_colour(tmp_path / "good.dcm", tissue())
    dataset = pydicom.dcmread(tmp_path / "good.dcm")
    dataset.SeriesInstanceUID = "1.2.3.4"
    item = pydicom.Dataset()
    item.SpecimenIdentifier = "x" * 64
    dataset.OpticalPathSequence = pydicom.Sequence([item] * 300_000)
    dataset.save_as(tmp_path / "huge.dcm")
    monkeypatch.setattr("server.slides.imports.intake._SORTING", Limits(memory=160 * 2**20))
    slides, ignored = sort_files({name: tmp_path / name for name in ("good.dcm", "huge.dcm")})
    assert [list(slide.files.values()) for slide in slides] == [["good.dcm"]]
    [item] = ignored
    # Python gets a MemoryError, which the reader of the header takes for damage, or the child dies.
    assert item.name == "huge.dcm"
    assert item.reason.code in {"file_dicom_header", "file_breaks_reader"}


@pytest.mark.django_db
def test_a_folder_with_a_hostile_file_brings_its_slides(tmp_path, project_factory, api, user_factory):
    project = project_factory(manager="mia")
    mia = api(user_factory("mia"))
    write_colour(tmp_path / "good.dcm", tissue())
    write_deflated(tmp_path / "bad.dcm")
    shutil.copyfile(tmp_path / "good.dcm", tmp_path / "other.dcm")
    for name in ("good.dcm", "bad.dcm"):
        content = (tmp_path / name).read_bytes()
        begun = begin(mia, project, len(content), name, relative_path=f"f/{name}", folder="f")
        assert append(mia, begun["Location"], content).status_code == 204
    answer = mia.post(f"{API}/projects/{project.pk}/uploads/finish", {"folder": "f"}, format="json")
    assert answer.status_code < 300, answer.content
    assert Slide.objects.count() == 1


def test_the_examination_has_no_secret_in_its_environment(tmp_path, monkeypatch):
    import subprocess

    monkeypatch.setenv("SECRET_KEY", "a secret")
    started = []
    start = subprocess.Popen

    def watch(command, **options):
        started.append(options["env"])
        return start(command, **options)

    monkeypatch.setattr("server.slides.imports.examine.subprocess.Popen", watch)
    (tmp_path / "a.tif").write_bytes(b"II*\0none")
    with pytest.raises(UnreadableSlideError):
        examine(tmp_path / "a.tif", tmp_path, lambda: None)
    assert started
    assert "SECRET_KEY" not in started[0]
    assert "DATABASE_URL" not in started[0]
