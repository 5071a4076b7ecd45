"""A change that starts from values which a colleague has changed is refused, with who and what."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture
def project(project_factory, user_factory):
    from server.projects.models import Membership

    project = project_factory(manager="mia")
    Membership.objects.create(project=project, user=user_factory("max"), role="manager")
    return project


@pytest.fixture
def people(api, user_factory, project):
    return api(user_factory("mia")), api(user_factory("max"))


@pytest.fixture
def addresses(project, slide_factory, label_factory):
    slide, label = slide_factory(project, "before"), label_factory(project, "Tumour")
    other = label_factory(project, "Stroma")
    return {
        "project": f"{API}/projects/{project.pk}",
        "label": f"{API}/projects/{project.pk}/labels/{label.pk}",
        "slide": f"{API}/slides/{slide.pk}",
        "labels": [str(label.pk), str(other.pk)],
    }


CHANGES = [
    ("project", "name", "Project", "Hers", "His"),
    ("project", "description", "", "Hers", "His"),
    ("project", "map_quality", False, True, False),
    ("label", "name", "Tumour", "Hers", "His"),
    ("label", "colour", "#d55e00", "#000001", "#00000A"),
    ("label", "key", None, 3, 4),
    ("label", "snomed", "", "108369006", "3"),
    ("slide", "name", "before", "Hers", "His"),
    ("slide", "case", None, "Hers", "His"),
    ("slide", "progress_state", "new", "finished", "in_progress"),
    ("slide", "resolution", None, {"x": 0.5, "y": 0.25}, {"x": 0.5, "y": 0.5}),
]


@pytest.mark.parametrize(
    ("subject", "field", "seen", "hers", "his"), CHANGES, ids=[f"{one[0]}-{one[1]}" for one in CHANGES]
)
def test_the_second_of_two_changes_is_refused_with_who_and_what(
    people, addresses, subject, field, seen, hers, his
):
    mia, max_ = people
    address = addresses[subject]
    now = mia.get(addresses["project"] if subject == "label" else address).json()
    if field == "case":
        seen = now["case"]["pseudonym"]
    elif field == "resolution" and now["mpp_x"]:
        seen = {"x": now["mpp_x"], "y": now["mpp_y"]}
    elif subject == "label":
        [row] = [label for label in now["labels"] if label["id"] == addresses["labels"][0]]
        seen = row[field]
    body = {field: hers, "seen": {field: seen}}
    assert mia.patch(address, body, format="json").status_code == 200
    # The same change twice is no conflict: an answer may get lost.
    assert mia.patch(address, body, format="json").status_code == 200
    refused = max_.patch(address, {field: his, "seen": {field: seen}}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "changed_meanwhile")
    assert refused.json()["changed_by"] == "Mia"
    assert list(refused.json()["current"]) == [field]
    assert refused.json()["message"]["code"] == "changed_by_other"
    # Knowing hers, he may have his way.
    assert max_.patch(address, {field: his, "seen": {field: hers}}, format="json").status_code == 200
    assert max_.patch(address, {field: hers}, format="json").status_code == 200


def test_different_fields_of_a_row_do_not_clash(people, addresses):
    mia, max_ = people
    address = addresses["slide"]
    assert mia.patch(address, {"name": "hers", "seen": {"name": "before"}}, format="json").status_code == 200
    body = {"progress_state": "finished", "seen": {"progress_state": "new"}}
    assert max_.patch(address, body, format="json").status_code == 200
    assert max_.get(address).json()["name"] == "hers"


def test_a_diagnosis_is_refused_by_the_names_of_labels(people, addresses):
    mia, max_ = people
    tumour, stroma = addresses["labels"]
    seen = {"label_id": None}
    address = addresses["slide"]
    assert mia.patch(address, {"label_id": tumour, "seen": seen}, format="json").status_code == 200
    refused = max_.patch(address, {"label_id": stroma, "seen": seen}, format="json")
    assert (refused.status_code, refused.json()["message"]["params"]["value"]) == (409, "Tumour")


def test_the_order_of_labels_is_not_overwritten(people, addresses):
    mia, max_ = people
    one, two = addresses["labels"]
    address = f"{addresses['project']}/labels/order"
    body = {"label_ids": [two, one], "seen": [one, two]}
    assert mia.put(address, body, format="json").status_code == 204
    assert max_.put(address, body, format="json").status_code == 204
    refused = max_.put(address, {"label_ids": [one, two], "seen": [one, two]}, format="json")
    assert (refused.status_code, refused.json()["message"]["params"]["value"]) == (409, "Stroma, Tumour")
