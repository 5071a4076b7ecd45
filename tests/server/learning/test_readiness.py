"""Readiness of a round: every problem, reported before a job starts, with what to do."""

from __future__ import annotations

import uuid

import pytest

from server.jobs.models import Job
from server.learning.models import Snapshot
from server.learning.rounds.readiness import warn_of_marks_off_tissue
from server.learning.snapshots.plan import plan_round

pytestmark = pytest.mark.django_db

API = "/api/v1"
LEFT_HALF = {
    "type": "MultiPolygon",
    "coordinates": [[[[0, 0], [5000, 0], [5000, 8000], [0, 8000], [0, 0]]]],
}


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", reviewer="rob", manager="mia")


@pytest.fixture
def mia(api, user_factory, project):
    return api(user_factory("mia"))


@pytest.fixture
def slide(project, slide_factory):
    """A slide ten thousand pixels wide, with tissue on the left half."""
    return slide_factory(project, "a", tissue=LEFT_HALF)


@pytest.fixture
def labels(project, label_factory):
    return [label_factory(project), label_factory(project, "Stroma", "#0072b2")]


def square(x, y, side=300):
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


def draw(client, slide, label, places, shape="polygon", geometry=square):
    changes = [
        {"op": "create", "id": str(uuid.uuid4()), "label_id": label and str(label.pk), "shape": shape,
         "geometry": geometry(*place)}
        for place in places
    ]  # fmt: skip
    answer = client.post(f"{API}/slides/{slide.pk}/annotations/batch", {"changes": changes}, format="json")
    assert answer.status_code == 200, answer.json()


def check(client, project, recipe="descriptors", **config):
    body = {"recipe": recipe, "config": config}
    answer = client.post(f"{API}/projects/{project.pk}/rounds/check", body, format="json")
    assert answer.status_code == 200, answer.json()
    return answer.json()


def codes(told):
    return {finding["code"] for finding in told["blockers"]}, {row["code"] for row in told["warnings"]}


def places(count, x=200, step=900):
    return [(x + step * (n % 5), 200 + step * (n // 5)) for n in range(count)]


def test_nothing_labelled(mia, project, slide):
    told = check(mia, project)
    assert not told["ready"]
    assert codes(told)[0] == {"no_labels"}
    assert all(finding["text"].endswith(".") for finding in told["blockers"])


def test_shapes_without_training_value_do_not_count(mia, project, slide, labels):
    """Shapes without a label, rulers, and marks of a retired label."""
    draw(mia, slide, None, places(3))
    draw(
        mia,
        slide,
        labels[0],
        [(0, 0)],
        "line",
        lambda *_: {"type": "LineString", "coordinates": [[0, 0], [9, 9]]},
    )
    draw(mia, slide, labels[1], places(3))
    mia.post(f"{API}/projects/{project.pk}/labels/{labels[1].pk}/retire")
    assert codes(check(mia, project))[0] == {"no_labels"}


def test_one_class_alone_needs_a_second_or_a_finished_area(mia, project, slide, labels):
    draw(mia, slide, labels[0], places(8))
    told = check(mia, project)
    assert "one_class_only" in codes(told)[0]
    assert any("Tumour" in finding["text"] for finding in told["blockers"])
    area = {"id": str(uuid.uuid4()), "geometry": square(0, 0, 4900)}
    mia.post(f"{API}/slides/{slide.pk}/regions", area, format="json")
    assert "one_class_only" not in codes(check(mia, project))[0]


def test_too_few_marks_of_a_label(mia, project, slide, labels):
    draw(mia, slide, labels[0], places(8))
    draw(mia, slide, labels[1], [(200, 6000)])
    blockers, _ = codes(check(mia, project))
    assert "too_few_labels" in blockers


def test_marks_outside_tissue_are_counted_and_said(mia, project, slide, labels):
    draw(mia, slide, labels[0], places(8))
    draw(mia, slide, labels[1], [*places(8, x=300), (7000, 500), (8000, 500), (4900, 6000)])
    # The job looks, which reads the shapes.
    [finding] = warn_of_marks_off_tissue(plan_round(project))
    # The third of them touches tissue with a third of its area.
    assert finding.code == "labels_outside_tissue"
    assert str(finding).startswith("2 of the marks of Stroma on a")


def test_one_case_is_split_by_place_with_a_warning_two_are_not(mia, project, slide, labels, slide_factory):
    for label, x in ((labels[0], 200), (labels[1], 250)):
        draw(mia, slide, label, places(10, x=x))
    told = check(mia, project)
    assert (told["split_by"], "split_by_region_one_case" in codes(told)[1]) == ("region", True)
    for number in range(3):
        other = slide_factory(project, f"b{number}", tissue=LEFT_HALF)
        for label, x in ((labels[0], 200), (labels[1], 250)):
            draw(mia, other, label, places(10, x=x))
    told = check(mia, project)
    assert (told["ready"], told["split_by"]) == (True, "case")
    assert not {"split_by_region", "split_by_region_one_case"} & codes(told)[1]
    assert told["counts"]["cases"] == 4
    assert sum(told["parts"].values()) == 80
    assert all(told["parts"].values())


def test_outlines_of_nuclei_need_a_finished_area(mia, project, slide, labels):
    draw(mia, slide, labels[0], places(5))
    told = check(mia, project, "nuclei")
    assert {"too_few_labels_objects", "no_finished_region"} <= codes(told)[0]


def test_a_check_writes_nothing_and_a_start_says_the_same(mia, project, slide, labels):
    draw(mia, slide, labels[0], places(2))
    told = check(mia, project)
    refused = mia.post(f"{API}/projects/{project.pk}/rounds", {"recipe": "descriptors"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (422, "not_ready")
    assert {row["code"] for row in refused.json()["problems"]} == codes(told)[0]
    assert Job.objects.count() == Snapshot.objects.count() == 0


def test_members_may_ask_and_strangers_may_not(api, user_factory, project, slide):
    address = f"{API}/projects/{project.pk}/rounds/check"
    for username, status in (("ann", 200), ("rob", 200), ("stranger", 404)):
        answer = api(user_factory(username)).post(address, {"recipe": "descriptors"}, format="json")
        assert answer.status_code == status
