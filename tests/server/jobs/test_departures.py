"""A job ends as it would have, though the person who started it was removed from the project meanwhile."""

from __future__ import annotations

import io
import json

import pytest

from server.inference.models import PredictionRun
from server.jobs.models import Job
from server.learning.models import Atlas, Explanation
from server.objects.models import ObjectSet
from server.projects.models import Membership
from server.registry.models import Comparison, ModelVersion
from server.slides.models import Quality, Registration
from server.slides.registration.services import finish_registration

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture
def project(project_factory, user_factory):
    user_factory("root", administrator=True)
    return project_factory(annotator="ann", reviewer="rob", manager="mia")


@pytest.fixture
def clients(api, user_factory, project):
    return {name: api(user_factory(name)) for name in ("ann", "rob", "mia")}


@pytest.fixture
def remove(project):
    """``remove(name)`` takes a person out of the project."""
    return lambda name: Membership.objects.filter(project=project, user__username=name).delete()


def post(client, path, body, status):
    answer = client.post(f"{API}{path}", body, format="json")
    assert answer.status_code == status, answer.content[:500]
    return answer.json()


def all_succeeded():
    return [(job.kind, job.error) for job in Job.objects.exclude(state=Job.State.SUCCEEDED)] == []


def test_rounds_predictions_and_comparisons_end_without_their_manager(
    clients, project, ready_slide, data, run_jobs, remove, user_factory
):
    mosaic = ready_slide(project, data / "slides" / "colorectal-mosaic.tif")
    with (data / "slides" / "colorectal-mosaic-truth.geojson").open("rb") as file:
        body = {"file": file, "create_labels": "true"}
        clients["mia"].post(f"{API}/slides/{mosaic.pk}/import", body, format="multipart")
    run_jobs()
    of_project = f"/projects/{project.pk}"
    quick = {"recipe": "descriptors", "config": {"patch": 448, "stride": 448}}
    post(clients["mia"], f"{of_project}/rounds", quick, 201)
    remove("mia")
    run_jobs()
    assert all_succeeded()
    first = ModelVersion.objects.get()
    # Nothing further begins in the name of a person who may not begin it.
    assert not PredictionRun.objects.exists()

    Membership.objects.create(project=project, user=user_factory("mia"), role="manager")
    post(clients["mia"], f"{of_project}/rounds", {**quick, "seed": 1, "predict": False}, 201)
    run_jobs()
    second = ModelVersion.objects.exclude(pk=first.pk).get()
    Comparison.objects.all().delete()
    post(clients["mia"], f"/model-versions/{second.pk}/comparison", {"with": str(first.pk)}, 202)
    asked = {"model_version_id": str(first.pk), "slide_ids": [str(mosaic.pk)]}
    post(clients["rob"], f"{of_project}/predictions", asked, 202)
    for name in ("mia", "rob"):
        remove(name)
    run_jobs()
    assert all_succeeded()
    assert Comparison.objects.count() == 1
    made = ObjectSet.objects.get()
    assert (made.state, made.count > 0) == ("ready", True)

    clients["ann"].post(f"{API}/object-sets/{made.pk}/objects/0/explanation")
    post(clients["ann"], f"{of_project}/atlas", {}, 202)
    post(clients["ann"], f"/slides/{mosaic.pk}/quality", {}, 202)
    remove("ann")
    run_jobs()
    assert all_succeeded()
    assert Explanation.objects.get().document
    assert Atlas.objects.get().storage_key
    assert Quality.objects.get().picture


def test_an_object_file_is_read_to_its_end(clients, project, slide_factory, run_jobs, remove):
    slide = slide_factory(project)
    ring = [[10, 10], [20, 10], [20, 20], [10, 10]]
    feature = {
        "type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"classification": {"name": "Tumour"}},
    }  # fmt: skip
    file = io.BytesIO(json.dumps({"type": "FeatureCollection", "features": [feature]}).encode())
    file.name = "cells.geojson"
    asked = {"file": file, "become": "objects", "create_labels": "true"}
    answer = clients["rob"].post(f"{API}/slides/{slide.pk}/import", asked, format="multipart")
    assert answer.status_code == 202
    remove("rob")
    run_jobs()
    assert all_succeeded()
    assert ObjectSet.objects.get().state == "ready"


def test_an_alignment_is_kept(clients, project, slide_factory, remove, user_factory):
    fixed, moving = slide_factory(project, "one"), slide_factory(project, "two")
    post(clients["ann"], f"/slides/{fixed.pk}/registrations", {"moving_id": str(moving.pk)}, 202)
    remove("ann")
    registration = Registration.objects.get()
    finish_registration(
        actor=user_factory("ann"), registration=registration, document={"matrix": [], "quality": None}
    )
    registration.refresh_from_db()
    assert registration.document is not None
