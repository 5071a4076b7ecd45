"""Annotations through the API: drawing, repair, conflicts, history, permissions."""

from __future__ import annotations

import uuid

import pytest

from server.annotations.models import Annotation, Revision
from server.audit.models import AuditRecord
from server.jobs.models import JobEvent

pytestmark = pytest.mark.django_db

API = "/api/v1"


def square(x=100, y=100, side=50):
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.fixture
def place(project_factory, slide_factory, label_factory):
    project = project_factory(annotator="ann", reviewer="rob", manager="mia")
    return {"project": project, "slide": slide_factory(project), "label": label_factory(project)}


@pytest.fixture
def draw(place, api, user_factory):
    def make(user="ann", *, status=201, **values):
        body = {
            "id": str(uuid.uuid4()),
            "label_id": str(place["label"].pk),
            "shape": "polygon",
            "geometry": square(),
            **values,
        }
        answer = api(user_factory(user)).post(
            f"{API}/slides/{place['slide'].pk}/annotations", body, format="json"
        )
        assert answer.status_code == status, answer.json()
        return answer.json()

    return make


def test_a_drawn_shape_is_measured_listed_and_on_record(draw, place, api, user_factory):
    made = draw(geometry=square(side=40))
    assert made["area_px"] == 1600
    assert made["revision"] == 1
    listed = api(user_factory("rob")).get(f"{API}/slides/{place['slide'].pk}/annotations").json()
    assert [row["id"] for row in listed["results"]] == [made["id"]]
    assert AuditRecord.objects.filter(action="annotation.change", actor_name="Ann").count() == 1


def test_the_same_creation_twice_is_one_annotation(draw):
    first = draw(id="0f8fad5b-d9cb-469f-a165-70867728950e")
    again = draw(id="0f8fad5b-d9cb-469f-a165-70867728950e")
    assert again["revision"] == first["revision"] == 1
    assert Annotation.objects.count() == Revision.objects.count() == 1


def test_an_id_that_means_something_else_is_refused(draw):
    draw(id="0f8fad5b-d9cb-469f-a165-70867728950e")
    answer = draw(id="0f8fad5b-d9cb-469f-a165-70867728950e", geometry=square(x=900), status=409)
    assert answer["code"] == "id_taken"


def test_holes_and_several_parts_are_kept(draw):
    hole = {
        "type": "Polygon",
        "coordinates": [
            [[0, 0], [100, 0], [100, 100], [0, 100], [0, 0]],
            [[20, 20], [20, 40], [40, 40], [40, 20], [20, 20]],
        ],
    }
    parts = {"type": "MultiPolygon", "coordinates": [hole["coordinates"], square(300, 300)["coordinates"]]}
    assert draw(geometry=hole)["area_px"] == 10_000 - 400
    made = draw(geometry=parts)
    assert made["geometry"]["type"] == "MultiPolygon"
    assert made["area_px"] == 10_000 - 400 + 2500


def test_a_bow_tie_is_mended_to_the_area_it_encloses(draw):
    bow = {"type": "Polygon", "coordinates": [[[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]]]}
    made = draw(geometry=bow)
    assert made["geometry"]["type"] == "MultiPolygon"
    assert made["area_px"] == pytest.approx(50)


@pytest.mark.parametrize(
    ("geometry", "shape"),
    [
        ({"type": "Polygon", "coordinates": [[[0, 0], [10, 10], [20, 20], [0, 0]]]}, "polygon"),
        ({"type": "Polygon", "coordinates": []}, "polygon"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}, "polygon"),
        ({"type": "Polygon", "coordinates": [[["a", 0], [1, 1], [2, 0]]]}, "polygon"),
        ({"type": "Point", "coordinates": [1, 1]}, "polygon"),
        ({"type": "Circle", "coordinates": [1, 1]}, "polygon"),
        (square(x=50_000), "polygon"),
        ({"type": "LineString", "coordinates": [[1, 1], [1, 1]]}, "line"),
        ({"type": "Point", "coordinates": [1e12, 1]}, "point"),
        ("nonsense", "polygon"),
    ],
)
def test_an_invalid_shape_is_refused_with_a_message(draw, geometry, shape):
    answer = draw(geometry=geometry, shape=shape, status=422)
    assert answer["code"] == "bad_geometry"
    assert answer["errors"]["changes.0.geometry"] == [answer["detail"]]
    assert Annotation.objects.count() == 0


