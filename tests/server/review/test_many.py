"""Verdicts on many objects: by filter and lasso, undone at once, announced to others, in order, by tile."""

from __future__ import annotations

import json
import threading
import uuid

import numpy as np
import pyarrow as pa
import pytest
import shapely
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from pyroaring import BitMap

from ml.objectset import ObjectSetWriter
from server.objects.selectors import open_object_set
from server.review import queue as queue_module
from server.review.decisions.fold import fold, load
from server.review.models import ReviewState, Verdict
from tests.ml.materials.shapes import flat_polygons

API = "/api/v1"
SIZE = 4096


@pytest.fixture
def place(project_factory, slide_factory, label_factory):
    project = project_factory(annotator="ann", reviewer="rob", manager="mia")
    labels = [label_factory(project), label_factory(project, "Stroma", "#0072b2")]
    slide = slide_factory(project, "a", width=SIZE, height=SIZE)
    return {"project": project, "slide": slide, "labels": labels}


@pytest.fixture
def many(user_factory, place):
    """Create a ready set of so many small polygons on the slide, as in ``many(count)``."""
    from server.core.files.storage import storage_path
    from server.objects.services import begin_object_set, finish_object_set
    from server.objects.storage import object_set_key

    def make(count, seed=0, name="model v1"):
        actor = user_factory("root", administrator=True)
        rows = [
            {"label_id": str(label.pk), "name": label.name, "colour": label.colour}
            for label in place["labels"]
        ]
        made = begin_object_set(
            actor=actor, slide=place["slide"], name=name, source="model", labels=rows, producer_name=name
        )
        key = object_set_key(made.pk, 1)
        storage_path(key).parent.mkdir(parents=True, exist_ok=True)
        with ObjectSetWriter(storage_path(key), [row["name"] for row in rows], SIZE, SIZE) as writer:
            writer.append(flat_polygons(count, SIZE, SIZE, seed))
            manifest = writer.close()
        summary = {"levels": manifest.levels, "tile0": manifest.tile0, "shape": manifest.shape}
        return finish_object_set(actor=actor, object_set=made, key=key, count=count, summary=summary)

    return make


@pytest.fixture
def rob(api, user_factory, place):
    return api(user_factory("rob"))


@pytest.fixture
def mia(api, user_factory, place):
    return api(user_factory("mia"))


def give(client, made, kind="accepted", status=201, **body):
    answer = client.post(f"{API}/object-sets/{made.pk}/verdicts", {"kind": kind, **body}, format="json")
    assert answer.status_code == status, answer.json()
    return answer.json()


def state_of(made):
    return load(ReviewState.objects.get(object_set=made))


def triangle():
    return {"type": "Polygon", "coordinates": [[[10, 10], [60, 10], [60, 60], [10, 10]]]}


def polygon_json(area):
    return json.loads(shapely.to_geojson(area))


@pytest.mark.django_db
def test_a_filter_and_a_lasso_choose_exactly_and_are_one_step(many, rob, place):
    made = many(6000)
    files = open_object_set(made)
    columns = files.columns()
    lasso = shapely.Point(1500, 1500).buffer(900)
    limits = {"min_score": 0.25, "max_uncertainty": 0.75, "min_area": 200.0, "max_area": 900.0}
    wanted = (columns["score"] >= 0.25) & (columns["uncertainty"] <= 0.75) & (columns["area"] >= 200)
    wanted &= (columns["area"] <= 900) & (columns["label"] == 1)
    wanted &= shapely.contains_xy(lasso, *files.points(np.arange(6000)).T)
    chosen = {**limits, "label": str(place["labels"][1].pk), "within": polygon_json(lasso)}
    verdict = give(rob, made, "rejected", filter=chosen, reason="artefact")
    assert verdict["count"] == wanted.sum() > 50
    assert list(state_of(made).rejected) == np.flatnonzero(wanted).tolist()
    assert Verdict.objects.count() == 1
    # Open ones only: the second time nothing is left to decide.
    assert give(rob, made, filter=chosen, status=422)["code"] == "nothing_concerned"
    assert rob.post(f"{API}/verdicts/{verdict['id']}/undo").status_code == 201
    assert not state_of(made).decided
    assert Verdict.objects.count() == 2


