"""Verdicts and the queue through the API."""

from __future__ import annotations

import uuid

import pytest

from server.annotations.models import Annotation
from server.review.models import Verdict

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


def queue(client, project, **query):
    answer = client.get(f"{API}/projects/{project.pk}/review/queue", query)
    assert answer.status_code == 200, answer.json()
    return answer.json()


def scores(page):
    return [round(item["score"], 2) for item in page["results"]]


def decide(client, object_set, kind, status=201, **body):
    answer = client.post(f"{API}/object-sets/{object_set.pk}/verdicts", {"kind": kind, **body}, format="json")
    assert answer.status_code == status, answer.json()
    return answer.json()


def test_the_queue_crosses_slides_most_doubtful_first_and_pages_in_one_order(
    place, suggest, rob, slide_factory
):
    suggest(place["slide"], place["labels"], [0.9, 0.5, 0.7])
    suggest(slide_factory(place["project"], "b"), place["labels"], [0.6, 0.5, 0.8])
    whole = queue(rob, place["project"])
    assert whole["count"] == 6
    assert scores(whole) == [0.5, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert [item["slide"]["name"] for item in whole["results"]] == ["a", "b", "b", "a", "b", "a"]
    seen, after = [], ""
    while after is not None:
        page = queue(rob, place["project"], limit=2, after=after)
        seen += page["results"]
        after = page["next"]
    assert [(i["object_set_id"], i["index"]) for i in seen] == [
        (i["object_set_id"], i["index"]) for i in whole["results"]
    ]


def test_the_cursor_stays_good_when_what_was_before_it_is_decided(place, suggest, rob):
    object_set = suggest(place["slide"], place["labels"], [0.5, 0.6, 0.7, 0.8])
    first = queue(rob, place["project"], limit=2)
    decide(rob, object_set, "accepted", indices=[item["index"] for item in first["results"]])
    assert scores(queue(rob, place["project"], limit=2, after=first["next"])) == [0.7, 0.8]


def test_filters_of_the_queue(place, suggest, rob):
    suggest(place["slide"], place["labels"], [0.5, 0.6, 0.7], numbers=[0, 1, 0])
    stroma = str(place["labels"][1].pk)
    assert scores(queue(rob, place["project"], label=stroma)) == [0.6]
    assert scores(queue(rob, place["project"], min_score=0.65)) == [0.7]
    assert scores(queue(rob, place["project"], max_score=0.55)) == [0.5]
    assert queue(rob, place["project"], slide=str(uuid.uuid4()))["count"] == 0
    bad = rob.get(f"{API}/projects/{place['project'].pk}/review/queue", {"after": "@@"})
    assert (bad.status_code, bad.json()["code"]) == (422, "bad_cursor")


def test_accept_reject_relabel_and_what_each_leaves(place, suggest, rob):
    object_set = suggest(place["slide"], place["labels"], [0.5, 0.6, 0.7, 0.8])
    decide(rob, object_set, "accepted", indices=[0])
    decide(rob, object_set, "rejected", indices=[1], reason="artefact")
    decide(rob, object_set, "relabelled", indices=[2], label_id=str(place["labels"][1].pk))
    rows = rob.get(f"{API}/object-sets/{object_set.pk}/objects?indices=0,1,2,3").json()["results"]
    assert [row["state"] for row in rows] == ["accepted", "rejected", "relabelled", "open"]
    assert rows[1]["reason"] == "artefact"
    assert rows[2]["current_label_id"] == str(place["labels"][1].pk)
    assert rows[2]["label_id"] == str(place["labels"][0].pk)
    assert scores(queue(rob, place["project"])) == [0.8]
    counts = {"version": 3, "open": 1, "accepted": 1, "rejected": 1, "relabelled": 1, "redrawn": 0}
    assert rob.get(f"{API}/object-sets/{object_set.pk}/review-state").json() == counts
    slide = rob.get(f"{API}/slides/{place['slide'].pk}").json()
    assert slide["counts"] == {"annotations": 0, "regions": 0, "suggestions": 4, "suggestions_open": 1}


def test_a_decided_suggestion_is_replaced_only_on_purpose(place, suggest, rob):
    object_set = suggest(place["slide"], place["labels"], [0.5, 0.6])
    decide(rob, object_set, "accepted", indices=[0])
    assert decide(rob, object_set, "rejected", 409, indices=[0, 1])["code"] == "already_decided"
    unseen = decide(rob, object_set, "rejected", 400, indices=[0, 1], replace=True)
    assert list(unseen["errors"]) == ["seen_version"]
    decide(rob, object_set, "rejected", indices=[0, 1], replace=True, seen_version=1)
    rows = rob.get(f"{API}/object-sets/{object_set.pk}/objects?indices=0,1").json()["results"]
    assert [row["state"] for row in rows] == ["rejected", "rejected"]


def test_undo_brings_back_what_was_said_before(place, suggest, rob):
    object_set = suggest(place["slide"], place["labels"], [0.5, 0.6])
    decide(rob, object_set, "accepted", indices=[0, 1])
    second = decide(rob, object_set, "rejected", indices=[1], replace=True, seen_version=1)
    undone = rob.post(f"{API}/verdicts/{second['id']}/undo")
    assert undone.status_code == 201
    assert undone.json()["undoes"] == second["id"]
    rows = rob.get(f"{API}/object-sets/{object_set.pk}/objects?indices=0,1").json()["results"]
    assert [row["state"] for row in rows] == ["accepted", "accepted"]
    again = rob.post(f"{API}/verdicts/{second['id']}/undo")
    assert (again.status_code, again.json()["code"]) == (422, "already_undone")
    history = rob.get(f"{API}/object-sets/{object_set.pk}/objects/1/history").json()
    assert [row["kind"] for row in history] == ["accepted", "rejected", "undone"]


def test_a_reviewer_does_not_undo_another_a_manager_does(place, suggest, rob, api, user_factory):
    object_set = suggest(place["slide"], place["labels"], [0.5])
    mia = api(user_factory("mia"))
    given = decide(mia, object_set, "accepted", indices=[0])
    assert rob.post(f"{API}/verdicts/{given['id']}/undo").json()["code"] == "not_your_verdict"
    mine = decide(rob, object_set, "rejected", indices=[0], replace=True, seen_version=1)
    assert mia.post(f"{API}/verdicts/{mine['id']}/undo").status_code == 201


NO_CONDITIONS = [{"score_min": 0.9}, {"within": {}}, {"within": None}, {"min_score": "x"}]


@pytest.mark.parametrize("conditions", NO_CONDITIONS)
def test_a_condition_that_is_none_decides_nothing(place, suggest, rob, conditions):
    """Ignored, it would be a verdict on everything."""
    object_set = suggest(place["slide"], place["labels"], [0.9, 0.5, 0.7])
    status = 422 if conditions == {"within": {}} else 400
    decide(rob, object_set, "rejected", status, filter=conditions)
    assert Verdict.objects.count() == 0


def test_bulk_by_threshold_by_class_and_by_lasso(place, suggest, rob):
    object_set = suggest(
        place["slide"], place["labels"], [0.5, 0.6, 0.9, 0.95, 0.97], numbers=[0, 1, 0, 1, 0]
    )
    tumour = str(place["labels"][0].pk)
    wanted = {"label": tumour, "min_score": 0.8}
    address = f"{API}/object-sets/{object_set.pk}/verdicts"
    counted = rob.post(f"{address}?dry_run=true", {"kind": "accepted", "filter": wanted}, format="json")
    assert counted.json() == {"count": 2}
    assert Verdict.objects.count() == 0
    assert decide(rob, object_set, "accepted", filter=wanted)["count"] == 2
    # The lasso holds the first two objects; a filter concerns open ones only.
    lasso = {"type": "Polygon", "coordinates": [[[90, 90], [135, 90], [135, 130], [90, 130], [90, 90]]]}
    assert decide(rob, object_set, "rejected", filter={"within": lasso})["count"] == 2
    nothing = decide(rob, object_set, "rejected", 422, filter={"within": lasso})
    assert nothing["code"] == "nothing_concerned"
    assert scores(queue(rob, place["project"])) == [0.95]


def test_redraw_makes_an_annotation_whose_parent_is_the_suggestion_and_undo_takes_it_away(
    place, suggest, rob
):
    object_set = suggest(place["slide"], place["labels"], [0.5])
    drawn = {
        "id": str(uuid.uuid4()),
        "label_id": str(place["labels"][0].pk),
        "shape": "polygon",
        "geometry": {"type": "Polygon", "coordinates": [[[100, 100], [130, 100], [130, 120], [100, 100]]]},
    }
    answer = rob.post(
        f"{API}/object-sets/{object_set.pk}/verdicts/redraw", {"index": 0, "annotation": drawn}, format="json"
    )
    assert answer.status_code == 201
    body = answer.json()
    assert body["annotation"]["parent"] == {"object_set_id": str(object_set.pk), "index": 0}
    assert body["verdict"]["annotation_id"] == drawn["id"]
    assert rob.post(f"{API}/verdicts/{body['verdict']['id']}/undo").status_code == 201
    assert Annotation.objects.get().deleted_at is not None
    assert queue(rob, place["project"])["count"] == 1


def test_skip_concerns_one_reviewer_only(place, suggest, rob, api, user_factory):
    object_set = suggest(place["slide"], place["labels"], [0.5, 0.6])
    one = {"object_set_id": str(object_set.pk), "index": 0}
    assert rob.post(f"{API}/review/skip", one, format="json").status_code == 204
    assert rob.post(f"{API}/review/skip", one, format="json").status_code == 204
    assert queue(rob, place["project"])["count"] == 1
    assert queue(rob, place["project"], include_skipped="true")["count"] == 2
    assert queue(api(user_factory("mia")), place["project"])["count"] == 2
    assert rob.delete(f"{API}/review/skip", query_params=one).status_code == 204
    assert queue(rob, place["project"])["count"] == 2


def test_a_place_judged_before_is_not_asked_about_again(place, suggest, rob, user_factory):
    from server.objects.services import supersede_object_sets

    old = suggest(place["slide"], place["labels"], [0.5, 0.6])
    decide(rob, old, "accepted", indices=[0])
    supersede_object_sets(actor=user_factory("root"), slide=place["slide"], sets=[old])
    suggest(place["slide"], place["labels"], [0.51, 0.61], name="model v2")
    page = queue(rob, place["project"])
    assert scores(page) == [0.61]
    assert page["results"][0]["model_version"]["name"] == "model v2"


@pytest.mark.parametrize("body", [{}, {"indices": [0], "filter": {}}])
def test_objects_are_named_in_one_way(place, suggest, rob, body):
    object_set = suggest(place["slide"], place["labels"], [0.5])
    assert "indices" in decide(rob, object_set, "accepted", 400, **body)["errors"]


def test_relabelling_needs_a_label_of_the_project_and_numbers_must_exist(
    place, suggest, rob, project_factory, label_factory
):
    object_set = suggest(place["slide"], place["labels"], [0.5])
    foreign = label_factory(project_factory("Other"))
    decide(rob, object_set, "relabelled", 422, indices=[0])
    decide(rob, object_set, "relabelled", 404, indices=[0], label_id=str(foreign.pk))
    decide(rob, object_set, "accepted", 404, indices=[7])
    assert Verdict.objects.count() == 0


def test_the_suggestion_at_a_place(place, suggest, rob):
    object_set = suggest(place["slide"], place["labels"], [0.5, 0.6])
    address = f"{API}/object-sets/{object_set.pk}/objects/at"
    assert rob.get(address, {"x": 125, "y": 105}).json()["score"] == pytest.approx(0.6)
    assert rob.get(address, {"x": 5000, "y": 5}).status_code == 404


def test_crops_stay_on_the_slide(place, suggest, rob):
    suggest(place["slide"], place["labels"], [0.5])
    [item] = queue(rob, place["project"])["results"]
    assert item["crop"].startswith(f"/tiles/{place['slide'].sha256}/region.jpg?grant=")