def test_a_stale_edit_gets_both_versions_and_changes_nothing(draw, api, user_factory):
    made = draw()
    address = f"{API}/annotations/{made['id']}"
    rob = api(user_factory("rob"))
    newer = rob.patch(address, {"revision": 1, "note": "by Rob"}, format="json").json()
    assert newer["revision"] == 2
    stale = api(user_factory("ann")).patch(address, {"revision": 1, "note": "by Ann"}, format="json")
    assert stale.status_code == 409
    assert stale.json()["code"] == "stale_revision"
    assert stale.json()["current"]["note"] == "by Rob"
    [conflict] = stale.json()["conflicts"]
    assert conflict["latest_revision"]["author"]["username"] == "rob"
    assert conflict["latest_revision"]["change"] == "edited"
    assert Annotation.objects.get().note == "by Rob"


def test_a_deleted_annotation_conflicts_as_gone(draw, api, user_factory):
    made = draw()
    client = api(user_factory("ann"))
    address = f"{API}/annotations/{made['id']}"
    assert client.delete(f"{address}?revision=1").status_code == 204
    assert client.get(address).status_code == 404
    stale = client.patch(address, {"revision": 1, "note": "late"}, format="json")
    assert stale.status_code == 409
    assert stale.json()["current"] is None
    back = client.post(f"{address}/restore").json()
    assert back["revision"] == 3
    history = client.get(f"{address}/revisions").json()["results"]
    assert [row["change"] for row in history] == ["created", "deleted", "restored"]


def test_a_restoration_that_names_an_older_revision_overwrites_nobody(draw, place, api, user_factory):
    """Ann deletes and undoes; in between Rob has restored and changed the shape."""
    made = draw()
    ann, rob = api(user_factory("ann")), api(user_factory("rob"))
    address = f"{API}/annotations/{made['id']}"
    batch = f"{API}/slides/{place['slide'].pk}/annotations/batch"
    assert ann.delete(f"{address}?revision=1").status_code == 204
    assert rob.post(f"{address}/restore").json()["revision"] == 3
    assert rob.delete(f"{address}?revision=3").status_code == 204
    restoration = {"op": "restore", "id": made["id"], "revision": 2}
    stale = ann.post(batch, {"changes": [restoration]}, format="json")
    assert stale.status_code == 409
    [conflict] = stale.json()["conflicts"]
    assert conflict["current"] is None
    assert conflict["latest_revision"]["number"] == 4
    assert conflict["latest_revision"]["change"] == "deleted"
    assert conflict["latest_revision"]["author"]["username"] == "rob"
    restoration["revision"] = 4
    assert (
        ann.post(batch, {"changes": [restoration]}, format="json").json()["annotations"][0]["revision"] == 5
    )


def test_a_batch_is_all_or_nothing(draw, place, api, user_factory):
    made = draw()
    client = api(user_factory("ann"))
    address = f"{API}/slides/{place['slide'].pk}/annotations/batch"
    new = {"op": "create", "id": str(uuid.uuid4()), "shape": "polygon", "geometry": square(400)}
    stale = {"op": "update", "id": made["id"], "revision": 7, "note": "x"}
    answer = client.post(address, {"changes": [new, stale]}, format="json")
    assert answer.status_code == 409
    assert answer.json()["conflicts"][0]["current"]["revision"] == 1
    assert Annotation.objects.count() == 1
    stale["revision"] = 1
    gone = {"op": "delete", "id": made["id"], "revision": 2}
    answer = client.post(address, {"changes": [new, stale, gone]}, format="json").json()
    assert [row["id"] for row in answer["annotations"]] == [new["id"]]
    assert answer["deleted"] == [made["id"]]


def test_a_bad_row_of_a_batch_is_named(draw, place, api, user_factory):
    good = {"op": "create", "id": str(uuid.uuid4()), "shape": "polygon", "geometry": square()}
    bad = {**good, "id": str(uuid.uuid4()), "geometry": square(x=99_999)}
    answer = api(user_factory("ann")).post(
        f"{API}/slides/{place['slide'].pk}/annotations/batch", {"changes": [good, bad]}, format="json"
    )
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["changes.1.geometry"]
    assert Annotation.objects.count() == 0