# Committed, so that the states that are remembered take part.
@pytest.mark.django_db(transaction=True)
def test_undoing_brings_back_what_was_said_before(many, rob):
    made = many(500)
    first = give(rob, made, "rejected", indices=[1, 2, 3])
    whole = give(rob, made, "accepted", indices=list(range(10)), replace=True, seen_version=9)
    give(rob, made, "rejected", indices=[9], replace=True, seen_version=9)
    rob.post(f"{API}/verdicts/{whole['id']}/undo")
    assert list(state_of(made).rejected) == [1, 2, 3, 9]
    assert not state_of(made).accepted
    rob.post(f"{API}/verdicts/{first['id']}/undo")
    assert list(state_of(made).decided) == [9]
    assert fold(Verdict.objects.filter(object_set=made).order_by("sequence")).rejected == BitMap([9])


@pytest.mark.django_db
@pytest.mark.parametrize("order", queue_module.ORDERS)
@pytest.mark.parametrize("few", [0, 20_000])
def test_pages_of_the_queue_are_the_open_objects_in_order(many, rob, place, monkeypatch, order, few):
    """Walking along the stored order and sorting the open ones give the same pages."""
    monkeypatch.setattr(queue_module, "_FEW", few)
    monkeypatch.setattr(queue_module, "_STEP", 16)
    made = many(400)
    columns = open_object_set(made).columns()
    give(rob, made, filter={"min_uncertainty": 0.6, "max_score": 0.7})
    decided = set(state_of(made).decided)
    skipped = {"object_set_id": str(made.pk), "index": min(set(range(400)) - decided)}
    rob.post(f"{API}/review/skip", skipped, format="json")
    keys = {"uncertainty": -columns["uncertainty"], "score": columns["score"], "position": np.zeros(400)}
    wanted = [i for i in np.lexsort((np.arange(400), keys[order])).tolist() if columns["score"][i] <= 0.9]
    wanted = [i for i in wanted if i not in decided and i != skipped["index"]]
    seen, after = [], ""
    while after is not None:
        query = {"order": order, "limit": 90, "max_score": 0.9, "after": after}
        page = rob.get(f"{API}/projects/{place['project'].pk}/review/queue", query).json()
        assert page["count"] == len(wanted)
        seen += [item["index"] for item in page["results"]]
        after = page["next"]
    assert seen == wanted


@pytest.mark.django_db
def test_a_page_asks_the_database_as_often_for_many_sets_as_for_one(many, rob, place):
    address = f"{API}/projects/{place['project'].pk}/review/queue"
    many(30)
    rob.get(address, {"limit": 1})
    with CaptureQueriesContext(
        connection,
    ) as one:
        rob.get(address, {"limit": 1})
    for seed in range(1, 4):
        many(30, seed, f"v{seed}")
    with CaptureQueriesContext(connection) as four:
        rob.get(address, {"limit": 1})
    assert len(four) == len(one)


@pytest.mark.django_db
def test_history_of_an_object_a_reviewer_and_a_slide_is_one_query_each(many, rob, mia, place, user_factory):
    made = many(300)
    give(rob, made, indices=[3])
    give(mia, made, "rejected", indices=list(range(5, 300)), reason="other")
    give(rob, made, "rejected", indices=[7], replace=True, seen_version=9, reason="artefact")
    project = place["project"]
    asked = {
        f"object-sets/{made.pk}/objects/7/history": [2, 3],
        f"projects/{project.pk}/verdicts?reviewer={user_factory('rob').pk}": [3, 1],
        f"slides/{place['slide'].pk}/verdicts": [3, 2, 1],
        f"slides/{place['slide'].pk}/verdicts?reviewer={user_factory('mia').pk}": [2],
        f"projects/{project.pk}/verdicts": [3, 2, 1],
    }
    for address, sequences in asked.items():
        with CaptureQueriesContext(connection) as told:
            body = rob.get(f"{API}/{address}").json()
        rows = body if isinstance(body, list) else body["results"]
        assert [row["sequence"] for row in rows] == sequences, address
        reads = [q["sql"] for q in told if "review_verdict" in q["sql"] and "COUNT(" not in q["sql"]]
        assert len(reads) == 1, address
    assert rob.get(f"{API}/projects/{project.pk}/verdicts?reviewer=x").status_code == 400


