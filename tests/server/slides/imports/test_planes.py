"""Slides of several focal planes or time points: the shown one, and the choice of another."""

from __future__ import annotations

import io
import json
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image
from pydicom.sequence import Sequence

from ml.contracts import Bounds
from ml.slides.files.stacks import find_stack
from ml.slides.reading import open_interpreted, open_slide
from ml.slides.tiff.interpretation import interpret, sidecar_of
from server.core.files.storage import storage_path
from server.slides.imports.manifest import THUMBNAIL_NAME, slide_key
from server.slides.imports.pixel_check import PixelCheck
from server.slides.models import Slide
from server.slides.selectors import slide_path
from tests import dicom_material as make
from tests.server.fetching import fetch
from tests.server.slides.conftest import API, send

# Files, pixels and networks are checked here, which no database changes.
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def bring(mia, project, run_jobs):
    def one(path):
        made = send(mia, project, path)["Coverslip-Slide"]
        run_jobs()
        return mia.get(f"{API}/slides/{made}/viewer").json()

    return one


def pixels(address):
    answer = fetch(address)
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))


def focal_picture(number):
    """Return a picture (h, w, 3) brighter than the one before by more than any decoder's error."""
    return make.tissue(seed=number) // 2 + np.uint8(9 * number)


def far(one, other):
    return float(np.abs(one.astype(np.float64) - other).mean())


def test_a_stack_opens_in_its_middle_plane_and_shows_the_others(tmp_path, bring):
    pictures = [focal_picture(seed) for seed in range(5)]
    viewer = bring(make.write_planes(tmp_path / "a.dcm", pictures))
    assert viewer["stack"] == {
        "planes": 5,
        "plane": 2,
        "times": 1,
        "time": 0,
        "is_selectable": True,
        "paths": 1,
    }
    region = f"{viewer['region']}&x=0&y=0&width=420&height=300&size=420"
    assert far(pixels(region), pictures[2]) < 4
    for number, picture in enumerate(pictures):
        assert far(pixels(f"{region}&plane={number}"), picture) < 4
    deepest = viewer["levels"][-1]["z"]
    tile = viewer["tiles"].format(z=deepest, x=1, y=0)
    side = viewer["tile_size"]
    for number in (0, 4):
        assert far(pixels(f"{tile}&plane={number}"), pictures[number][:side, side : 2 * side]) < 4
    # The tiles far away are drawn at import, of the plane that is shown.
    whole = viewer["tiles"].format(z=0, x=0, y=0)
    assert far(pixels(f"{whole}&plane=0"), pixels(whole)) > 1


def test_each_plane_is_cached_by_itself(tmp_path, bring):
    viewer = bring(make.write_planes(tmp_path / "a.dcm", [focal_picture(seed) for seed in range(3)]))
    tile = viewer["tiles"].format(z=0, x=0, y=0)
    tags = {fetch(f"{tile}{plane}").headers["etag"] for plane in ("", "&plane=0", "&plane=1", "&plane=2")}
    assert len(tags) == 4


def test_channels_have_planes_too(tmp_path, bring):
    planes = [focal_picture(seed)[..., 1] for seed in range(6)]
    path = make.write_grey(tmp_path / "a.dcm", planes, paths=["DAPI", "FITC"], TotalPixelMatrixFocalPlanes=3)
    viewer = bring(path)
    assert (viewer["stack"]["planes"], viewer["stack"]["plane"]) == (3, 1)
    region = f"{viewer['region']}&x=0&y=0&width=420&height=300&size=420&channels=1:ffffff:0:255"
    assert far(pixels(region), planes[4][..., None]) < 4
    assert far(pixels(f"{region}&plane=2"), planes[5][..., None]) < 4


