"""Explanations of suggestions, requested through the API on the real mosaic."""

from __future__ import annotations

import json

import pytest

from ml.messages import Message
from server.jobs.models import Job
from server.learning.models import Explanation
from server.objects.models import ObjectSet

# Files, pixels and networks are checked here, which no database changes.
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

API = "/api/v1"


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", manager="mia")


@pytest.fixture
def suggested(project, ready_slide, data, api, user_factory, run_jobs):
    """The set of suggestions of a first version on the mosaic."""
    mia = api(user_factory("mia"))
    mosaic = ready_slide(project, data / "slides" / "colorectal-mosaic.tif")
    with (data / "slides" / "colorectal-mosaic-truth.geojson").open("rb") as file:
        form = {"file": file, "create_labels": "true"}
        mia.post(f"{API}/slides/{mosaic.pk}/import", form, format="multipart")
    answer = mia.post(f"{API}/projects/{project.pk}/rounds", {"recipe": "descriptors"}, format="json")
    assert answer.status_code == 201, answer.json()
    run_jobs()
    return ObjectSet.objects.get(slide=mosaic)


def test_an_annotator_asks_why_and_sees_map_and_neighbours(suggested, api, user_factory, run_jobs):
    ann = api(user_factory("ann"))
    address = f"{API}/object-sets/{suggested.pk}/objects/3/explanation"
    assert ann.get(address).status_code == 404
    asked = ann.post(address)
    assert (asked.status_code, asked.json()["why"]) == (202, None)
    again = ann.post(address)
    assert again.json()["job"]["id"] == asked.json()["job"]["id"]
    run_jobs()
    why = ann.get(address).json()["why"]
    assert why["label"] in {label["name"] for label in suggested.labels}
    assert 0.5 < why["probability"] <= 1
    assert why["method"] == "occlusion"
    assert len(why["neighbours"]) == 6
    likeness = [item["likeness"] for item in why["neighbours"]]
    assert likeness == sorted(likeness, reverse=True)
    assert all(item["crop"].startswith("/tiles/") for item in why["neighbours"])
    picture = ann.get(why["map"])
    assert (picture.status_code, picture["Content-Type"]) == (200, "image/png")
    assert picture.content.startswith(b"\x89PNG")
    assert api(user_factory("stranger")).get(why["map"]).status_code == 404
    assert ann.post(address).json()["why"] == why
    assert Explanation.objects.count() == 1


def test_an_unknown_suggestion_and_a_file_are_refused(suggested, api, user_factory):
    ann = api(user_factory("ann"))
    unknown = ann.post(f"{API}/object-sets/{suggested.pk}/objects/{suggested.count}/explanation")
    assert unknown.status_code == 404
    suggested.source = ObjectSet.Source.FILE
    suggested.save()
    refused = ann.post(f"{API}/object-sets/{suggested.pk}/objects/0/explanation")
    assert (refused.status_code, refused.json()["code"]) == (422, "cannot_explain")


def test_after_a_failure_one_may_ask_again(suggested, api, user_factory, run_jobs):
    ann = api(user_factory("ann"))
    address = f"{API}/object-sets/{suggested.pk}/objects/0/explanation"
    first = ann.post(address).json()["job"]["id"]
    Job.objects.filter(pk=first).update(
        state=Job.State.FAILED, error=Message("verbatim", text="The worker died.")
    )
    second = ann.post(address).json()["job"]["id"]
    assert second != first
    run_jobs()
    assert json.dumps(ann.get(address).json()["why"]["bounds"])