@pytest.mark.django_db
def test_the_later_reviewer_is_shown_what_the_other_did(many, rob, mia):
    made = many(300)
    first = give(rob, made, "rejected", indices=[1, 2], reason="artefact")
    refused = give(mia, made, "accepted", indices=[2, 3], status=409)
    assert (refused["code"], refused["indices"]) == ("already_decided", [2])
    [other] = refused["decided"]
    assert (other["index"], other["kind"], other["reason"]) == (2, "rejected", "artefact")
    assert (other["reviewer"], other["verdict_id"]) == ("Rob", first["id"])
    # A bulk verdict goes around what others decided, and says that they did.
    given = give(mia, made, "accepted", filter={}, seen_version=0)
    assert given["count"] == 298
    assert [(row["id"], row["reviewer"]["username"]) for row in given["meanwhile"]] == [(first["id"], "rob")]
    assert give(rob, made, "rejected", indices=[5], replace=True, seen_version=2)["meanwhile"] == []


@pytest.mark.django_db
def test_a_replacement_stops_at_what_another_said_meanwhile(many, rob, mia):
    made = many(300)
    own = give(rob, made, "accepted", indices=[1, 2, 3])
    theirs = give(mia, made, "rejected", indices=[2], replace=True, seen_version=1, reason="artefact")
    taken_back = give(mia, made, "rejected", indices=[3], replace=True, seen_version=2)
    mia.post(f"{API}/verdicts/{taken_back['id']}/undo")
    again = {"indices": [1, 2, 3], "replace": True}
    refused = give(rob, made, "relabelled", status=422, **again, seen_version=1)
    assert refused["code"] == "bad_label"
    refused = give(rob, made, "rejected", status=409, **again, seen_version=own["sequence"])
    assert (refused["code"], refused["indices"], refused["version"]) == ("already_decided", [2], 4)
    assert [row["verdict_id"] for row in refused["decided"]] == [theirs["id"]]
    assert list(state_of(made).rejected) == [2]
    # Having seen it, it may be replaced; what the reviewer said after the other is the reviewer's own.
    give(rob, made, "rejected", **again, seen_version=refused["version"])
    give(rob, made, "accepted", **again, seen_version=1)
    assert list(state_of(made).accepted) == [1, 2, 3]


@pytest.mark.django_db
def test_a_verdict_that_is_sent_again_is_given_once(many, rob, mia):
    made = many(300)
    sent = {"id": str(uuid.uuid4()), "indices": [4, 5]}
    first = give(rob, made, "rejected", **sent, reason="other")
    assert give(rob, made, "rejected", **sent, reason="other") == first
    assert first["id"] == sent["id"]
    assert give(mia, made, "accepted", status=409, **sent)["code"] == "verdict_id_taken"
    undoing = {"id": str(uuid.uuid4())}
    for _ in range(2):
        answer = rob.post(f"{API}/verdicts/{first['id']}/undo", undoing, format="json")
        assert (answer.status_code, answer.json()["id"]) == (201, undoing["id"])
    drawn = {"id": str(uuid.uuid4()), "label_id": None, "shape": "polygon", "geometry": triangle()}
    redrawn = {"id": str(uuid.uuid4()), "index": 7, "annotation": drawn}
    for _ in range(2):
        answer = rob.post(f"{API}/object-sets/{made.pk}/verdicts/redraw", redrawn, format="json")
        assert (answer.status_code, answer.json()["verdict"]["id"]) == (201, redrawn["id"])
    assert [row.kind for row in Verdict.objects.all()] == ["rejected", "undone", "redrawn"]


@pytest.mark.django_db
def test_a_filter_may_leave_labels_out(many, rob, place):
    made = many(600)
    labels = open_object_set(made).columns()["label"]
    hidden = [str(place["labels"][1].pk)]
    give(rob, made, filter={"without_labels": hidden})
    assert list(state_of(made).accepted) == np.flatnonzero(labels == 0).tolist()
    assert give(rob, made, filter={"without_labels": hidden}, status=422)["code"] == "nothing_concerned"
    assert give(rob, made, filter={"without_labels": ["x"]}, status=400)["code"] == "invalid"