@pytest.mark.parametrize(
    ("plane", "status"), [("3", 404), ("99999", 404), ("-1", 400), ("x", 400), ("", 400), ("1e1", 400)]
)
def test_a_plane_that_is_none_is_refused(tmp_path, bring, plane, status):
    viewer = bring(make.write_planes(tmp_path / "a.dcm", [focal_picture(seed) for seed in range(3)]))
    assert fetch(f"{viewer['tiles'].format(z=0, x=0, y=0)}&plane={plane}").status_code == status


SHAPE = {"Z": 5, "T": 3, "C": 2, "Y": 300, "X": 420, "S": 3}
# Without a page for each: as ImageJ writes stacks above 4 GB.
IMAGEJ = {"imagej": True, "photometric": "rgb"}
JPEG = {"ome": True, "photometric": "rgb", "compression": "jpeg", "tile": (256, 256)}
LAYOUTS = {
    "ome": ("TZYXS", "a.ome.tif", {"ome": True, "photometric": "rgb", "tile": (128, 128)}),
    "time": ("TYXS", "a.ome.tif", {"ome": True, "photometric": "rgb", "rowsperstrip": 16}),
    "jpeg": ("ZYXS", "a.ome.tif", JPEG),
    "pyramid": ("ZYXS", "a.ome.tif", {**JPEG, "subifds": 1}),
    "separate": ("ZSYX", "a.ome.tif", {"ome": True, "photometric": "rgb", "planarconfig": "separate"}),
    "imagej": ("ZYXS", "a.tif", IMAGEJ),
    "imagej, first page alone": ("TZYXS", "a.tif", {**IMAGEJ, "truncate": True}),
    "shaped": ("ZYXS", "a.tif", {"photometric": "rgb", "tile": (128, 128)}),
}


def write_stack(path, axes, options):
    """Write a TIFF and return its pictures (h, w, 3), the focal planes of each time point together."""
    shape = [SHAPE[axis] for axis in axes if axis not in "YXS"]
    pictures = [focal_picture(seed) for seed in range(int(np.prod(shape)))]
    stored = [np.moveaxis(one, -1, 0) if axes.endswith("SYX") else one for one in pictures]
    whole = np.stack(stored).reshape(*shape, *stored[0].shape)
    plain = {name: value for name, value in options.items() if name not in {"ome", "imagej"}}
    with tifffile.TiffWriter(
        path, ome=options.get("ome", False), imagej=options.get("imagej", False)
    ) as tiff:
        tiff.write(whole, metadata={"axes": axes}, **plain)
        for _ in range(plain.pop("subifds", 0)):
            half = [np.asarray(Image.fromarray(one).reduce(2)) for one in pictures]
            tiff.write(np.stack(half), subfiletype=1, **plain)
    return pictures


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_tiff_opens_in_its_middle_plane_and_shows_the_others(tmp_path, bring, layout):
    axes, name, options = LAYOUTS[layout]
    pictures = write_stack(tmp_path / name, axes, options)
    planes, times = (SHAPE[axis] if axis in axes else 1 for axis in "ZT")
    viewer = bring(tmp_path / name)
    middle = planes // 2
    assert viewer["stack"] == {
        "planes": planes, "plane": middle, "times": times, "time": 0, "is_selectable": planes > 1, "paths": 1,
    }  # fmt: skip
    region = f"{viewer['region']}&x=0&y=0&width=420&height=300&size=420"
    assert far(pixels(region), pictures[middle]) < 4
    deepest, side = viewer["levels"][-1]["z"], viewer["tile_size"]
    tile = viewer["tiles"].format(z=deepest, x=0, y=0)
    assert far(pixels(tile), pictures[middle][:side, :side]) < 4
    for number in range(planes if planes > 1 else 0):
        assert far(pixels(f"{region}&plane={number}"), pictures[number]) < 4
        assert far(pixels(f"{tile}&plane={number}"), pictures[number][:side, :side]) < 4
        half = f"{viewer['tiles'].format(z=deepest - 1, x=0, y=0)}&plane={number}"
        small = np.asarray(Image.fromarray(pictures[number]).reduce(2))
        shown = pixels(half)
        assert far(shown, small[: shown.shape[0], : shown.shape[1]]) < 4
    slide = Slide.objects.get()
    thumbnail = np.asarray(Image.open(storage_path(f"{slide_key(slide.sha256)}/{THUMBNAIL_NAME}")))
    assert far(thumbnail, pictures[middle]) < 4
    with open_slide(slide_path(slide)) as reader:
        assert far(reader.read(Bounds(0, 0, 420, 300), (420, 300)), pictures[middle]) < 4


