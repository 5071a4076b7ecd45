"""Pixel size and magnification: read from every place of a file, checked, corrected by a manager."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from ml.slides.dicom.header import read_header
from server.audit.models import AuditRecord
from server.objects.services import begin_object_set
from server.slides.imports.reading import read_facts
from server.slides.models import Slide
from server.slides.viewing.scale import take_scale
from tests.server.slides.conftest import API, send

# Files, pixels and networks are checked here, which no database changes.
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

UNKNOWN = (None, None, "unknown")
OME = (
    '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
    '{objective}<Image ID="Image:0" Name="a">{settings}<Pixels ID="Pixels:0" DimensionOrder="XYCZT" '
    'Type="uint8" SizeX="300" SizeY="260" SizeC="3" SizeZ="1" SizeT="1" {size}>'
    '<Channel ID="Channel:0:0" SamplesPerPixel="3"/><TiffData IFD="0" PlaneCount="1"/></Pixels></Image></OME>'
)


def ome(size, *, objective="", settings=""):
    return OME.format(size=size, objective=objective, settings=settings)


def write_tiff(path, *, description=None, resolution=None, unit=None, drop=(), seed=0):
    """Write a tiled RGB TIFF of 300 x 260 pixels; ``drop`` names tags to take out again."""
    pixels = np.random.default_rng(seed).integers(150, 255, (260, 300, 3)).astype(np.uint8)
    more = {} if resolution is None else {"resolution": resolution}
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(
            pixels, tile=(256, 256), photometric="rgb", compression="zlib", metadata=None,
            description=description.encode() if description else None, resolutionunit=unit, **more,
        )  # fmt: skip
    if drop:
        hide_tags(path, drop)


def hide_tags(path, names):
    """Rename tags to private ones, so that they are missing and the file stays valid."""
    with tifffile.TiffFile(path) as tiff:
        places = [tiff.pages.first.tags[name].offset for name in names]
    with path.open("r+b") as file:
        for number, place in enumerate(places):
            file.seek(place)
            file.write((60_000 + number).to_bytes(2, "little"))


@pytest.fixture
def bring(mia, project, gallery, run_jobs):
    def send_and_read(path):
        send(mia, project, path)
        run_jobs()
        [slide] = gallery()
        assert slide["state"] == "ready", slide["failure"]
        return slide

    return send_and_read


def read(path):
    """Return the result of an import's reading, without the import's subprocess."""
    slide = Slide()
    facts = read_facts(path)
    take_scale(slide, facts)
    return {**vars(slide), "format": facts.format}


def scale_of(slide):
    x, y = (slide[name] and round(slide[name], 4) for name in ("mpp_x", "mpp_y"))
    return x, y, slide["resolution_source"]


def notes_of(slide):
    return [note["code"] for note in slide["resolution_notes"]]


TAGS = [
    ((40_000, 20_000), 3, (0.25, 0.5, "file")),
    ((40_000, 8_000), 3, (0.25, 1.25, "file")),
    ((20_000, 40_000), 3, (0.5, 0.25, "file")),
    ((50_800, 50_800), 2, (0.5, 0.5, "file")),
    ((2_000, 2_000), 4, (0.5, 0.5, "file")),
    ((2, 2), 5, (0.5, 0.5, "file")),
]


@pytest.mark.parametrize(("resolution", "unit", "expected"), TAGS)
def test_resolution_tags_are_read_along_both_axes_in_their_unit(tmp_path, resolution, unit, expected):
    write_tiff(tmp_path / "s.tif", resolution=resolution, unit=unit)
    slide = read(tmp_path / "s.tif")
    assert scale_of(slide) == expected
    assert notes_of(slide) == []


DOUBTFUL = [
    ((40_000, 40_000), 1, "resolution_without_unit"),
    ((72, 72), 2, "resolution_implausible"),
    ((300, 300), 2, "resolution_implausible"),
    ((40_000, 40), 3, "resolution_implausible"),
    ((10_000_000_00, 10_000_000_00), 3, "resolution_implausible"),
    ((0, 40_000), 3, "resolution_implausible"),
]


@pytest.mark.parametrize(("resolution", "unit", "code"), DOUBTFUL)
def test_tags_that_cannot_be_right_are_not_used_and_named(tmp_path, resolution, unit, code):
    write_tiff(tmp_path / "s.tif", resolution=resolution, unit=unit)
    slide = read(tmp_path / "s.tif")
    assert scale_of(slide) == UNKNOWN
    assert notes_of(slide) == [code]
    assert (slide["magnification"], slide["magnification_source"]) == (None, "unknown")


def test_a_tiff_that_states_nothing_has_no_resolution_and_no_note(tmp_path):
    write_tiff(tmp_path / "s.tif")
    slide = read(tmp_path / "s.tif")
    assert (scale_of(slide), notes_of(slide)) == (UNKNOWN, [])


def test_one_axis_alone_is_an_estimate(tmp_path):
    write_tiff(tmp_path / "s.tif", resolution=(40_000, 40_000), unit=3, drop=["YResolution"])
    slide = read(tmp_path / "s.tif")
    assert scale_of(slide) == (0.25, 0.25, "estimated")
    assert notes_of(slide) == ["resolution_one_axis"]


def test_the_unit_is_the_inch_where_its_tag_is_missing(tmp_path):
    write_tiff(tmp_path / "s.tif", resolution=(50_800, 50_800), unit=2, drop=["ResolutionUnit"])
    assert scale_of(read(tmp_path / "s.tif")) == (0.5, 0.5, "file")


def sizes(x, y, unit=None):
    stated = "" if unit is None else f' PhysicalSizeXUnit="{unit}" PhysicalSizeYUnit="{unit}"'
    return f'PhysicalSizeX="{x}" PhysicalSizeY="{y}"{stated}'


XML = [
    (sizes(0.25, 0.25), (0.25, 0.25, "file"), []),
    (sizes(0.25, 0.5, "µm"), (0.25, 0.5, "file"), []),
    (sizes(250, 500, "nm"), (0.25, 0.5, "file"), []),
    (sizes(0.00025, 0.00025, "mm"), (0.25, 0.25, "file"), []),
    (sizes(2.5e-5, 2.5e-5, "cm"), (0.25, 0.25, "file"), []),
    (sizes(2.5e-7, 2.5e-7, "m"), (0.25, 0.25, "file"), []),
    (sizes(2500, 2500, "Å"), (0.25, 0.25, "file"), []),
    (sizes(1e-5, 1e-5, "in"), (0.254, 0.254, "file"), []),
    ('PhysicalSizeX="0.25" PhysicalSizeXUnit="µm" PhysicalSizeY="500" PhysicalSizeYUnit="nm"',
     (0.25, 0.5, "file"), []),
    ('PhysicalSizeX="0.25"', (0.25, 0.25, "estimated"), ["resolution_one_axis"]),
    (sizes(1, 1, "pixel"), UNKNOWN, ["resolution_without_unit"]),
    (sizes(0.25, 0.25, "reference frame"), UNKNOWN, ["resolution_without_unit"]),
    (sizes(0, 0), UNKNOWN, ["resolution_implausible"]),
    (sizes(-0.25, -0.25), UNKNOWN, ["resolution_implausible"]),
    (sizes("NaN", "NaN"), UNKNOWN, ["resolution_implausible"]),
    (sizes(264.58, 264.58), UNKNOWN, ["resolution_implausible"]),
]  # fmt: skip


@pytest.mark.parametrize(("size", "expected", "notes"), XML)
def test_ome_xml_is_read_in_each_unit_and_wins_over_the_tags(tmp_path, size, expected, notes):
    # The tags say 1 µm, and are not believed beside the XML.
    write_tiff(tmp_path / "s.ome.tif", description=ome(size), resolution=(10_000, 10_000), unit=3)
    slide = read(tmp_path / "s.ome.tif")
    assert scale_of(slide) == expected
    assert notes_of(slide) == notes
    assert slide["format"] == "OME-TIFF"


def test_ome_xml_without_a_size_leaves_it_to_the_tags(tmp_path):
    write_tiff(tmp_path / "s.ome.tif", description=ome(""), resolution=(20_000, 10_000), unit=3)
    assert scale_of(read(tmp_path / "s.ome.tif")) == (0.5, 1.0, "file")


def test_the_objective_in_ome_xml_is_a_fact_and_without_it_the_magnification_is_an_estimate(tmp_path):
    objective = '<Instrument ID="I:0"><Objective ID="O:1" NominalMagnification="63"/></Instrument>'
    text = ome(sizes(0.25, 0.25), objective=objective, settings='<ObjectiveSettings ID="O:1"/>')
    write_tiff(tmp_path / "s.ome.tif", description=text)
    slide = read(tmp_path / "s.ome.tif")
    assert (slide["magnification"], slide["magnification_source"]) == (63.0, "file")
    write_tiff(tmp_path / "t.ome.tif", description=ome(sizes(0.25, 0.25)))
    other = read(tmp_path / "t.ome.tif")
    assert (other["magnification"], other["magnification_source"]) == (40.0, "estimated")


IMAGEJ = [
    ("micron", (4, 2), (0.25, 0.5)),
    ("µm", (4, 4), (0.25, 0.25)),
    (r"\u00B5m", (4, 2), (0.25, 0.5)),
    ("um", (2, 2), (0.5, 0.5)),
    ("nm", (0.004, 0.004), (0.25, 0.25)),
    ("mm", (4000, 4000), (0.25, 0.25)),
    ("inch", (101_600, 101_600), (0.25, 0.25)),
    ("cm", (40_000, 20_000), (0.25, 0.5)),
]


@pytest.mark.parametrize(("unit", "resolution", "expected"), IMAGEJ)
def test_imagej_counts_pixels_per_unit_of_its_description(tmp_path, unit, resolution, expected):
    text = f"ImageJ=1.54f\nunit={unit}\nloop=false\n"
    write_tiff(tmp_path / "s.tif", description=text, resolution=resolution, unit=1)
    slide = read(tmp_path / "s.tif")
    assert scale_of(slide) == (*expected, "file")
    assert slide["format"] == "ImageJ TIFF"


def test_imagej_without_a_length_is_unknown(tmp_path):
    text = "ImageJ=1.54f\nunit=pixel\n"
    write_tiff(tmp_path / "s.tif", description=text, resolution=(1, 1), unit=1)
    assert scale_of(read(tmp_path / "s.tif")) == UNKNOWN


APERIO = [
    ("MPP = 0.2520|AppMag = 40", (0.252, 0.252, "file"), (40.0, "file"), []),
    ("AppMag = 20|MPP = 0,4990", (0.499, 0.499, "file"), (20.0, "file"), []),
    ("MPP = 0.5 um", (0.5, 0.5, "file"), (20.0, "estimated"), []),
    ("MPP_X = 0.25|MPP_Y = 0.5", (0.25, 0.5, "file"), (40.0, "estimated"), []),
    ("AppMag = 20", UNKNOWN, (20.0, "file"), []),
    ("MPP = 0|AppMag = 20", UNKNOWN, (20.0, "file"), ["resolution_implausible"]),
    ("MPP = nan", UNKNOWN, (None, "unknown"), ["resolution_implausible"]),
    ("MPP = -0.25", UNKNOWN, (None, "unknown"), ["resolution_implausible"]),
    ("MPP = 250", UNKNOWN, (None, "unknown"), ["resolution_implausible"]),
    ("MPP = 2.5|AppMag = 40", (2.5, 2.5, "file"), (40.0, "file"), ["magnification_disagrees"]),
    ("MPP = 0.25|AppMag = 0", (0.25, 0.25, "file"), (40.0, "estimated"), ["magnification_implausible"]),
]


@pytest.mark.parametrize(("text", "expected", "power", "notes"), APERIO)
@pytest.mark.parametrize("maker", ["Aperio Image Library v12\r\n300x260 ", "Some scanner|"])
def test_descriptions_like_aperios(tmp_path, maker, text, expected, power, notes):
    write_tiff(tmp_path / "s.svs", description=f"{maker}|{text}|Date = 01/01/20")
    slide = read(tmp_path / "s.svs")
    assert scale_of(slide) == expected
    assert (slide["magnification"], slide["magnification_source"]) == power
    assert notes_of(slide) == notes


def edit_dicom(source, target, *, spacing=None, volume=None, power=None):
    """Write a copy of a DICOM slide with another spacing (rows, columns; None: none) and volume, in mm."""
    import pydicom

    slide = pydicom.dcmread(source)
    measures = slide.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    del measures.PixelSpacing
    if spacing is not None:
        measures.PixelSpacing = list(spacing)
    for name in ("ImagedVolumeWidth", "ImagedVolumeHeight"):
        if name in slide:
            delattr(slide, name)
    if volume is not None:
        slide.ImagedVolumeWidth, slide.ImagedVolumeHeight = volume
    slide.OpticalPathSequence[0].ObjectiveLensPower = power
    slide.save_as(target)


DICOM = [
    ({"spacing": (0.0005, 0.00025)}, (0.25, 0.5, "file"), "estimated", []),
    ({"spacing": (0.0005, 0.0005), "power": 20}, (0.5, 0.5, "file"), "file", []),
    ({"volume": (2220 * 0.25e-3, 2967 * 0.5e-3)}, (0.25, 0.5, "file"), "estimated", []),
    ({"spacing": (0, 0)}, UNKNOWN, "unknown", ["resolution_implausible"]),
    ({"spacing": (1, 1)}, UNKNOWN, "unknown", ["resolution_implausible"]),
    ({}, UNKNOWN, "unknown", []),
]


@pytest.mark.parametrize(("changes", "expected", "power", "notes"), DICOM)
def test_dicom_states_the_height_of_a_pixel_first_or_only_the_size_of_the_volume(
    data, tmp_path, changes, expected, power, notes
):
    source = next(path for path in (data / "slides" / "cmu-1-small-region-dicom").iterdir() if is_level(path))
    edit_dicom(source, tmp_path / "a.dcm", **changes)
    slide = read(tmp_path / "a.dcm")
    assert (scale_of(slide), slide["magnification_source"]) == (expected, power)
    assert notes_of(slide) == notes


def is_level(path):
    header = read_header(path)
    return header is not None and header.size == (2220, 2967)


def test_an_imported_slide_tells_its_scale_its_source_and_its_doubts(bring, tmp_path):
    text = ome('PhysicalSizeX="250" PhysicalSizeXUnit="nm"')
    write_tiff(tmp_path / "s.ome.tif", description=text)
    slide = bring(tmp_path / "s.ome.tif")
    assert scale_of(slide) == (0.25, 0.25, "estimated")
    [note] = slide["resolution_notes"]
    assert (note["code"], note["params"]) == ("resolution_one_axis", {"axis": "x"})
    assert (slide["magnification"], slide["magnification_source"]) == (40.0, "estimated")


def test_the_reported_cases(bring, mia, project, gallery, run_jobs, case_file):
    slide = bring(case_file("06-pixels-not-square", "quarter-by-half-micron.tif"))
    assert scale_of(slide) == (0.25, 0.5, "file")
    send(mia, project, case_file("07-ome-pixel-size", "brightfield.ome.tif"))
    run_jobs()
    other = next(one for one in gallery() if one["id"] != slide["id"])
    assert scale_of(other) == (0.25, 0.25, "file")
    assert (other["magnification"], other["format"]) == (40.0, "OME-TIFF")


def test_a_manager_corrects_the_resolution_and_takes_it_back(mia, api, user_factory, project, slide_factory):
    slide = slide_factory(project, "a", magnification=20.0, magnification_source="estimated")
    address = f"{API}/slides/{slide.pk}"
    changed = mia.patch(address, {"resolution": {"x": 0.25, "y": 1.0}}, format="json").json()
    assert scale_of(changed) == (0.25, 1.0, "corrected")
    assert (changed["file_mpp_x"], changed["file_mpp_y"]) == (0.5, 0.5)
    # The estimate follows the finer side.
    assert (changed["magnification"], changed["magnification_source"]) == (40.0, "estimated")
    ann = api(user_factory("ann"))
    assert scale_of(ann.get(address).json()) == (0.25, 1.0, "corrected")
    assert ann.patch(address, {"resolution": None}, format="json").status_code == 403
    reverted = mia.patch(address, {"resolution": None}, format="json").json()
    assert scale_of(reverted) == (0.5, 0.5, "file")
    records = AuditRecord.objects.filter(action__startswith="slide.resolution").order_by("sequence")
    assert [record.action for record in records] == [
        "slide.resolution_corrected",
        "slide.resolution_reverted",
    ]
    details = records[0].details
    assert [details[when]["mpp_y"] for when in ("before", "after")] == [0.5, 1.0]


def test_a_stated_magnification_does_not_follow_a_correction(mia, project, slide_factory):
    slide = slide_factory(project, "a", magnification=20.0)
    body = {"resolution": {"x": 0.25, "y": 0.25}}
    changed = mia.patch(f"{API}/slides/{slide.pk}", body, format="json").json()
    assert (changed["magnification"], changed["magnification_source"]) == (20.0, "file")


@pytest.mark.parametrize(
    "wrong", [{"x": 0, "y": 1}, {"x": -1, "y": 1}, {"x": 1}, {"x": "nan", "y": 1}, {"x": 1, "y": 1e9}, 0.5]
)
def test_a_correction_that_cannot_be_is_refused(mia, project, slide_factory, wrong):
    slide = slide_factory(project, "a")
    assert mia.patch(f"{API}/slides/{slide.pk}", {"resolution": wrong}, format="json").status_code == 400
    assert Slide.objects.get(pk=slide.pk).mpp_x == 0.5


def test_suggestions_made_before_a_correction_say_so(mia, user_factory, project, slide_factory):
    slide = slide_factory(project, "a")
    for source in ("model", "file"):
        begin_object_set(actor=user_factory("mia"), slide=slide, name=source, source=source, labels=[])
    address = f"{API}/slides/{slide.pk}"

    def outdated():
        sets = mia.get(f"{address}/object-sets").json()
        rows = sets["results"] if isinstance(sets, dict) else sets
        return {row["name"]: row["is_of_other_resolution"] for row in rows}

    assert outdated() == {"model": False, "file": False}
    mia.patch(address, {"resolution": {"x": 0.25, "y": 0.25}}, format="json")
    assert outdated() == {"model": True, "file": False}
    mia.patch(address, {"resolution": None}, format="json")
    assert outdated() == {"model": False, "file": False}