@pytest.mark.django_db(transaction=True)
def test_two_reviewers_at_once_lose_nothing(many, api, user_factory, place):
    """Both decide as fast as they can on the same objects: every verdict has a number and its effect."""
    made, answers = many(300), []

    def review(username, kind):
        client = api(user_factory(username))
        try:
            for index in range(40):
                body = {"kind": kind, "indices": [index, 100 + index]}
                answer = client.post(f"{API}/object-sets/{made.pk}/verdicts", body, format="json")
                answers.append((username, index, answer.status_code, answer.json()))
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=review, args=pair) for pair in (("rob", "accepted"), ("mia", "rejected"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted({status for *_, status, _ in answers}) == [201, 409]
    assert len([1 for *_, status, _ in answers if status == 201]) == Verdict.objects.count() == 40
    sequences = Verdict.objects.order_by("sequence").values_list("sequence", flat=True)
    assert list(sequences) == list(range(1, 41))
    folded, stored = fold(Verdict.objects.order_by("sequence")), state_of(made)
    assert (stored.accepted, stored.rejected) == (folded.accepted, folded.rejected)
    for username, index, status, body in answers:
        if status == 409:
            other = {"rob": "Mia", "mia": "Rob"}[username]
            assert [row["reviewer"] for row in body["decided"]] == [other, other], index


def arrow(answer):
    assert answer.status_code == 200, answer.content
    reader = pa.ipc.open_stream(answer.content)
    return {k.decode(): v.decode() for k, v in reader.schema.metadata.items()}, reader.read_all().to_pydict()


@pytest.mark.django_db
def test_states_follow_the_tiles(many, rob, place):
    made = many(5000)
    stroma = place["labels"][1]
    address = f"{API}/object-sets/{made.pk}/states"
    told, rows = arrow(rob.get(f"{address}/0/0/0"))
    assert (told["kind"], told["version"], rows["count"]) == ("cells", "0", [])
    give(rob, made, "rejected", filter={"max_score": 0.3}, reason="other")
    give(rob, made, "relabelled", filter={"min_score": 0.9}, label_id=str(stroma.pk))
    answer = rob.get(f"{address}/0/0/0", {"max_uncertainty": 0.5})
    told, rows = arrow(answer)
    assert (told["version"], json.loads(told["label_ids"])) == ("2", [str(stroma.pk)])
    columns = open_object_set(made).columns()
    low, high = columns["score"] <= np.float32(0.3), columns["score"] >= np.float32(0.9)
    sure = columns["uncertainty"] <= 0.5
    counts = {}
    for state, new, label, count in zip(
        rows["state"], rows["new_label"], rows["label"], rows["count"], strict=True
    ):
        counts[state, new, label] = counts.get((state, new, label), 0) + count
    assert counts == {
        (state, new, label): int((mask & sure & (columns["label"] == label)).sum())
        for state, new, mask in ((2, -1, low), (3, 0, high))
        for label in (0, 1)
    }
    again = rob.get(
        f"{address}/0/0/0", {"max_uncertainty": 0.5}, headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    files = open_object_set(made)
    tile = files.place(2, 1, 2)
    told, rows = arrow(rob.get(f"{address}/2/1/2"))
    shown = [*range(tile.start, tile.end), *files.guests(tile).tolist()]
    expected = {i: 2 if low[i] else 3 for i in shown if low[i] or high[i]}
    assert (told["kind"], dict(zip(rows["index"], rows["state"], strict=True))) == ("shapes", expected)
    give(rob, made, "accepted", indices=[int(np.flatnonzero(~low & ~high)[0])])
    newer = rob.get(f"{address}/0/0/0", headers={"If-None-Match": answer.headers["ETag"]})
    assert arrow(newer)[0]["version"] == "3"
    assert rob.get(f"{address}/9/999/0").status_code == 404
    assert rob.get(f"{address}/0/0/0", {"min_score": "x"}).status_code == 400


@pytest.mark.django_db
def test_numbers_that_are_none_are_refused(many, rob):
    made = many(300)
    give(rob, made, indices=[300], status=404)
    give(rob, made, indices=[], status=422)
    give(rob, made, filter={"min_score": "NaN"}, status=400)
    assert rob.post(f"{API}/verdicts/{uuid.uuid4()}/undo").status_code == 404
