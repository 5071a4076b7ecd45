"""Accepted suggestions by label: exact, over all sets of a slide, each object once."""

from __future__ import annotations

import pytest
from django.utils import timezone

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture
def place(project_factory, slide_factory, label_factory):
    project = project_factory(annotator="ann", reviewer="rob", manager="mia")
    labels = [label_factory(project), label_factory(project, "Stroma", "#0072b2")]
    return {"project": project, "slide": slide_factory(project, "a"), "labels": labels}


@pytest.fixture
def rob(api, user_factory, place):
    return api(user_factory("rob"))


@pytest.fixture
def accepted(api, user_factory, place):
    def count() -> dict[str, int]:
        answer = api(user_factory("ann")).get(f"{API}/slides/{place['slide'].pk}/accepted-labels")
        assert answer.status_code == 200, answer.json()
        names = {str(label.pk): label.name for label in place["labels"]}
        return {names[row["label_id"]]: row["count"] for row in answer.json()}

    return count


def decide(client, object_set, kind, indices, **body):
    body = {"kind": kind, "indices": indices, **body}
    answer = client.post(f"{API}/object-sets/{object_set.pk}/verdicts", body, format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()


def test_counts_follow_each_verdict(place, suggest, rob, accepted):
    numbers = [0, 0, 0, 1, 1, 0]
    object_set = suggest(place["slide"], place["labels"], [0.9] * 6, numbers=numbers)
    assert accepted() == {}
    decide(rob, object_set, "accepted", [0, 1, 3])
    assert accepted() == {"Tumour": 2, "Stroma": 1}
    decide(rob, object_set, "rejected", [2])
    stroma = str(place["labels"][1].pk)
    moved = decide(rob, object_set, "relabelled", [5], label_id=stroma)
    assert accepted() == {"Tumour": 2, "Stroma": 2}
    answer = rob.post(f"{API}/verdicts/{moved['id']}/undo")
    assert answer.status_code < 300, answer.json()
    assert accepted() == {"Tumour": 2, "Stroma": 1}
    decide(rob, object_set, "rejected", [0], replace=True, seen_version=9)
    assert accepted() == {"Tumour": 1, "Stroma": 1}


def test_an_older_set_counts_too_but_no_place_twice(place, suggest, rob, accepted):
    old = suggest(place["slide"], place["labels"], [0.9] * 4)
    decide(rob, old, "accepted", [0, 1, 2])
    old.superseded_at = timezone.now()
    old.save(update_fields=["superseded_at"])
    assert accepted() == {"Tumour": 3}
    new = suggest(place["slide"], place["labels"], [0.8] * 4, name="model v2")
    decide(rob, new, "accepted", [0])
    decide(rob, new, "rejected", [1])
    # Place 0 once, place 1 is rejected since, place 2 as before.
    assert accepted() == {"Tumour": 2}


def test_older_sets_are_outlined_beside_the_set_that_is_drawn(place, suggest, rob, api, user_factory):
    tumour, stroma = (str(label.pk) for label in place["labels"])
    old = suggest(place["slide"], place["labels"], [0.9] * 4)
    decide(rob, old, "accepted", [0, 1])
    decide(rob, old, "relabelled", [2], label_id=stroma)
    new = suggest(place["slide"], place["labels"], [0.8] * 4, name="model v2")
    decide(rob, new, "accepted", [0])
    decide(rob, new, "rejected", [1])
    address = f"{API}/slides/{place['slide'].pk}/accepted-outlines"
    ann = api(user_factory("ann"))

    def outlined(**query) -> list[str]:
        answer = ann.get(address, query)
        assert answer.status_code == 200, answer.json()
        assert answer.json()["count"] == len(answer.json()["outlines"])
        return [row["label_id"] for row in answer.json()["outlines"]]

    # Place 0 is drawn with the new set, place 1 is rejected since.
    assert outlined(beside=str(new.pk)) == [stroma]
    assert outlined(beside=str(old.pk)) == [tumour]
    assert sorted(outlined()) == sorted([tumour, stroma])
    [row] = ann.get(address, {"beside": str(new.pk)}).json()["outlines"]
    ring = row["geometry"]["coordinates"][0]
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    assert outlined(beside=str(new.pk), bbox=f"{min(xs)},{min(ys)},{max(xs)},{max(ys)}") == [stroma]
    assert outlined(beside=str(new.pk), bbox="-9,-9,-8,-8") == []
    assert ann.get(address, {"bbox": "1,2,3"}).status_code == 400


def test_outlines_beyond_the_limit_are_counted(place, suggest, rob, monkeypatch):
    monkeypatch.setattr("server.review.history.accepted.MOST_OUTLINES", 2)
    object_set = suggest(place["slide"], place["labels"], [0.9] * 4)
    decide(rob, object_set, "accepted", [0, 1, 3])
    answer = rob.get(f"{API}/slides/{place['slide'].pk}/accepted-outlines").json()
    assert (answer["count"], len(answer["outlines"])) == (3, 2)
