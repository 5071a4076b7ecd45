"""Slides of several files: the message of an incomplete one names the missing files."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from ml.data.importers.common import place_file
from ml.messages import Message
from ml.slides import SlideError, open_slide
from server.slides.errors import UnreadableSlideError
from server.slides.imports.intake import find_slides
from server.slides.models import Slide
from tests.server.slides.conftest import send
from tests.server.slides.imports.test_import import bring_folder

# Files, pixels and networks are checked here, which no database changes.
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
INDEX = (
    b"[HIERARCHICAL]\r\nINDEXFILE = Index.dat\r\n[DATAFILE]\r\nFILE_COUNT = 2\r\n"
    b"FILE_0 = Data0000.dat\r\nFILE_1 = Data0001.dat\r\n"
)
NDPIS = (
    b"[NanoZoomer Digital Pathology Image Set]\r\nNoImages=2\r\nImage0=s-DAPI.ndpi\r\nImage1=s-FITC.ndpi\r\n"
)

VMS = (
    b"[Virtual Microscope Specimen]\r\nNoLayers=1\r\nImageFile=one.jpg\r\nImageFile(1,0)=one(1,0).jpg\r\n"
    b"MacroImage=one_macro.jpg\r\nMapFile=one_map2.jpg\r\nOptimisationFile=one.opt\r\n"
)


def mirax(folder, stem="Biopsy", inside=None, leave_out=(), spell=str):
    """Write files laid out as a MIRAX slide; return their relative names."""
    folder.mkdir(exist_ok=True, parents=True)
    (folder / f"{stem}.mrxs").write_bytes(b"\xff\xd8\xff\xd9")
    inner = folder / (stem if inside is None else inside)
    inner.mkdir()
    for name, content in {
        "Slidedat.ini": INDEX,
        "Index.dat": b"i",
        "Data0000.dat": b"0",
        "Data0001.dat": b"1",
    }.items():
        if name not in leave_out:
            (inner / spell(name)).write_bytes(content)
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("stem", ["Biopsy", "標本\u300001", "a:b.c"])
def test_a_mirax_file_alone_names_its_folder(mia, project, gallery, run_jobs, tmp_path, stem):
    path = tmp_path / "x.mrxs"
    path.write_bytes(b"\xff\xd8\xff\xd9")
    send(mia, project, path, filename=f"{stem}.mrxs")
    run_jobs()
    [slide] = gallery()
    assert slide["state"] == "failed"
    assert f"{stem}/ with Slidedat.ini" in slide["failure"]["text"]
    assert "together" in slide["failure"]["text"]


def test_the_file_of_the_issue(mia, project, gallery, run_jobs, case_file):
    send(mia, project, case_file("11-mirax-without-its-folder", "Biopsy.mrxs"))
    run_jobs()
    assert "Biopsy/ with Slidedat.ini" in gallery()[0]["failure"]["text"]


def test_in_a_folder_too_and_the_others_come_in(mia, project, tmp_path, data):
    (tmp_path / "Biopsy.mrxs").write_bytes(b"x")
    files = {
        "drop/Biopsy.mrxs": tmp_path / "Biopsy.mrxs",
        "drop/a.svs": data / "slides" / "cmu-1-small-region.svs",
    }
    answer = bring_folder(mia, project, files).json()
    assert [slide["name"] for slide in answer["slides"]] == ["cmu-1-small-region"] or len(
        answer["slides"]
    ) == 1
    [refused] = answer["refused"]
    assert (refused["name"], refused["why"]["code"]) == ("drop/Biopsy.mrxs", "mirax_folder_missing")


def test_files_that_the_index_lists_are_named(mia, project, tmp_path):
    files = mirax(tmp_path / "m", leave_out=("Data0001.dat", "Index.dat"))
    answer = bring_folder(mia, project, {f"drop/{name}": path for name, path in files.items()}).json()
    assert answer["slides"] == []
    assert all(one["why"]["code"] == "mirax_files_missing" for one in answer["refused"])
    assert "Index.dat, Data0001.dat" in answer["refused"][0]["why"]["text"]
    assert Slide.objects.count() == 0


@pytest.mark.parametrize("inside", ["Biopsy", "BIOPSY", "biopsy"])
@pytest.mark.parametrize("spell", [str, str.lower, str.upper])
def test_letter_case_does_not_matter(tmp_path, inside, spell):
    files = mirax(tmp_path / "m", inside=inside, spell=spell)
    [slide], ignored = find_slides(files)
    assert ignored == []
    assert (slide.name, slide.main) == ("Biopsy", "slide.mrxs")
    assert set(slide.files) == {
        "slide.mrxs", "slide/Slidedat.ini", "slide/Index.dat", "slide/Data0000.dat", "slide/Data0001.dat"
    }  # fmt: skip


@pytest.mark.parametrize("inside", ["Biopsy", "BIOPSY"])
def test_a_job_lays_a_slide_out_with_its_folder(mia, project, run_jobs, tmp_path, monkeypatch, inside):
    from server.slides.imports import steps

    files = mirax(tmp_path / "m", inside=inside)
    laid_out = {}

    def examine(path, *_, **__):
        for file in path.parent.rglob("*.*"):
            laid_out[file.relative_to(path.parent).as_posix()] = file.read_bytes()
        raise UnreadableSlideError(Message("not_a_slide"))

    monkeypatch.setattr(steps, "examine", examine)
    bring_folder(mia, project, {f"drop/{name}": path for name, path in files.items()})
    run_jobs()
    assert laid_out == {
        "slide.mrxs": b"\xff\xd8\xff\xd9", "slide/Slidedat.ini": INDEX, "slide/Index.dat": b"i",
        "slide/Data0000.dat": b"0", "slide/Data0001.dat": b"1",
    }  # fmt: skip


@pytest.mark.parametrize("copy", [True, False])
def test_ml_lays_a_slide_out_with_its_folder(tmp_path, copy):
    mirax(tmp_path / "in", inside="BIOPSY", spell=str.lower)
    place_file(tmp_path / "in" / "Biopsy.mrxs", tmp_path / "out" / "train" / "normal_1.mrxs", copy=copy)
    out = tmp_path / "out" / "train"
    assert (out / "normal_1.mrxs").read_bytes() == b"\xff\xd8\xff\xd9"
    assert (out / "normal_1" / "Slidedat.ini").read_bytes() == INDEX
    assert (out / "normal_1" / "Data0001.dat").read_bytes() == b"1"
    (tmp_path / "lone.mrxs").write_bytes(b"x")
    for act in (lambda path: place_file(path, out / "b.mrxs", copy=copy), open_slide):
        with pytest.raises(SlideError, match=r"lone/ with Slidedat\.ini"):
            act(tmp_path / "lone.mrxs")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.vsi", b"II*\0", "_a_/"),
        (
            "set.ndpis",
            NDPIS,
            "s-DAPI.ndpi, s-FITC.ndpi",
        ),
        ("DICOMDIR", b"\0" * 128 + b"DICM", "whole folder"),
        ("set.vms", VMS, "one.jpg, one(1,0).jpg, one_macro.jpg, … did not come"),
        ("set.companion.ome", b"<?xml?><OME/>", "description of an OME-TIFF set"),
        ("slides.zip", b"PK\x03\x04", "Unpack it"),
        ("set.vmu", b"[Uncompressed Virtual Microscope Specimen]\n", "not supported"),
    ],
)
def test_main_files_of_other_formats_name_their_companions(
    mia, project, gallery, run_jobs, tmp_path, name, content, told
):
    path = tmp_path / name
    path.write_bytes(content)
    send(mia, project, path)
    run_jobs()
    assert told in gallery()[0]["failure"]["text"]
    other = tmp_path / "b.txt"
    other.write_bytes(b"text")
    refused = bring_folder(mia, project, {f"d/{name}": path, "d/b.txt": other}).json()["refused"]
    assert sorted(one["name"] for one in refused) == sorted([f"d/{name}", "d/b.txt"])


def write_set(folder, names):
    """Write an OME-TIFF set: each file holds one channel and lists all of them."""
    uuids = [f"urn:uuid:{number:08d}-0000-0000-0000-000000000000" for number in range(len(names))]
    data = "".join(
        f'<TiffData FirstC="{number}" IFD="0" PlaneCount="1"><UUID FileName="{name}">{uuid}</UUID></TiffData>'
        for number, (name, uuid) in enumerate(zip(names, uuids, strict=True))
    )
    channels = "".join(
        f'<Channel ID="Channel:0:{number}" SamplesPerPixel="1"/>' for number in range(len(names))
    )
    for name, uuid in zip(names, uuids, strict=True):
        xml = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{uuid}">'
            '<Image ID="Image:0"><Pixels DimensionOrder="XYCZT" ID="Pixels:0" Type="uint8" SizeX="64" '
            f'SizeY="48" SizeZ="1" SizeT="1" SizeC="{len(names)}">{channels}{data}</Pixels></Image></OME>'
        )
        tifffile.imwrite(folder / name, np.zeros((48, 64), np.uint8), description=xml, metadata=None)


def test_one_file_of_an_ome_set_names_the_others_and_itself_as_given(
    mia, project, gallery, run_jobs, tmp_path
):
    write_set(tmp_path, ["kidney-C0.ome.tif", "kidney-C1.ome.tif", "kidney-C2.ome.tif"])
    send(mia, project, tmp_path / "kidney-C0.ome.tif")
    run_jobs()
    [slide] = gallery()
    assert slide["failure"]["text"].startswith("kidney-C0.ome.tif is one file of an OME-TIFF set.")
    assert "kidney-C1.ome.tif, kidney-C2.ome.tif" in slide["failure"]["text"]
    assert slide["failure"]["params"]["file"] == "kidney-C0.ome.tif"


def write_companion_set(folder, names):
    """Write the files of an OME-TIFF set whose OME-XML is in a file of its own."""
    for number, name in enumerate(names):
        xml = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:0000000{number}-0000-0000-0000-000000000000">'
            '<BinaryOnly MetadataFile="kidney.companion.ome" UUID="urn:uuid:9"/></OME>'
        )
        tifffile.imwrite(
            folder / name, np.zeros((48, 64, 3), np.uint8), photometric="rgb", description=xml, metadata=None
        )


def test_a_file_of_a_set_names_the_companion_that_describes_it(mia, project, gallery, run_jobs, tmp_path):
    write_companion_set(tmp_path, ["kidney 1.ome.tif"])
    send(mia, project, tmp_path / "kidney 1.ome.tif")
    run_jobs()
    [slide] = gallery()
    assert slide["state"] == "failed"
    assert slide["failure"]["text"].startswith("kidney 1.ome.tif is one file of an OME-TIFF set, which")
    assert "kidney.companion.ome" in slide["failure"]["text"]


@pytest.mark.parametrize("write", [write_set, write_companion_set])
def test_a_whole_set_in_a_folder_is_refused_before_anything_is_kept(mia, project, gallery, tmp_path, write):
    names = ["kidney-1.ome.tif", "kidney-2.ome.tif"]
    write(tmp_path, names)
    (tmp_path / "kidney.companion.ome").write_text("<OME/>")
    tifffile.imwrite(tmp_path / "other.tif", np.zeros((48, 64, 3), np.uint8), photometric="rgb")
    paths = [*names, "kidney.companion.ome", "other.tif"]
    answer = bring_folder(mia, project, {f"d/{name}": tmp_path / name for name in paths}).json()
    assert sorted(one["name"] for one in answer["refused"]) == sorted(f"d/{name}" for name in paths[:3])
    assert all("OME-TIFF set" in one["why"]["text"] for one in answer["refused"])
    assert [slide["name"] for slide in gallery()] == ["other"]


@pytest.mark.parametrize("name", [b"OBJECT\xffIVE", b"A\x80B"])
def test_a_name_in_a_damaged_index_that_has_no_value_is_left_out(tmp_path, name):
    """OpenSlide lists such a name and then denies its value (``make fuzz``, mirax, file 1023)."""
    from server.slides.imports.reading import read_facts
    from server.slides.tiles.sources import _WholeSlide
    from tests.fuzz.material import FORMATS

    FORMATS["mirax"][1](tmp_path)
    index = tmp_path / "a" / "Slidedat.ini"
    index.write_bytes(index.read_bytes() + b"\n[OTHER]\n" + name + b" = 5\nGOOD = 6")
    facts = read_facts(tmp_path / "a.mrxs")
    assert (facts.width, facts.mpp_x, facts.magnification) == (192, 0.5, 20)
    with _WholeSlide(tmp_path / "a.mrxs") as slide:
        assert slide.properties["mirax.OTHER.GOOD"] == "6"
