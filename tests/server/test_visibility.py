"""Visibility: lists show everything of a user's own projects, and nothing else."""

from __future__ import annotations

import json
import uuid

import pytest
from django.urls import reverse

from ml.messages import Message
from tests.server.test_access import TABLE, routes, world  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

# Lists that name no project: each must be filtered by who asks.
OPEN_LISTS = ("projects", "jobs", "tokens")


def all_ids(client, name, **kwargs):
    """Return the ids on every page of a list."""
    ids, page = [], 1
    while True:
        answer = client.get(reverse(name, kwargs=kwargs), {"page": page, "page_size": 2})
        assert answer.status_code == 200
        body = answer.json()
        ids += [row["id"] for row in body["results"]]
        if body["next"] is None:
            assert len(ids) == body["count"]
            return ids
        page += 1


@pytest.fixture
def two_worlds(world, project_factory, user_factory, label_factory, slide_factory):  # noqa: F811
    """The world of the access table, and the stranger's own project with objects of the same kinds."""
    from server.jobs.models import Job
    from server.registry.models import ModelVersion

    own = project_factory("Own", manager="stranger")
    stranger = user_factory("stranger")
    job = Job.objects.create(
        kind="x", title=Message("verbatim", text="x"), queue="cpu", project=own, created_by=stranger
    )
    slide = slide_factory(own, "own")
    version = ModelVersion.objects.create(
        project=own, recipe="descriptors", task="patch", number=1, snapshot_digest="0" * 64, code_version="t",
        storage_key="models/own", weights_digest="0" * 64, created_by=stranger,
    )  # fmt: skip
    return world, {"project_id": own.pk, "job_id": job.pk, "slide_id": slide.pk, "version_id": version.pk}


def test_lists_hold_exactly_what_is_visible(two_worlds, api, user_factory):
    theirs, own = two_worlds
    expected = {
        "annotator": (theirs["project_id"], theirs["job_id"]),
        "manager": (theirs["project_id"], theirs["job_id"]),
        "stranger": (own["project_id"], own["job_id"]),
    }
    for username, (project, job) in expected.items():
        client = api(user_factory(username))
        assert all_ids(client, "projects") == [str(project)]
        assert all_ids(client, "jobs") == [str(job)]
    boss = api(user_factory("boss", administrator=True))
    assert set(all_ids(boss, "projects")) == {str(theirs["project_id"]), str(own["project_id"])}
    assert set(all_ids(boss, "jobs")) == {str(theirs["job_id"]), str(own["job_id"])}
    assert all_ids(api(user_factory("nobody")), "projects") == []


def test_no_id_of_others_is_in_anything_that_a_stranger_may_read(two_worlds, api, user_factory):
    theirs, own = two_worlds
    # A manager may search all people, to make them members.
    hidden = {key: value for key, value in theirs.items() if key != "user_id"}
    secret = {str(value) for value in hidden.values() if isinstance(value, uuid.UUID)}
    client = api(user_factory("stranger"))
    asked = 0
    for method, name in TABLE:
        if method != "get":
            continue
        [wanted] = [ids for other, _, ids in routes() if other == name]
        if not set(wanted) <= set(own):
            continue
        answer = client.get(
            reverse(name, kwargs={key: own[key] for key in wanted}), {"with": own["version_id"]}
        )
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert not {word for word in secret if word.encode() in body}, name
        asked += 1
    assert asked > 20


@pytest.mark.parametrize("filtered", ["project", "subject_id"])
def test_a_filter_does_not_look_behind_the_curtain(two_worlds, api, user_factory, filtered):
    theirs, _ = two_worlds
    client = api(user_factory("stranger"))
    answer = client.get(reverse("jobs"), {filtered: str(theirs["project_id"])})
    assert answer.json()["count"] == 0


def test_hidden_and_absent_look_alike(two_worlds, api, user_factory):
    """No response reveals the existence of a hidden object."""
    theirs, _ = two_worlds
    client = api(user_factory("stranger"))
    for method, name in TABLE:
        [wanted] = [ids for other, _, ids in routes() if other == name]
        if not wanted or method == "options" or name == "token":
            continue

        def absent_id(key):
            return uuid.UUID(int=7) if isinstance(theirs[key], uuid.UUID) else theirs[key]

        hidden, absent = (
            ask(client, method, reverse(name, kwargs={k: ids(k) for k in wanted}), name)
            for ids in (theirs.get, absent_id)
        )
        assert hidden == absent, (method, name)
        # Accounts belong to administrators; others are refused before anything is looked up.
        assert hidden[0] == (403 if "user_id" in wanted else 404)


def ask(client, method, address, name):
    if method in {"get", "head"}:
        answer = getattr(client, method)(address)
    else:
        kind = "multipart" if name == "import-annotations" else "json"
        if name == "upload" and method == "patch":
            answer = client.patch(address, b"", content_type="application/offset+octet-stream")
        else:
            answer = getattr(client, method)(address, {}, format=kind)
    return answer.status_code, json.loads(answer.content) if answer.content else None
