"""The atlas of a project through the API: requested, made by a job, read with crops."""

from __future__ import annotations

import uuid

import pytest

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

API = "/api/v1"


def test_patches_of_all_slides_are_laid_out(
    api, user_factory, project_factory, slide_factory, data, ready_slide, run_jobs
):
    project = project_factory(annotator="ann", manager="mia")
    ann = api(user_factory("ann"))
    slide = ready_slide(project, data / "slides" / "cmu-1-small-region.svs")
    address = f"{API}/projects/{project.pk}/atlas"
    assert ann.get(address).json() == {"job": None, "map": None}
    asked = ann.post(address)
    assert (asked.status_code, asked.json()["map"]) == (202, None)
    assert ann.post(address).json()["job"]["id"] == asked.json()["job"]["id"]
    run_jobs()
    points_map = ann.get(address).json()["map"]
    assert points_map["total"] >= points_map["shown"] == len(points_map["points"]) >= 3
    assert [row["id"] for row in points_map["slides"]] == [str(slide.pk)]
    for point in points_map["points"]:
        assert point["slide"] == str(slide.pk)
        assert max(abs(point["across"]), abs(point["down"])) <= 1
        assert 0 <= point["kind"] < points_map["kinds"]
        assert 0 <= point["x"] < slide.width
    assert ann.post(address).json()["job"]["id"] != asked.json()["job"]["id"]
    assert ann.get(address).json()["map"]["points"] == points_map["points"]


def test_a_patch_has_the_label_that_is_drawn_over_its_middle(
    api, user_factory, project_factory, label_factory, data, ready_slide, run_jobs
):
    project = project_factory(annotator="ann", manager="mia")
    ann, label = api(user_factory("ann")), label_factory(project)
    slide = ready_slide(project, data / "slides" / "cmu-1-small-region.svs")
    address = f"{API}/projects/{project.pk}/atlas"
    ann.post(address)
    run_jobs()
    points = ann.get(address).json()["map"]["points"]
    assert {point["label_id"] for point in points} == {None}
    x, y, side = (points[0][key] for key in ("x", "y", "side"))
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    body = {
        "id": str(uuid.uuid4()),
        "label_id": str(label.pk),
        "shape": "rectangle",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    assert ann.post(f"{API}/slides/{slide.pk}/annotations", body, format="json").status_code == 201
    labelled = [point["label_id"] for point in ann.get(address).json()["map"]["points"]]
    assert labelled[0] == str(label.pk)
    assert 1 <= labelled.count(str(label.pk)) < len(points)


def test_a_project_without_slides_has_no_atlas(api, user_factory, project_factory):
    project = project_factory(annotator="ann")
    answer = api(user_factory("ann")).post(f"{API}/projects/{project.pk}/atlas")
    assert (answer.status_code, answer.json()["code"]) == (422, "no_slides")
