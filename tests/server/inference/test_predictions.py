"""Predictions through the API: on a slide, a region, a project; twice; and their refusals."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from server.inference.models import PredictionRun
from server.jobs.models import Job
from server.jobs.services import start_job, sweep_jobs
from server.registry.models import ModelVersion

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", reviewer="rob", manager="mia")


@pytest.fixture
def rob(api, user_factory, project):
    return api(user_factory("rob"))


@pytest.fixture
def version_factory(user_factory):
    """Create a version without weights, enough for all steps before the run."""

    def make(project, number=1):
        return ModelVersion.objects.create(
            project=project, recipe="descriptors", task="patch", number=number, snapshot_digest="0" * 64,
            code_version="test", storage_key="models/none", weights_digest="0" * 64,
            created_by=user_factory("mia"),
        )  # fmt: skip

    return make


@pytest.fixture
def version(version_factory, project):
    return version_factory(project)


@pytest.fixture
def slides(project, slide_factory):
    return [slide_factory(project, name) for name in ("a", "b")]


def start(client, project, version, status=202, **body):
    answer = client.post(
        f"{API}/projects/{project.pk}/predictions",
        {"model_version_id": str(getattr(version, "pk", version)), **body},
        format="json",
    )
    assert answer.status_code == status, answer.json()
    return answer.json()


def square(x, y, side=500):
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


def test_on_one_slide(rob, project, version, slides):
    [job] = start(rob, project, version, slide_ids=[str(slides[0].pk)])["jobs"]
    assert (job["state"], job["title"]["text"]) == ("queued", "Predict a with descriptors v1")
    assert job["subject_id"] == str(slides[0].pk)
    [run] = rob.get(f"{API}/projects/{project.pk}/predictions").json()["results"]
    assert (run["slide_id"], run["job"]["id"], run["object_set_id"]) == (str(slides[0].pk), job["id"], None)
    # The quick recipe stays on the queue for quick work.
    assert Job.objects.get().queue == "cpu"


def test_on_the_project_means_every_slide_that_is_ready(rob, project, version, slides, slide_factory):
    slide_factory(project, "still coming", state="importing", sha256="")
    jobs = start(rob, project, version)["jobs"]
    assert {job["subject_id"] for job in jobs} == {str(slide.pk) for slide in slides}


def test_a_second_click_starts_nothing_new_until_the_first_has_ended(rob, project, version, slides):
    first = start(rob, project, version)["jobs"]
    again = start(rob, project, version)["jobs"]
    assert [job["id"] for job in again] == [job["id"] for job in first]
    region = square(0, 0)
    start(rob, project, version, slide_ids=[str(slides[0].pk)], region=region)
    start(rob, project, version, slide_ids=[str(slides[0].pk)], region=region)
    assert PredictionRun.objects.count() == 3
    Job.objects.update(state="succeeded")
    assert start(rob, project, version)["jobs"][0]["id"] not in {job["id"] for job in first}


def test_a_version_of_another_project_is_refused(rob, project, version_factory, project_factory, slides):
    theirs = version_factory(project_factory("Theirs", manager="max"))
    mine_too = version_factory(project_factory("Mine too", reviewer="rob"))
    for other in (theirs, mine_too, uuid.uuid4()):
        assert start(rob, project, other, 404)["code"] == "not_found"
    assert PredictionRun.objects.count() == Job.objects.count() == 0


def test_slides_of_another_project_or_without_pixels_are_named(
    rob, project, version, slides, slide_factory, project_factory
):
    elsewhere = slide_factory(project_factory("Mine too", reviewer="rob"), "elsewhere")
    failed = slide_factory(project, "failed", state="failed")
    for wrong in (elsewhere.pk, failed.pk, uuid.uuid4()):
        answer = start(rob, project, version, 422, slide_ids=[str(slides[0].pk), str(wrong)])
        assert (answer["code"], answer["slides"]) == ("slides_unknown", [str(wrong)])
    assert Job.objects.count() == 0


def test_a_project_without_slides_says_so(rob, project, version):
    assert start(rob, project, version, 422)["code"] == "nothing_to_predict"
    assert start(rob, project, version, 400, slide_ids=[])["code"] == "invalid"


@pytest.mark.parametrize(
    "region",
    [
        {"type": "Point", "coordinates": [1, 1]}, {"type": "Polygon", "coordinates": []}, {}, [], 7, "x",
        {"type": "Polygon", "coordinates": [[[0, 0], [9, 9], [9, 0], [0, 9], [0, 0]]]}, {"type": "Polygon"},
        {"type": ["Polygon"], "coordinates": []}, {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [10**400, 0], [9, 9], [0, 0]]]}, square(99_999, 0),
        {"type": "GeometryCollection", "geometries": [{"type": "Point"}]}, {"type": 7, "coordinates": 7},
    ],
)  # fmt: skip
def test_a_region_that_is_none_is_refused(rob, project, version, slides, region):
    answer = start(rob, project, version, 422, slide_ids=[str(slides[0].pk)], region=region)
    assert (answer["code"], answer["field"]) == ("bad_region", "region")
    assert Job.objects.count() == 0


def test_a_region_belongs_to_one_slide(rob, project, version, slides):
    ids = [str(slide.pk) for slide in slides]
    assert start(rob, project, version, 422, slide_ids=ids, region=square(0, 0))["field"] == "slide_ids"
    assert start(rob, project, version, 422, region=square(0, 0))["code"] == "bad_region"


def test_annotators_and_strangers_start_no_predictions(api, user_factory, project, version, slides):
    assert start(api(user_factory("ann")), project, version, 403)["code"] == "not_allowed"
    start(api(user_factory("stranger")), project, version, 404)
    assert Job.objects.count() == 0


def test_a_run_whose_weights_are_gone_ends_with_a_sentence(rob, project, version, slides, run_jobs):
    from server.objects.models import ObjectSet

    [job] = start(rob, project, version, slide_ids=[str(slides[0].pk)])["jobs"]
    run_jobs()
    body = rob.get(f"{API}/jobs/{job['id']}").json()
    assert (body["state"], body["error_code"]) == ("failed", "weights_missing")
    assert "restore the storage folder" in body["error"]["text"]
    current = rob.get(f"{API}/slides/{slides[0].pk}/object-sets").json()["results"]
    assert not [row for row in current if row["state"] == "ready"]
    assert not ObjectSet.objects.filter(state="ready").exists()


def test_a_run_whose_slide_was_deleted_ends_in_peace(
    rob, project, version, slides, run_jobs, api, user_factory
):
    [job] = start(rob, project, version, slide_ids=[str(slides[0].pk)])["jobs"]
    assert api(user_factory("mia")).delete(f"{API}/slides/{slides[0].pk}").status_code == 204
    run_jobs()
    body = rob.get(f"{API}/jobs/{job['id']}").json()
    assert (body["state"], body["result"]) == ("succeeded", {"outcome": "deleted"})


def test_slides_with_several_channels_are_not_for_these_methods(rob, project, version, slides, slide_factory):
    dapi = {"name": "DAPI", "colour": "3b6bff", "bits": 16, "low": 0, "high": 9, "top": 9, "visible": True}
    glowing = slide_factory(project, "glowing", channels=[dapi, dapi])
    jobs = start(rob, project, version)["jobs"]
    assert {job["subject_id"] for job in jobs} == {str(slide.pk) for slide in slides}
    answer = start(rob, project, version, 422, slide_ids=[str(glowing.pk)])
    assert answer["code"] == "several_channels"
    assert "glowing" in answer["detail"]


def test_labels_on_slides_with_several_channels_start_no_training(
    api, user_factory, project, slide_factory, label_factory
):
    mia = api(user_factory("mia"))
    slide = slide_factory(project, "glowing", channels=[{"name": "DAPI"}, {"name": "CD3"}])
    for number in range(2):
        label = label_factory(project, f"label {number}")
        annotation = {
            "id": str(uuid.uuid4()), "label_id": str(label.pk), "shape": "polygon",
            "geometry": square(1000 * number, 0),
        }  # fmt: skip
        assert mia.post(f"{API}/slides/{slide.pk}/annotations", annotation, format="json").status_code == 201
    told = mia.post(
        f"{API}/projects/{project.pk}/rounds/check", {"recipe": "descriptors"}, format="json"
    ).json()
    assert not told["ready"]
    assert "several_channels" in {problem["code"] for problem in told["blockers"]}


@pytest.mark.parametrize("person", ["still a reviewer", "removed"])
def test_a_run_whose_workers_die_leaves_no_unfinished_suggestions(
    rob, project, version, slides, user_factory, person
):
    import numpy as np

    from ml.contracts import HeatMap as Grid
    from server.inference.services import begin_prediction
    from server.objects.models import HeatMap, ObjectSet
    from server.objects.services import grow_heat_map

    [answer] = start(rob, project, version, slide_ids=[str(slides[0].pk)])["jobs"]
    prediction = PredictionRun.objects.get()
    for _ in range(3):
        start_job(answer["id"])
        object_set = begin_prediction(actor=user_factory("rob"), prediction=prediction)
        grid = Grid("uncertainty", None, 0, 0, 64, np.zeros((2, 2), np.float32))
        grow_heat_map(object_set=object_set, name="map", label_id=None, grid=grid)
        if person == "removed":
            project.memberships.filter(user=user_factory("rob")).delete()
        assert ObjectSet.objects.get().state == "writing"
        Job.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
        sweep_jobs()
        if person == "removed":
            project.memberships.create(user=user_factory("rob"), role="reviewer")
    assert Job.objects.get().state == "failed"
    assert not ObjectSet.objects.exists()
    assert not HeatMap.objects.exists()
    assert PredictionRun.objects.get().object_set is None
