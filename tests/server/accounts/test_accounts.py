"""Sign-in, preferences, users and tokens through the API."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from server.accounts.models import ApiToken, User
from server.audit.models import AuditRecord
from server.audit.services import first_broken_record

pytestmark = pytest.mark.django_db

API = "/api/v1"
PASSWORD = "a long test password"


def sign_in(client, username="mia", password=PASSWORD):
    body = json.dumps({"username": username, "password": password})
    return client.post(f"{API}/session", body, content_type="application/json")


@pytest.fixture
def mia(api, user_factory):
    return api(user_factory("mia"))


@pytest.fixture
def boss(api, user_factory):
    return api(user_factory("boss", administrator=True))


def test_sign_in_and_out(user_factory, client):
    user_factory("mia")
    assert client.get(f"{API}/session").status_code == 204
    answer = sign_in(client)
    assert answer.status_code == 200
    me = client.get(f"{API}/session").json()
    assert (me["username"], me["is_administrator"]) == ("mia", False)
    assert "password" not in answer.content.decode()
    assert client.delete(f"{API}/session").status_code == 204
    assert client.get(f"{API}/session").status_code == 204


@pytest.mark.parametrize("body", [("mia", "wrong"), ("nobody", PASSWORD), ("MIA", PASSWORD), ("mia", " ")])
def test_a_wrong_sign_in_does_not_say_what_was_wrong(user_factory, client, body):
    user_factory("mia")
    answer = sign_in(client, *body)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    assert answer.json()["detail"] == "User name or password is wrong."
    assert "sessionid" not in client.cookies


def test_signing_in_and_out_and_failing_to_are_on_record(user_factory, client):
    mia = user_factory("mia")
    sign_in(client, password="wrong")
    sign_in(client, "n0t my name but my passw0rd", "x")
    sign_in(client)
    client.delete(f"{API}/session")
    client.delete(f"{API}/session")  # nobody is signed in any more
    facts = AuditRecord.objects.filter(chain_id="site").order_by("sequence")
    assert [(fact.action, fact.actor_name) for fact in facts] == [
        ("session.refuse", "127.0.0.1"), ("session.refuse", "127.0.0.1"), ("session.open", "Mia"),
        ("session.close", "Mia"),
    ]  # fmt: skip
    assert [fact.subject_id == str(mia.pk) for fact in facts] == [True, False, True, True]
    assert facts[0].details == {"attempt": 1, "wait": 0}
    assert "passw0rd" not in str(list(facts.values()))
    assert first_broken_record("site") is None


def test_a_person_who_was_switched_off_comes_in_no_way(user_factory, client, api):
    mia = user_factory("mia")
    secret = api(mia).post(f"{API}/tokens", {"name": "t"}, format="json").json()["secret"]
    sign_in(client)
    User.objects.filter(pk=mia.pk).update(is_active=False)
    assert client.get(f"{API}/session").status_code == 204
    assert client.get(f"{API}/projects").status_code == 401
    assert client.get(f"{API}/projects", headers={"Authorization": f"Token {secret}"}).status_code == 401
    assert sign_in(Client()).status_code == 401


def test_a_write_in_a_session_needs_the_csrf_token(user_factory):
    user_factory("mia")
    client = Client(enforce_csrf_checks=True)
    token = sign_in(client).json()["csrf_token"]
    change = json.dumps({"theme": "dark"})
    without = client.patch(f"{API}/session/preferences", change, content_type="application/json")
    if without.status_code == 404:
        pytest.fail("the address of the preferences has changed")
    assert without.status_code == 403
    done = client.patch(
        f"{API}/session/preferences", change, content_type="application/json", headers={"X-CSRFToken": token}
    )
    assert (done.status_code, done.json()["theme"]) == (200, "dark")


@pytest.mark.parametrize(
    "change",
    [
        {"language": "zh-CN"},
        {"language": "en"},
        {"theme": "dark"},
        {"key_map": {"accept": ["y", "Enter"], "undo": []}},
        {"shown_layers": ["annotations", "heatMap"]},
        {"shown_layers": []},
    ],
)
def test_language_theme_keys_and_layers_are_kept(mia, api, change):
    answer = mia.patch(f"{API}/session/preferences", change, format="json")
    assert answer.status_code == 200, answer.json()
    again = api(User.objects.get(username="mia")).get(f"{API}/session").json()
    assert {name: again[name] for name in change} == change


@pytest.mark.parametrize(
    "change",
    [
        {"theme": "pink"}, {"theme": None}, {"language": "klingon-very-long"}, {"language": "xx"},
        {"key_map": []}, {"key_map": "a"}, {"key_map": {"accept": ["y" * 30_000]}},
        {"key_map": {"accept": "y"}}, {"key_map": {"accept": [7]}},
        {"key_map": {"accept": ["\0"]}}, {"key_map": {"a\ud800": ["y"]}},
        {"shown_layers": ["cells"]}, {"shown_layers": "annotations"}, {"shown_layers": ["heatMap"] * 4},
    ],
)  # fmt: skip
def test_a_preference_that_makes_no_sense_is_refused(mia, change):
    answer = mia.patch(f"{API}/session/preferences", json.dumps(change), content_type="application/json")
    assert answer.status_code == 400, answer.content
    assert [name.partition(".")[0] for name in answer.json()["errors"]] == list(change)


def test_no_layers_are_remembered_before_the_first_choice(mia):
    assert mia.get(f"{API}/session").json()["shown_layers"] is None


def test_a_preference_changes_nothing_else(mia):
    body = {"is_superuser": True, "username": "root", "display_name": "x", "theme": "dark"}
    mia.patch(f"{API}/session/preferences", body, format="json")
    me = mia.get(f"{API}/session").json()
    assert (me["username"], me["is_administrator"], me["display_name"]) == ("mia", False, "Mia")


def test_a_token_works_until_it_is_revoked_and_shows_its_secret_once(mia, client):
    made = mia.post(f"{API}/tokens", {"name": "script"}, format="json")
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert ApiToken.objects.get().digest != secret
    header = {"Authorization": f"Token {secret}"}
    assert client.get(f"{API}/session", headers=header).json()["username"] == "mia"
    listed = mia.get(f"{API}/tokens")
    assert secret not in listed.content.decode()
    assert listed.json()["results"][0]["last_used_at"] is not None
    assert mia.delete(f"{API}/tokens/{made.json()['id']}").status_code == 204
    answer = client.get(f"{API}/session", headers=header)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


def test_a_token_ends_when_it_was_to_end(mia, client):
    later = (timezone.now() + timedelta(hours=1)).isoformat()
    made = mia.post(f"{API}/tokens", {"name": "short", "expires_at": later}, format="json").json()
    header = {"Authorization": f"Token {made['secret']}"}
    assert client.get(f"{API}/session", headers=header).status_code == 200
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(f"{API}/session", headers=header).status_code == 401


@pytest.mark.parametrize("header", ["Token", "Token ", "Token a b", "Token x", "token é", "Bearer x"])
def test_a_header_that_is_no_token(db, client, header):
    assert client.get(f"{API}/projects", headers={"Authorization": header}).status_code == 401


def test_nobody_sees_or_revokes_the_token_of_another(mia, api, user_factory):
    made = mia.post(f"{API}/tokens", {"name": "mine"}, format="json").json()
    for other in (api(user_factory("rob")), api(user_factory("boss", administrator=True))):
        assert other.get(f"{API}/tokens").json()["count"] == 0
        assert other.delete(f"{API}/tokens/{made['id']}").status_code == 404
    assert ApiToken.objects.count() == 1


def test_an_administrator_makes_accounts(boss, client):
    body = {"username": "new.person@lab", "display_name": "新 Person", "password": PASSWORD}
    made = boss.post(f"{API}/users", body, format="json")
    assert made.status_code == 201
    assert set(made.json()) == {"id", "username", "display_name"}
    assert sign_in(client, "new.person@lab").status_code == 200
    again = boss.post(f"{API}/users", body, format="json")
    assert (again.status_code, again.json()["code"], again.json()["field"]) == (
        409, "username_taken", "username"
    )  # fmt: skip


@pytest.mark.parametrize("password", ["short", "12345678901", "password", "new.person@lab"])
def test_a_weak_password_is_refused_with_a_reason(boss, password):
    body = {"username": "new.person@lab", "password": password}
    answer = boss.post(f"{API}/users", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "weak_password")
    assert answer.json()["field"] == "password"
    assert not User.objects.filter(username=body["username"]).exists()


@pytest.mark.parametrize("username", ["", "two words", "a/b", "a\0b", "x" * 151])
def test_a_strange_user_name_is_refused(boss, username):
    answer = boss.post(f"{API}/users", {"username": username, "password": PASSWORD}, format="json")
    assert answer.status_code == 400
    assert "username" in answer.json()["errors"]


def test_people_are_found_by_managers_only(boss, mia, user_factory, project_factory):
    user_factory("ann")
    assert mia.get(f"{API}/users").status_code == 403
    project_factory(manager="mia")
    people = mia.get(f"{API}/users", {"search": "AN"}).json()["results"]
    assert [person["username"] for person in people] == ["ann"]
    User.objects.filter(username="ann").update(is_active=False)
    assert mia.get(f"{API}/users", {"search": "ann"}).json()["count"] == 0
    assert boss.get(f"{API}/users", {"search": "a\0"}).status_code == 400
