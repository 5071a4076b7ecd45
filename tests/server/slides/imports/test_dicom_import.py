"""Import of DICOM slides: pictures, channels, or a message with the cause."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from server.slides.models import Slide
from tests import dicom_material as make
from tests.server.fetching import fetch
from tests.server.slides.conftest import API, send
from tests.server.slides.imports.test_import import bring_folder

# Files, pixels and networks are checked here, which no database changes.
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def bring(mia, project, run_jobs, gallery):
    """Upload one file, import it, and return the slide as the gallery lists it."""

    def one(path):
        made = send(mia, project, path)["Coverslip-Slide"]
        run_jobs()
        return next(slide for slide in gallery() if slide["id"] == made)

    return one


@pytest.fixture
def picture_of(mia):
    """Draw a whole slide by the tile application."""

    def draw(slide):
        viewer = mia.get(f"{API}/slides/{slide['id']}/viewer").json()
        size = max(slide["width"], slide["height"])
        box = f"&x=0&y=0&width={slide['width']}&height={slide['height']}&size={size}"
        return np.asarray(Image.open(io.BytesIO(fetch(viewer["region"] + box).content)).convert("RGB"))

    return draw


def far(one, other):
    return float(np.abs(one.astype(np.float64) - other).mean())


@pytest.mark.parametrize(
    "kind",
    [
        {"syntax": make.J2K, "samples_are": "YCBCR"},
        {"syntax": make.JPEG_LS},
        {"syntax": make.RLE},
        {"syntax": make.JPEG, "samples_are": "YCBCR", "photometric": "RGB"},
        {"syntax": make.NATIVE, "samples_are": "RGB", "photometric": "YBR_FULL"},
        {"syntax": make.NATIVE, "samples_are": "YCBCR", "photometric": "YBR_FULL_422"},
        {"syntax": make.BIG, "samples_are": "RGB", "photometric": "YBR_FULL_422"},
        {"syntax": make.JPEG, "ImageType": None},
        {"syntax": make.JPEG, "ImageType": ""},
        {"syntax": make.JPEG, "DimensionOrganizationType": None, "FrameOfReferenceUID": ""},
    ],
)
def test_a_picture_has_its_own_colours_everywhere(tmp_path, bring, picture_of, mia, kind):
    picture = make.tissue()
    slide = bring(make.write_colour(tmp_path / "a.dcm", picture, **kind))
    assert (slide["state"], slide["failure"], slide["format"]) == ("ready", None, "DICOM")
    assert (slide["width"], slide["height"], slide["mpp_x"]) == (420, 300, 0.5)
    assert far(picture_of(slide), picture) < 6
    thumbnail = Image.open(io.BytesIO(mia.get(slide["thumbnail"]).content)).convert("RGB")
    assert far(np.asarray(thumbnail), picture) < 6


@pytest.mark.parametrize("bits", [8, 16])
def test_grey_of_every_depth_is_shown(tmp_path, bring, picture_of, bits):
    slide = bring(make.write_grey(tmp_path / "a.dcm", [make.grey(bits=bits)], bits=bits))
    assert slide["state"] == "ready"
    assert far(picture_of(slide), make.grey()[..., None]) < 4


def test_optical_paths_are_channels(tmp_path, bring, mia):
    planes = [make.grey(bits=16, seed=seed) for seed in range(3)]
    slide = bring(make.write_grey(tmp_path / "a.dcm", planes, bits=16, paths=["DAPI", "FITC", "Cy5"]))
    assert slide["state"] == "ready"
    viewer = mia.get(f"{API}/slides/{slide['id']}/viewer").json()
    assert [channel["name"] for channel in viewer["channels"]] == ["DAPI", "FITC", "Cy5"]
    box = "&x=0&y=0&width=420&height=300&size=420"
    for index, plane in enumerate(planes):
        answer = fetch(f"{viewer['region']}{box}&channels={index}:ffffff:0:65535")
        shown = np.asarray(Image.open(io.BytesIO(answer.content)))
        assert far(shown, (plane >> 8)[..., None]) < 4


def test_the_files_of_the_issue(bring, picture_of, mia, case_file):
    level = bring(case_file("08-dicom-without-image-type", "level.dcm"))
    assert level["state"] == "ready"
    colours = bring(case_file("10-dicom-j2k-ybr-full", "ybr-full.dcm"))
    assert colours["state"] == "ready"
    # Pink and white, not green and purple: near the other file, which is the same picture.
    assert far(picture_of(colours).mean(axis=(0, 1)), picture_of(level).mean(axis=(0, 1))) < 6
    paths = bring(case_file("10-dicom-j2k-ybr-full", "three-paths.dcm"))
    assert paths["state"] == "ready"
    assert len(mia.get(f"{API}/slides/{paths['id']}/viewer").json()["channels"]) == 3


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"syntax": make.MPEG, "photometric": "RGB"}, "1.2.840.10008.1.2.4.100"),
        ({"Rows": None}, "Rows"),
        ({"BitsAllocated": ""}, "BitsAllocated"),
        ({"TotalPixelMatrixColumns": None}, "TotalPixelMatrixColumns"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "not a whole slide"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]}, "label"),
    ],
)
def test_a_refusal_names_its_cause_and_no_path(tmp_path, bring, home, changes, named):
    slide = bring(make.write_colour(tmp_path / "a.dcm", make.tissue(), **changes))
    assert slide["state"] == "failed"
    assert named in slide["failure"]["text"]
    assert not re.search(r"/\w+/\w+", slide["failure"]["text"])
    assert str(home) not in slide["failure"]["text"]
    assert "again from the scanner" not in slide["failure"]["text"]


@pytest.mark.parametrize(
    "name", ["ImageType", "TotalPixelMatrixColumns", "SeriesInstanceUID", "Rows", "OpticalPathSequence"]
)
@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_field_spoils_neither_its_folder_nor_the_request(
    tmp_path, mia, project, run_jobs, gallery, name, value
):
    make.write_colour(tmp_path / "bad.dcm", make.tissue(seed=1), **{name: value})
    make.write_colour(tmp_path / "good.dcm", make.tissue(seed=2))
    answer = bring_folder(mia, project, {f"drop/{n}.dcm": tmp_path / f"{n}.dcm" for n in ("bad", "good")})
    assert answer.status_code == 200
    run_jobs()
    states = [slide["state"] for slide in gallery()]
    assert "ready" in states
    told = [slide["failure"]["text"] for slide in gallery() if slide["failure"]] + [
        one["why"]["text"] for one in answer.json()["refused"]
    ]
    if states != ["ready", "ready"]:
        assert name in " ".join(told)


def test_levels_without_image_type_are_one_slide_and_the_label_is_left_out(
    tmp_path, mia, project, run_jobs, gallery
):
    picture = make.tissue(512, 768)
    for number, step in enumerate((1, 2, 8)):
        make.write_colour(tmp_path / f"{number}.dcm", picture[::step, ::step], series="1.2.3", ImageType=None)
    square = {"series": "1.2.3", "ImageType": None}
    make.write_colour(tmp_path / "label.dcm", make.tissue(100, 100), **square)
    make.write_colour(tmp_path / "macro.dcm", make.tissue(100, 150), SpecimenLabelInImage="YES", **square)
    answer = bring_folder(mia, project, {f"S-1/{path.name}": path for path in sorted(tmp_path.iterdir())})
    assert [slide["name"] for slide in answer.json()["slides"]] == ["S-1"]
    assert sorted(one["name"] for one in answer.json()["refused"]) == ["S-1/label.dcm", "S-1/macro.dcm"]
    run_jobs()
    [slide] = gallery()
    assert (slide["state"], slide["width"], slide["height"]) == ("ready", 768, 512)
    assert Slide.objects.count() == 1
