"""Projects, members and the label schema through the API."""

from __future__ import annotations

import uuid

import pytest

from server.projects.models import Label, Membership, Project

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", reviewer="rob", manager="mia")


@pytest.fixture
def mia(api, user_factory, project):
    return api(user_factory("mia"))


@pytest.fixture
def labels(project):
    return f"{API}/projects/{project.pk}/labels"


def new_label(client, address, status=201, **values):
    body = {"name": "Tumour", "colour": "#D55E00", **values}
    answer = client.post(address, body, format="json")
    assert answer.status_code == status, answer.json()
    return answer.json()


def test_an_administrator_makes_a_project_and_manages_it(api, user_factory):
    boss = api(user_factory("boss", administrator=True))
    made = boss.post(f"{API}/projects", {"name": "Colon", "description": "d"}, format="json")
    assert made.status_code == 201
    assert (made.json()["my_role"], made.json()["slide_count"]) == ("manager", 0)
    assert Membership.objects.get().role == "manager"
    refused = api(user_factory("mia")).post(f"{API}/projects", {"name": "Mine"}, format="json")
    assert refused.status_code == 403
    assert boss.post(f"{API}/projects", {"name": " "}, format="json").status_code == 400


def test_name_and_description_change_alone(mia, project):
    address = f"{API}/projects/{project.pk}"
    assert mia.patch(address, {"description": "only"}, format="json").json()["name"] == "Project"
    changed = mia.patch(address, {"name": "新名"}, format="json").json()
    assert (changed["name"], changed["description"]) == ("新名", "only")
    assert mia.patch(address, {}, format="json").status_code == 200


def test_the_list_tells_role_labels_and_slides(mia, api, user_factory, project, slide_factory, label_factory):
    slide_factory(project)
    slide_factory(project, "broken", state="failed")
    label_factory(project)
    for username, role in (("ann", "annotator"), ("rob", "reviewer"), ("mia", "manager")):
        [row] = api(user_factory(username)).get(f"{API}/projects").json()["results"]
        assert (row["my_role"], row["slide_count"], len(row["labels"])) == (role, 1, 1)


def test_a_label_is_made_and_changed(mia, labels):
    made = new_label(mia, labels, key=1, snomed="108369006")
    assert (made["colour"], made["key"], made["order"], made["retired_at"]) == ("#d55e00", 1, 0, None)
    changed = mia.patch(
        f"{labels}/{made['id']}", {"name": "Carcinoma", "colour": "#ABCDEF", "key": None}, format="json"
    ).json()
    assert (changed["name"], changed["colour"], changed["key"]) == ("Carcinoma", "#abcdef", None)
    assert mia.patch(f"{labels}/{made['id']}", {}, format="json").json() == changed


def test_a_clash_is_told_by_what_clashes(mia, labels):
    """On both databases, whose messages for it differ."""
    first = new_label(mia, labels, key=1)
    same_name = new_label(mia, labels, 409)
    assert (same_name["code"], same_name["field"]) == ("name_taken", "name")
    same_key = new_label(mia, labels, 409, name="Stroma", key=1)
    assert (same_key["code"], same_key["field"]) == ("key_taken", "key")
    other = new_label(mia, labels, name="Keyboard", key=2)
    address = f"{labels}/{other['id']}"
    assert mia.patch(address, {"name": first["name"]}, format="json").json()["code"] == "name_taken"
    assert mia.patch(address, {"key": 1}, format="json").json()["code"] == "key_taken"
    assert Label.objects.get(pk=other["id"]).key == 2


def test_a_label_is_retired_and_never_deleted(mia, labels):
    made = new_label(mia, labels, key=1)
    address = f"{labels}/{made['id']}"
    for method in ("delete", "put"):
        assert getattr(mia, method)(address).status_code == 405
    retired = mia.post(f"{address}/retire").json()
    assert retired["retired_at"] is not None
    assert retired["key"] is None
    again = mia.post(f"{address}/retire")
    assert (again.status_code, again.json()["code"]) == (422, "already_retired")
    assert [row["id"] for row in mia.get(labels).json()["results"]] == [made["id"]]
    # Its name and key are free again.
    assert new_label(mia, labels, key=1)["id"] != made["id"]
    assert Label.objects.count() == 2


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""}, {"name": "x" * 101}, {"colour": "red"}, {"colour": "#12345"},
        {"colour": "#1234567"}, {"key": 0}, {"key": 10}, {"key": "a"}, {"snomed": "9" * 21},
    ],
)  # fmt: skip
def test_a_label_that_makes_no_sense_is_refused(mia, labels, body):
    answer = new_label(mia, labels, 400, **body)
    assert list(answer["errors"]) == list(body)


def test_the_name_of_a_label_holds_no_control_character(mia, labels):
    answer = new_label(mia, labels, 422, name="a\0")
    assert (answer["code"], answer["field"]) == ("unsafe_name", "name")


