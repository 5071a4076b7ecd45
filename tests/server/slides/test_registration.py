"""Registrations of slides through the API: by a job, by landmarks, with their annotations."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from scipy import ndimage
from shapely.geometry import Polygon, mapping

from ml.claims.pairs import write_tiff
from ml.contracts import Bounds
from ml.formats.geometry_budget import GeometryBudget
from ml.slides import open_slide
from ml.slides.registration.transform import Registration as Map
from server.annotations import geometry
from server.annotations.errors import BadGeometryError
from server.annotations.models import Annotation
from server.slides.models import Registration

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

API = "/api/v1"
SHIFT = (40, -25)
MARKS = {"fixed": [[0, 0], [100, 0], [0, 100]], "moving": [[10, 20], [110, 20], [10, 120]]}


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", manager="mia")


@pytest.fixture
def ann(api, user_factory, project):
    return api(user_factory("ann"))


def draw(client, slide, corner):
    x, y = corner
    ring = [[x, y], [x + 50, y], [x + 50, y + 50], [x, y + 50], [x, y]]
    body = {"id": str(uuid.uuid4()), "label_id": None, "shape": "polygon"}
    body["geometry"] = {"type": "Polygon", "coordinates": [ring]}
    assert client.post(f"{API}/slides/{slide.pk}/annotations", body, format="json").status_code == 201


def test_a_shifted_copy_is_found_and_its_annotations_are_carried_over(
    ann, project, real_slide, data, run_jobs, tmp_path
):
    source = data / "slides" / "cmu-1-small-region.svs"
    with open_slide(source) as reader:
        pixels = reader.read(Bounds(300, 400, 1500, 1800), (1500, 1800))
    write_tiff(tmp_path / "fixed.tif", pixels)
    moved = ndimage.shift(pixels, (SHIFT[1], SHIFT[0], 0), order=1, cval=245)
    write_tiff(tmp_path / "moving.tif", moved.astype(np.uint8))
    fixed, moving = (real_slide(project, tmp_path / name) for name in ("fixed.tif", "moving.tif"))
    draw(ann, moving, (800, 900))
    address = f"{API}/slides/{fixed.pk}/registrations"
    asked = ann.post(address, {"moving_id": str(moving.pk)}, format="json")
    assert (asked.status_code, asked.json()["matrix"]) == (202, None)
    again = ann.post(address, {"moving_id": str(moving.pk)}, format="json")
    assert again.json()["job"]["id"] == asked.json()["job"]["id"]
    run_jobs()
    [registration] = ann.get(address).json()
    assert registration["quality"]["likeness"] > 0.8
    [carried] = ann.get(f"{API}/registrations/{registration['id']}/annotations").json()
    x, y = carried["geometry"]["coordinates"][0][0]
    assert (x, y) == (pytest.approx(800 - SHIFT[0], abs=4), pytest.approx(900 - SHIFT[1], abs=4))


def test_landmarks_make_the_map_where_nothing_matches(ann, project, slide_factory, run_jobs):
    fixed, moving = slide_factory(project, "one"), slide_factory(project, "two")
    address = f"{API}/slides/{fixed.pk}/registrations"
    registration = ann.post(address, {"moving_id": str(moving.pk)}, format="json").json()
    carried = f"{API}/registrations/{registration['id']}/annotations"
    assert ann.get(carried).json()["code"] == "not_registered"
    draw(ann, moving, (110, 220))
    wrong = {"fixed": [[0, 0], [1, 1], [2, 2]], "moving": [[0, 0], [1, 1], [2, 2]]}
    refused = ann.put(f"{API}/registrations/{registration['id']}", wrong, format="json")
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_landmarks")
    assert ann.put(f"{API}/registrations/{registration['id']}", MARKS, format="json").status_code == 200
    assert ann.get(carried).json()[0]["geometry"]["coordinates"][0][0] == pytest.approx([100, 200])
    assert ann.delete(f"{API}/registrations/{registration['id']}").status_code == 204
    assert ann.get(address).json() == []


def test_only_another_slide_of_the_project_can_be_laid_over(
    ann, api, project, project_factory, slide_factory, user_factory
):
    slide = slide_factory(project)
    elsewhere = slide_factory(project_factory("other", annotator="ann"))
    hidden = slide_factory(project_factory("hidden"))
    address = f"{API}/slides/{slide.pk}/registrations"
    assert ann.post(address, {"moving_id": str(slide.pk)}, format="json").status_code == 422
    assert ann.post(address, {"moving_id": str(elsewhere.pk)}, format="json").status_code == 422
    assert ann.post(address, {"moving_id": str(hidden.pk)}, format="json").status_code == 404


def folding_map(depth):
    """Return a map that shifts every second column of a fine grid to and fro."""
    shifts = np.zeros((3, 41, 2))
    shifts[:, ::2, 0], shifts[1::2, :, 1] = depth, depth
    return {"matrix": np.eye(3).tolist(), "shifts": shifts.tolist(), "step": 25.0, "quality": None}


def test_annotations_are_moved_within_a_budget(ann, project, slide_factory, monkeypatch):
    fixed, moving = slide_factory(project, "one"), slide_factory(project, "two")
    address = f"{API}/slides/{fixed.pk}/registrations"
    found = ann.post(address, {"moving_id": str(moving.pk)}, format="json").json()
    row = Registration.objects.get(pk=found["id"])
    row.document = folding_map(60)
    row.save()
    draw(ann, moving, (100, 100))
    draw(ann, moving, (300, 300))
    carried = f"{API}/registrations/{found['id']}/annotations"
    assert len(ann.get(carried).json()) == 2
    spent = []
    monkeypatch.setattr(geometry, "mend_area", lambda area, budget: spent.append(budget) or area)
    monkeypatch.setattr(geometry, "is_valid_area", lambda _area: False)
    ann.get(carried)
    assert len(spent) == 2
    assert spent[0] is spent[1], "each shape has a budget of its own"
    monkeypatch.setattr("server.annotations.carried.MOST_POINTS", 9)
    refused = ann.get(carried)
    assert (refused.status_code, refused.json()["code"]) == (422, "geometry_too_large")
    assert Annotation.objects.count() == 2


def test_a_shape_that_the_map_folds_too_often_is_refused():
    xs = np.tile([0.0, 990.0], 300)
    outline = Polygon(np.stack([xs, np.linspace(0, 50, 600)], axis=1))
    move = Map.from_document(folding_map(60)).to_fixed
    with pytest.raises(BadGeometryError, match="crosses itself too often"):
        geometry.moved_geometry(mapping(outline), move, GeometryBudget())
