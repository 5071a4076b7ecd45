"""Password changes and resets, and accounts that are deactivated, through the API."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import hashers
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from server.accounts.models import ApiToken, User
from server.accounts.passwords.services import MOST_PER_ACCOUNT
from server.accounts.services import change_password, deactivate_user, reset_password
from server.audit.models import AuditRecord
from server.audit.services import first_broken_record
from server.core.errors import NotAllowedError, StateError
from server.jobs.events import application as events
from tests.server.jobs.event_client import OpenStream, event_application, session_header

pytestmark = pytest.mark.django_db

API = "/api/v1"
OLD = "a long test password"
NEW = "another long password"


def send(client, method, path, body=None):
    content = json.dumps(body or {})
    return getattr(client, method)(f"{API}{path}", content, content_type="application/json")


def sign_in(username="mia", password=OLD):
    client = Client()
    return client, send(client, "post", "/session", {"username": username, "password": password})


@pytest.fixture
def mia(user_factory):
    return user_factory("mia")


@pytest.fixture
def boss(user_factory):
    user_factory("boss", administrator=True)
    return sign_in("boss")[0]


def is_signed_in(client):
    return client.get(f"{API}/session").status_code == 200


def change(client, current=OLD, new=NEW, **more):
    body = {"current_password": current, "new_password": new, **more}
    return send(client, "put", "/session/password", body)


def issue_token(client, name="script"):
    return send(client, "post", "/tokens", {"name": name}).json()["secret"]


def reaches(secret):
    return Client().get(f"{API}/projects", headers={"Authorization": f"Token {secret}"}).status_code == 200


def actions():
    return list(AuditRecord.objects.order_by("id").values_list("action", flat=True))


def test_a_new_password_ends_all_other_sessions_and_tokens(mia):
    here, elsewhere = sign_in()[0], sign_in()[0]
    secret = issue_token(here)
    answer = change(here)
    assert (answer.status_code, answer.json()["username"]) == (200, "mia")
    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)
    assert not reaches(secret)
    assert sign_in(password=OLD)[1].status_code == 401
    assert sign_in(password=NEW)[1].status_code == 200
    fact = AuditRecord.objects.get(action="user.change_password")
    assert (fact.actor_id, fact.subject_id) == (str(mia.pk), str(mia.pk))
    assert fact.details == {"revoked_tokens": 1}
    assert not any(word in str(list(AuditRecord.objects.values())) for word in (OLD, NEW))
    assert first_broken_record("site") is None


def test_tokens_stay_for_who_keeps_them(mia):
    here, _ = sign_in()
    secret = issue_token(here)
    assert change(here, keep_tokens=True).status_code == 200
    assert reaches(secret)


def test_a_wrong_current_password_changes_nothing_and_is_limited_without_locking_out(mia):
    here, _ = sign_in()
    for _ in range(MOST_PER_ACCOUNT):
        answer = change(here, current="wrong")
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_password")
        assert answer.json()["field"] == "current_password"
    answer = change(here, current="wrong")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_passwords")
    assert answer.headers["Retry-After"] == str(answer.json()["wait"])
    assert sign_in(password=OLD)[1].status_code == 200
    assert change(here).status_code == 200


def test_passwords_are_hashed_outside_transactions(mia, boss, monkeypatch):
    """On SQLite a transaction keeps every other writer waiting."""
    depths = []

    def note(*arguments, **more):
        depths.append(len(connection.savepoint_ids))
        return hash_password(*arguments, **more)

    hash_password = hashers.MD5PasswordHasher.encode
    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", note)
    here, _ = sign_in()
    assert change(here).status_code == 200
    assert send(boss, "post", f"/accounts/{mia.pk}/reset-password").status_code == 200
    body = {"username": "ann", "password": NEW}
    assert send(boss, "post", "/users", body).status_code == 201
    assert len(depths) == 5
    assert set(depths) == {0}


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("short", "weak_password"), ("48210573961", "weak_password"), ("password", "weak_password"),
        ("iloveyou", "weak_password"), ("mia.mia.mia", "weak_password"), (OLD, "same_password"),
    ],
)  # fmt: skip
def test_a_password_that_is_easy_to_guess_is_refused(user_factory, new, code):
    user_factory("mia.mia.mi")
    here, _ = sign_in("mia.mia.mi")
    answer = change(here, new=new)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, code, "new_password")
    assert sign_in("mia.mia.mi", OLD)[1].status_code == 200


@pytest.mark.parametrize("missing", ["current_password", "new_password"])
def test_both_passwords_are_asked_for(mia, missing):
    here, _ = sign_in()
    body = {"current_password": OLD, "new_password": NEW}
    answer = send(here, "put", "/session/password", {**body, missing: ""})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [missing])


def test_a_token_alone_changes_no_password(mia):
    here, _ = sign_in()
    header = {"Authorization": f"Token {issue_token(here)}"}
    body = json.dumps({"current_password": OLD, "new_password": NEW})
    answer = Client().put(f"{API}/session/password", body, content_type="application/json", headers=header)
    assert (answer.status_code, answer.json()["code"]) == (403, "token_read_only")
    assert sign_in(password=OLD)[1].status_code == 200


def test_changing_twice_needs_the_newer_password(mia):
    here, _ = sign_in()
    assert change(here).status_code == 200
    assert change(here).json()["code"] == "wrong_password"
    assert change(here, current=NEW, new="a third long password").status_code == 200


def test_a_reset_ends_everything_and_its_password_must_be_changed(mia, boss):
    before, _ = sign_in()
    secret = issue_token(before)
    answer = send(boss, "post", f"/accounts/{mia.pk}/reset-password")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    once = answer.json()["password"]
    assert not is_signed_in(before)
    assert not reaches(secret)
    assert sign_in(password=OLD)[1].status_code == 401
    here, answer = sign_in(password=once)
    assert (answer.status_code, answer.json()["one_time_sign_in"]) == (200, True)
    for method, path in [("get", "/projects"), ("post", "/tokens"), ("patch", "/session/preferences")]:
        refused = send(here, method, path) if method != "get" else here.get(f"{API}{path}")
        assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required"), path
    assert change(here, current=once, new=once).json()["code"] == "same_password"
    answer = change(here, current=once)
    assert (answer.status_code, answer.json()["one_time_sign_in"]) == (200, False)
    assert here.get(f"{API}/projects").status_code == 200
    assert sign_in(password=once)[1].status_code == 401
    assert sign_in(password=NEW)[1].status_code == 200
    assert once not in str(list(AuditRecord.objects.values()))


def test_a_one_time_password_expires(mia, boss):
    answer = send(boss, "post", f"/accounts/{mia.pk}/reset-password").json()
    assert timedelta(days=6) < datetime.fromisoformat(answer["expires_at"]) - timezone.now() <= timedelta(7)
    here, _ = sign_in(password=answer["password"])
    User.objects.filter(pk=mia.pk).update(one_time_until=timezone.now())
    late = sign_in(password=answer["password"])[1]
    assert (late.status_code, late.json()["code"]) == (401, "one_time_expired")
    assert "sessionid" not in late.cookies
    # Whoever guesses learns nothing of it.
    assert sign_in(password="wrong")[1].json()["code"] == "invalid_credentials"
    assert not is_signed_in(here)
    assert change(here, current=answer["password"]).status_code == 401
    rows = {row["username"]: row for row in boss.get(f"{API}/accounts").json()["results"]}
    assert (rows["mia"]["one_time_expired"], rows["boss"]["one_time_expired"]) == (True, False)
    again = send(boss, "post", f"/accounts/{mia.pk}/reset-password").json()
    here, _ = sign_in(password=again["password"])
    assert change(here, current=again["password"]).status_code == 200
    User.objects.update(one_time_until=timezone.now())  # nothing of a password that its owner chose
    assert sign_in(password=NEW)[1].status_code == 200


@pytest.mark.parametrize("password", ["password1", "mia", "1234567890123"])
def test_the_command_line_refuses_weak_passwords_too(db, monkeypatch, password):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
    given = {"username": "mia", "email": "", "interactive": False, "verbosity": 0}
    with pytest.raises(CommandError):
        call_command("createsuperuser", **given)
    assert not User.objects.exists()
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", NEW)
    call_command("createsuperuser", **given)
    assert User.objects.get().is_superuser


def test_a_second_reset_replaces_the_first(mia, boss):
    first, second = (
        send(boss, "post", f"/accounts/{mia.pk}/reset-password").json()["password"] for _ in range(2)
    )
    assert first != second
    assert sign_in(password=first)[1].status_code == 401
    assert sign_in(password=second)[1].status_code == 200


def test_nobody_resets_the_own_password(boss):
    me = boss.get(f"{API}/session").json()
    answer = send(boss, "post", f"/accounts/{me['id']}/reset-password")
    assert (answer.status_code, answer.json()["code"]) == (422, "own_password_reset")
    assert sign_in("boss")[1].status_code == 200


def test_a_deactivated_person_is_out_and_their_sessions_and_tokens_do_not_come_back(mia, boss):
    here, _ = sign_in()
    secret = issue_token(here)
    answer = send(boss, "post", f"/accounts/{mia.pk}/deactivate")
    assert (answer.status_code, answer.json()["is_active"]) == (200, False)
    assert not is_signed_in(here)
    assert not reaches(secret)
    wrong, right = sign_in(password="wrong")[1], sign_in(password=OLD)[1]
    assert (right.status_code, right.json()) == (wrong.status_code, wrong.json()) == (401, wrong.json())
    answer = send(boss, "post", f"/accounts/{mia.pk}/reset-password")
    assert (answer.status_code, answer.json()["code"]) == (422, "account_inactive")
    answer = send(boss, "post", f"/accounts/{mia.pk}/reactivate")
    assert (answer.status_code, answer.json()["is_active"]) == (200, True)
    assert not is_signed_in(here)
    assert not reaches(secret)
    assert ApiToken.objects.count() == 0
    assert sign_in()[1].status_code == 200
    facts = AuditRecord.objects.filter(subject_id=str(mia.pk), actor_name="Boss")
    assert [fact.action for fact in facts.order_by("id")] == ["user.deactivate", "user.reactivate"]


def test_doing_it_twice_is_done_once(mia, boss):
    for verb in ("deactivate", "reactivate"):
        for _ in range(2):
            assert send(boss, "post", f"/accounts/{mia.pk}/{verb}").status_code == 200
    assert [action for action in actions() if action.startswith("user.")] == [
        "user.deactivate", "user.reactivate"
    ]  # fmt: skip


def test_the_last_administrator_stays(boss, user_factory):
    me = boss.get(f"{API}/session").json()["id"]
    answer = send(boss, "post", f"/accounts/{me}/deactivate")
    assert (answer.status_code, answer.json()["code"]) == (422, "last_administrator")
    other = user_factory("vice", administrator=True)
    assert send(boss, "post", f"/accounts/{other.pk}/deactivate").status_code == 200
    # A deactivated administrator is no second one.
    assert send(boss, "post", f"/accounts/{me}/deactivate").json()["code"] == "last_administrator"
    assert send(boss, "post", f"/accounts/{other.pk}/reactivate").status_code == 200
    assert send(boss, "post", f"/accounts/{me}/deactivate").status_code == 200
    assert not is_signed_in(boss)


def test_two_administrators_cannot_shut_each_other_out(user_factory):
    one, two = (user_factory(name, administrator=True) for name in ("one", "two"))
    deactivate_user(actor=one, user=two)
    with pytest.raises(StateError):
        # The request of ``two`` was authenticated before and has waited for the lock.
        deactivate_user(actor=two, user=one)
    assert User.objects.filter(is_superuser=True, is_active=True).count() == 1


@pytest.mark.parametrize("verb", ["deactivate", "reactivate", "reset-password"])
def test_others_do_not_learn_who_exists(mia, user_factory, project_factory, verb):
    project_factory(manager="rob")
    for name in ("mia", "rob"):
        client, _ = sign_in(name)
        answers = [
            send(client, "post", f"/accounts/{key}/{verb}")
            for key in (mia.pk, user_factory("boss").pk, uuid.uuid4())
        ]
        assert {answer.status_code for answer in answers} == {403}
        assert len({answer.content for answer in answers}) == 1
        assert client.get(f"{API}/accounts").status_code == 403
    with pytest.raises(NotAllowedError):
        reset_password(actor=mia, user=user_factory("rob"))


@pytest.mark.parametrize("verb", ["deactivate", "reactivate", "reset-password"])
def test_an_account_that_does_not_exist(boss, verb):
    assert send(boss, "post", f"/accounts/{uuid.uuid4()}/{verb}").status_code == 404


def test_administrators_see_all_accounts(boss, user_factory):
    for name in ("ann", "ben"):
        user_factory(name)
    User.objects.filter(username="ann").update(is_active=False)
    rows = boss.get(f"{API}/accounts").json()["results"]
    assert [(row["username"], row["is_active"], row["is_administrator"]) for row in rows] == [
        ("ben", True, False), ("boss", True, True), ("ann", False, False)
    ]  # fmt: skip
    assert boss.get(f"{API}/accounts", {"search": "AN"}).json()["count"] == 1
    assert boss.get(f"{API}/accounts", {"active": "true"}).json()["count"] == 2
    assert boss.get(f"{API}/accounts", {"active": "false"}).json()["count"] == 1


def leave(mia, boss):
    deactivate_user(actor=boss, user=mia)


def reset(mia, boss):
    reset_password(actor=boss, user=mia)


def renew(mia, _boss):
    change_password(actor=mia, current=OLD, new=NEW)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", [leave, reset, renew])
def test_an_open_event_stream_ends_with_the_session(mia, user_factory, project_factory, monkeypatch, end):
    monkeypatch.setattr(events, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(events, "STEP_SECONDS", 0.02)
    topic = f"project:{project_factory(annotator='mia').pk}"
    cookie, boss = session_header(Client(), mia), user_factory("boss", administrator=True)

    async def read():
        async with event_application() as application:
            stream = await OpenStream(application, [topic], cookie).started()
            await sync_to_async(end)(mia, boss)
            return await stream.end()

    assert [message["name"] for message in async_to_sync(read)()] == ["denied"]


@pytest.mark.django_db(transaction=True)
def test_a_one_time_password_opens_no_event_stream(mia, project_factory):
    topic = f"project:{project_factory(annotator='mia').pk}"
    mia.must_change_password = True
    mia.save()
    cookie = session_header(Client(), mia)

    async def read():
        async with event_application() as application:
            stream = OpenStream(application, [topic], cookie)
            await stream.end()
            return stream.status

    assert async_to_sync(read)() == 401