def test_an_annotator_does_not_change_what_others_drew_a_reviewer_does(draw, api, user_factory):
    made = draw("mia")
    address = f"{API}/annotations/{made['id']}"
    refused = api(user_factory("ann")).patch(address, {"revision": 1, "note": "no"}, format="json")
    assert refused.status_code == 403
    assert refused.json()["code"] == "not_yours"
    taken = api(user_factory("rob")).patch(address, {"revision": 1, "note": "yes"}, format="json")
    assert taken.status_code == 200


def test_a_label_of_another_project_or_a_retired_one_is_refused(draw, project_factory, label_factory, place):
    elsewhere = label_factory(project_factory("Other"))
    assert draw(label_id=str(elsewhere.pk), status=422)["code"] == "bad_label"
    place["label"].retired_at = "2026-01-01T00:00:00Z"
    place["label"].save()
    assert draw(status=422)["code"] == "bad_label"


def test_the_view_query_returns_what_touches_the_view(draw, place, api, user_factory):
    near, far = draw(geometry=square(100, 100)), draw(geometry=square(5000, 5000))
    client = api(user_factory("ann"))

    def seen(**bounds):
        answer = client.get(f"{API}/slides/{place['slide'].pk}/annotations", bounds).json()
        return {row["id"] for row in answer["results"]}

    assert seen(min_x=120, min_y=120, max_x=130, max_y=130) == {near["id"]}
    assert seen(min_x=149, min_y=0, max_x=6000, max_y=6000) == {near["id"], far["id"]}
    assert seen(min_x=151, min_y=0, max_x=4999, max_y=6000) == set()


def test_open_viewers_hear_which_shapes_changed_to_which_revision(draw, place, api, user_factory):
    client, slide = api(user_factory("ann")), place["slide"]
    batch = f"{API}/slides/{slide.pk}/annotations/batch"

    def news():
        return JobEvent.objects.filter(kind="news", data__topic="annotations").latest("id").data

    made = draw()
    assert news() == {"topic": "annotations", "slide_id": str(slide.pk), "changed": {made["id"]: 1}}
    changes = [{"op": "delete", "id": made["id"], "revision": 1}]
    changes += [{"op": "create", "id": str(uuid.uuid4()), "shape": "polygon", "geometry": square(0, 0)}]
    assert client.post(batch, {"changes": changes}, format="json").status_code == 200
    assert news()["changed"] == {changes[0]["id"]: 2, changes[1]["id"]: 1}
    many = [{**changes[1], "id": str(uuid.uuid4())} for _ in range(51)]
    assert client.post(batch, {"changes": many}, format="json").status_code == 200
    # More than a viewer fetches one by one.
    assert news()["changed"] is None
    body = {"id": str(uuid.uuid4()), "geometry": square(0, 0, 1000)}
    client.post(f"{API}/slides/{slide.pk}/regions", body, format="json")
    assert "changed" not in news()


def test_a_finished_region_is_declared_once_and_taken_back(place, api, user_factory):
    client = api(user_factory("ann"))
    address = f"{API}/slides/{place['slide'].pk}/regions"
    body = {"id": str(uuid.uuid4()), "geometry": square(0, 0, 1000)}
    first = client.post(address, body, format="json").json()
    assert first["area_px"] == 1_000_000
    assert client.post(address, body, format="json").json()["id"] == first["id"]
    assert client.get(address).json()["count"] == 1
    assert client.delete(f"{API}/regions/{first['id']}").status_code == 204
    assert client.get(address).json()["count"] == 0


def test_listing_takes_the_same_number_of_queries_for_one_and_for_many(
    draw, place, api, user_factory, django_assert_num_queries
):
    client = api(user_factory("ann"))
    address = f"{API}/slides/{place['slide'].pk}/annotations"
    draw()
    with django_assert_num_queries(2):
        client.get(address)
    for number in range(5):
        draw(geometry=square(x=200 * number))
    with django_assert_num_queries(2):
        client.get(address)
