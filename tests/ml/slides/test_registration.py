"""Registration of two slides: mapped points, transferred shapes, and refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from shapely.geometry import box

from ml.__main__ import main
from ml.claims.pairs import MPP, write_pair
from ml.contracts import DataError
from ml.slides import open_slide
from ml.slides.registration.label_transfer import Thresholds, transfer_labels
from ml.slides.registration.transform import Registration, from_landmarks, register


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return write_pair(tmp_path_factory.mktemp("pair"), 4, stain="DAB")


@pytest.fixture(scope="module")
def registered(pair):
    with open_slide(pair.fixed) as fixed, open_slide(pair.moving) as moving:
        return register(fixed, moving)


def test_places_land_where_they_belong_across_stains_and_come_back(pair, registered):
    there = registered.to_moving(pair.points)
    errors = np.linalg.norm(there - pair.truth(pair.points), axis=1) * MPP
    assert np.median(errors) < 5
    assert registered.quality.good
    assert np.abs(registered.to_fixed(there) - pair.points).max() < 0.1


def test_a_registration_survives_json(pair, registered):
    again = Registration.from_document(json.loads(json.dumps(registered.document())))
    assert np.abs(again.to_moving(pair.points) - registered.to_moving(pair.points)).max() < 0.01
    assert again.quality == registered.quality


def test_brown_labels_patches_of_the_other_slide(pair, registered):
    with open_slide(pair.fixed) as fixed, open_slide(pair.moving) as moving:
        shapes = transfer_labels(fixed, moving, registered, patch=112, positive="tumour", negative="stroma")
    right, count = 0, 0
    for item in shapes:
        within = [name for name, region in pair.phantom.regions if region.contains(item.geometry)]
        if within:
            right += within[-1] == item.label
            count += 1
    assert count > 50
    assert right / count > 0.8


def test_landmarks_make_a_map_and_wrong_ones_are_refused():
    fixed = [[0, 0], [100, 0], [0, 100]]
    registered = from_landmarks(fixed, [[10, 20], [110, 20], [10, 120]])
    assert np.allclose(registered.to_moving(np.array([[50.0, 50.0]])), [[60, 70]])
    assert registered.warp(box(10, 20, 20, 30)).bounds == pytest.approx((0, 0, 10, 10))
    for wrong in ([[0, 0], [1, 1], [2, 2]], [[0, 0], [1, 1]], [[0, 0], [0, 100], [100, 0]]):
        with pytest.raises(DataError) as caught:
            from_landmarks(fixed[: len(wrong)] if len(wrong) < 3 else fixed, wrong)
        assert caught.value.code == "bad_landmarks"
    with pytest.raises(DataError):
        from_landmarks([[0, 0], [1, 1], [2, 2]], fixed)


def test_slides_with_nothing_in_common_are_said_to_be(tmp_path, pair):
    tifffile.imwrite(tmp_path / "white.tif", np.full((600, 600, 3), 245, np.uint8), photometric="rgb")
    with (
        open_slide(pair.fixed) as fixed,
        open_slide(tmp_path / "white.tif") as other,
        pytest.raises(DataError) as caught,
    ):
        register(fixed, other)
    assert caught.value.code == "not_alike"
    with pytest.raises(DataError):
        Thresholds(0.6, 0.5)


def test_the_tools_write_the_map_and_carry_annotations(tmp_path, capsys):
    # Glass without any tissue: nothing to match.
    pixels = np.full((300, 300, 3), 245, np.uint8)
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(tmp_path / name, pixels, photometric="rgb")
    marks = {"fixed": [[0, 0], [100, 0], [0, 100]], "moving": [[10, 20], [110, 20], [10, 120]]}
    (tmp_path / "marks.json").write_text(json.dumps(marks))
    shape = {"type": "Polygon", "coordinates": [[[10, 20], [20, 20], [20, 30], [10, 20]]]}
    (tmp_path / "b.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": shape}]})
    )
    paths = [str(tmp_path / name) for name in ("a.tif", "b.tif")]
    options = ["--out", str(tmp_path / "map.json"), "--landmarks", str(tmp_path / "marks.json")]
    options += ["--annotations", str(tmp_path / "b.geojson")]
    assert main(["run", "registration", *paths, *options]) == 0
    carried = json.loads((tmp_path / "b.carried.geojson").read_text())
    assert carried["features"][0]["geometry"]["coordinates"][0][0] == pytest.approx([0, 0])
    assert main(["run", "registration", *paths, "--out", str(tmp_path / "no.json")]) == 2
    assert "landmarks" in capsys.readouterr().err
    assert not (tmp_path / "no.json").exists()