def test_members_come_change_and_go(mia, project, user_factory, api):
    address = f"{API}/projects/{project.pk}/members"
    new = user_factory("new")
    made = mia.post(address, {"user_id": str(new.pk), "role": "annotator"}, format="json").json()
    assert made["user"]["username"] == "new"
    again = mia.post(address, {"user_id": str(new.pk), "role": "manager"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "already_member")
    client = api(new)
    assert client.get(f"{API}/projects/{project.pk}").json()["my_role"] == "annotator"
    mia.patch(f"{address}/{made['id']}", {"role": "reviewer"}, format="json")
    assert client.get(f"{API}/projects/{project.pk}").json()["my_role"] == "reviewer"
    assert mia.delete(f"{address}/{made['id']}").status_code == 204
    assert client.get(f"{API}/projects/{project.pk}").status_code == 404
    assert client.get(f"{API}/projects").json()["count"] == 0


def test_an_unknown_user_is_not_made_a_member(mia, project, user_factory):
    address = f"{API}/projects/{project.pk}/members"
    gone = user_factory("gone")
    gone.is_active = False
    gone.save()
    for user_id in (uuid.uuid4(), gone.pk):
        answer = mia.post(address, {"user_id": str(user_id), "role": "annotator"}, format="json")
        assert answer.status_code == 404
    assert mia.post(address, {"user_id": "x", "role": "king"}, format="json").status_code == 400


def test_the_last_manager_stays(mia, project, user_factory):
    address = f"{API}/projects/{project.pk}/members"
    [own] = project.memberships.filter(role="manager")
    for change in (
        lambda: mia.patch(f"{address}/{own.pk}", {"role": "reviewer"}, format="json"),
        lambda: mia.delete(f"{address}/{own.pk}"),
    ):
        answer = change()
        assert (answer.status_code, answer.json()["code"]) == (422, "last_manager")
    assert mia.patch(f"{address}/{own.pk}", {"role": "manager"}, format="json").status_code == 200
    [rob] = project.memberships.filter(role="reviewer")
    mia.patch(f"{address}/{rob.pk}", {"role": "manager"}, format="json")
    assert mia.delete(f"{address}/{own.pk}").status_code == 204
    assert list(project.memberships.filter(role="manager")) == [rob]


def test_a_stale_view_of_a_member_does_not_take_the_last_manager_away(project, user_factory):
    """Two managers take the role from each other; the second request was read before the first ended."""
    from server.core.errors import StateError
    from server.projects.services import change_member

    mia = user_factory("mia")
    second = Membership.objects.create(project=project, user=user_factory("max"), role="manager")
    stale = Membership.objects.get(user=mia)
    change_member(actor=mia, membership=second, role="annotator")
    with pytest.raises(StateError, match="at least one manager"):
        change_member(actor=mia, membership=stale, role="annotator")


def test_nothing_reaches_into_another_project(mia, project, project_factory, label_factory):
    other = project_factory("Other", manager="max")
    label, membership = label_factory(other), other.memberships.get()
    mine = f"{API}/projects/{project.pk}"
    assert mia.patch(f"{mine}/labels/{label.pk}", {"name": "x"}, format="json").status_code == 404
    assert mia.post(f"{mine}/labels/{label.pk}/retire").status_code == 404
    assert mia.delete(f"{mine}/members/{membership.pk}").status_code == 404
    assert (
        mia.patch(f"{mine}/members/{membership.pk}", {"role": "annotator"}, format="json").status_code == 404
    )
    assert mia.get(f"{API}/projects/{other.pk}").status_code == 404
    assert Project.objects.count() == 2


def test_labels_are_reordered_in_one_request(api, project_factory, label_factory, user_factory):
    project = project_factory(manager="mia", annotator="ann")
    first, second, third = (label_factory(project, name) for name in ("A", "B", "C"))
    mia, address = api(user_factory("mia")), f"{API}/projects/{project.pk}/labels/order"

    def order():
        return list(project.labels.order_by("order").values_list("name", flat=True))

    ids = [str(third.pk), str(first.pk), str(second.pk)]
    assert mia.put(address, {"label_ids": ids}, format="json").status_code == 204
    assert order() == ["C", "A", "B"]
    for wrong in (ids[:2], [*ids, ids[0]], [ids[0]] * 3, [*ids[:2], str(project.pk)]):
        answer = mia.put(address, {"label_ids": wrong}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_order")
    ann = api(user_factory("ann"))
    assert ann.put(address, {"label_ids": ids[::-1]}, format="json").status_code == 403
    assert order() == ["C", "A", "B"]


def test_a_name_in_other_letter_case_needs_a_confirmation(mia, labels):
    first = new_label(mia, labels)
    refused = new_label(mia, labels, 409, name="TUMOUR")
    assert (refused["code"], refused["field"], refused["similar"]) == ("label_letter_case", "name", "Tumour")
    assert "'Tumour'" in refused["detail"]
    assert "'TUMOUR'" in refused["detail"]
    second = new_label(mia, labels, name="TUMOUR", allow_similar_name=True)
    address = f"{labels}/{second['id']}"
    assert mia.patch(address, {"name": "tumour"}, format="json").json()["code"] == "label_letter_case"
    renamed = mia.patch(address, {"name": "tumour", "allow_similar_name": True}, format="json")
    assert renamed.json()["name"] == "tumour"
    assert mia.patch(address, {"colour": "#abcdef"}, format="json").status_code == 200
    mia.post(f"{address}/retire")
    # Nothing that is in use is like them any more: a label may change its own letter case.
    assert mia.patch(f"{labels}/{first['id']}", {"name": "TuMour"}, format="json").status_code == 200