def test_channels_of_a_tiff_have_planes(tmp_path, bring):
    whole = np.stack([focal_picture(seed)[..., 1] for seed in range(10)]).reshape(5, 2, 300, 420)
    tifffile.imwrite(
        tmp_path / "a.ome.tif", whole, ome=True, photometric="minisblack", metadata={"axes": "ZCYX"}
    )
    viewer = bring(tmp_path / "a.ome.tif")
    assert (viewer["stack"]["planes"], viewer["stack"]["plane"], len(viewer["channels"])) == (5, 2, 2)
    region = f"{viewer['region']}&x=0&y=0&width=420&height=300&size=420&channels=1:ffffff:0:255"
    assert far(pixels(region), whole[2, 1][..., None]) < 4
    assert far(pixels(f"{region}&plane=4"), whole[4, 1][..., None]) < 4


def test_the_pixel_check_notices_another_plane(tmp_path):
    path = tmp_path / "a.ome.tif"
    write_stack(path, *[LAYOUTS["ome"][place] for place in (0, 2)])
    interpretation = interpret(path)
    with closing(PixelCheck.open(path, interpretation)) as check:
        for plane in range(5):
            reader = open_interpreted(path, replace(interpretation, plane=plane))

            def draw(box, size, reader=reader):
                left, top, right, bottom = box
                return reader.read(Bounds(left, top, right - left, bottom - top), size)

            assert check.agrees(draw) == (plane == 2)


def test_a_slide_of_an_earlier_import_keeps_the_plane_that_was_shown(tmp_path):
    path = tmp_path / "a.ome.tif"
    pictures = write_stack(path, "ZYXS", LAYOUTS["ome"][2])
    values = {**interpret(path).to_values()}
    del values["plane"]
    sidecar_of(path).write_text(json.dumps(values))
    with open_slide(path) as reader:
        assert far(reader.read(Bounds(0, 0, 420, 300), (420, 300)), pictures[0]) < 4
    assert find_stack(path).plane == 0


def test_several_colour_paths_are_counted(tmp_path, bring):
    pictures = [focal_picture(seed) for seed in range(2)]
    paths = {
        "OpticalPathSequence": Sequence(
            [make.optical_path(1, "Bright field"), make.optical_path(2, "Other")]
        ),
        "NumberOfOpticalPaths": 2,
    }
    viewer = bring(make.write_planes(tmp_path / "a.dcm", pictures, TotalPixelMatrixFocalPlanes=1, **paths))
    assert (viewer["stack"]["planes"], viewer["stack"]["paths"]) == (1, 2)
    region = f"{viewer['region']}&x=0&y=0&width=420&height=300&size=420"
    assert far(pixels(region), pictures[0]) < 4


def test_an_ordinary_slide_has_one_plane(tmp_path, bring):
    viewer = bring(make.write_colour(tmp_path / "a.dcm", make.tissue()))
    assert viewer["stack"] == {
        "planes": 1,
        "plane": 0,
        "times": 1,
        "time": 0,
        "is_selectable": False,
        "paths": 1,
    }
    assert fetch(f"{viewer['tiles'].format(z=0, x=0, y=0)}&plane=0").status_code == 200
    assert fetch(f"{viewer['tiles'].format(z=0, x=0, y=0)}&plane=1").status_code == 404
