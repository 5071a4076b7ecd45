"""Wrong passwords are limited per account, per address and in all; right ones are always accepted."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.contrib.auth import hashers
from django.db.models import F
from django.test import Client

from server.accounts.models import User, WrongPasswords
from server.accounts.passwords import services as password_limits
from server.accounts.passwords.services import MOST_PER_ACCOUNT, MOST_PER_ADDRESS, site_of
from server.audit.models import AuditRecord

pytestmark = pytest.mark.django_db

RIGHT = "a long test password"


@pytest.fixture(autouse=True)
def people(user_factory):
    return [user_factory(name) for name in ("mia", "ann")]


def sign_in(username="mia", password="wrong", address="192.0.2.1"):
    body = json.dumps({"username": username, "password": password})
    client = Client(REMOTE_ADDR=address)
    return client.post("/api/v1/session", body, content_type="application/json")


def statuses(answers):
    return [answer.status_code for answer in answers]


def test_a_flood_from_many_addresses_against_one_account_locks_nobody_out():
    flood = [sign_in(address=f"198.51.100.{number}") for number in range(MOST_PER_ACCOUNT + 20)]
    assert statuses(flood) == [401] * MOST_PER_ACCOUNT + [429] * 20
    assert sign_in(password=RIGHT).status_code == 200
    assert sign_in(password=RIGHT, address="198.51.100.3").status_code == 200


def test_a_flood_from_one_address_is_refused_and_its_honest_people_come_in():
    flood = [sign_in(username=f"guess{number}") for number in range(MOST_PER_ADDRESS + 3)]
    assert statuses(flood) == [401] * MOST_PER_ADDRESS + [429] * 3
    assert sign_in("ann", RIGHT).status_code == 200
    # One who knows a password does not set the address free again.
    assert sign_in("ann").status_code == 429
    assert sign_in("ann", address="192.0.2.2").status_code == 401


def test_wrong_passwords_are_limited_in_all(monkeypatch):
    monkeypatch.setattr(password_limits, "MOST_IN_ALL", 4)
    flood = [sign_in(f"guess{number}", address=f"198.51.100.{number}") for number in range(6)]
    assert statuses(flood) == [401] * 4 + [429] * 2
    assert sign_in(password=RIGHT).status_code == 200


def test_a_refusal_says_how_long_and_that_the_right_password_works():
    answer = [sign_in("Mia") for _ in range(MOST_PER_ACCOUNT + 1)][-1]
    body = answer.json()
    assert body["code"] == body["message"]["code"] == "too_many_sign_ins"
    assert answer.headers["Retry-After"] == str(body["wait"])
    assert body["message"]["params"] == {"minutes": 15}
    assert "the right password still works, but wait 15 min before you guess again" in body["detail"]


def test_the_letters_of_a_name_count_in_either_case():
    names = ["mia", "Mia", "MIA"] * MOST_PER_ACCOUNT
    assert statuses(sign_in(name) for name in names)[MOST_PER_ACCOUNT:] == [429] * (2 * MOST_PER_ACCOUNT)


def test_the_owner_resets_the_count_of_the_account():
    assert statuses(sign_in() for _ in range(MOST_PER_ACCOUNT)) == [401] * MOST_PER_ACCOUNT
    assert sign_in(password=RIGHT).status_code == 200
    assert sign_in().status_code == 401


def test_counts_are_forgotten_after_their_window():
    answers = [sign_in() for _ in range(MOST_PER_ACCOUNT + 1)]
    assert answers[-1].status_code == 429
    WrongPasswords.objects.update(
        window_start=F("window_start") - password_limits.WINDOW - timedelta(seconds=1)
    )
    assert sign_in().status_code == 401
    assert set(WrongPasswords.objects.values_list("count", flat=True)) == {1}


def test_a_flood_fills_no_audit_record():
    for _ in range(64):
        sign_in("nobody")
    recorded = AuditRecord.objects.filter(action="session.refuse")
    assert recorded.count() == MOST_PER_ACCOUNT + 4  # then 8, 16, 32 and 64
    assert "nobody" not in str(list(AuditRecord.objects.values()))


def test_a_customer_of_a_provider_is_one_address():
    assert site_of("192.0.2.7") == "192.0.2.7"
    assert site_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert site_of("2001:db8:1:2::9") == site_of("2001:db8:1:2:ffff::1") != site_of("2001:db8:1:3::9")
    assert site_of("") == ""


@pytest.mark.parametrize("kind", ["known", "unknown", "inactive", "without a password"])
def test_every_name_costs_one_hash(monkeypatch, kind):
    """Otherwise the response time reveals the existence of an account."""
    if kind == "inactive":
        User.objects.filter(username="mia").update(is_active=False)
    if kind == "without a password":
        User.objects.filter(username="mia").update(password=hashers.make_password(None))
    hashed = []
    encode = hashers.MD5PasswordHasher.encode
    monkeypatch.setattr(
        hashers.MD5PasswordHasher, "encode", lambda *given: hashed.append(1) or encode(*given)
    )
    assert sign_in("nobody" if kind == "unknown" else "mia").status_code == 401
    assert len(hashed) == 1
