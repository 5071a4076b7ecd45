"""Number and order of parallel password checks."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import Client

from server.accounts.models import User
from server.accounts.passwords import gate as password_gate
from server.accounts.passwords.gate import (
    KNOWN_COOKIE,
    MOST_WAITING_PER_CLIENT,
    PasswordGate,
    remember_browser,
)

MIA = User(pk=UUID(int=1))


class Checks:
    """The application behind a gate: each check lasts until the test ends it with a status."""

    def __init__(self, slots):
        self.gate = PasswordGate(self._check, slots)
        self.running = {}
        self.begun = []
        self.answers = {}

    async def _check(self, scope, _receive, send):
        name = scope["name"]
        self.begun.append(name)
        self.running[name] = asyncio.get_running_loop().create_future()
        status = await self.running[name]
        del self.running[name]
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask(self, name, address, *, cookie=None, method="POST", path="/api/v1/session"):
        async def send(message):
            self.answers.setdefault(name, []).append(message)

        headers = [(b"cookie", f"{KNOWN_COOKIE}={cookie}".encode())] if cookie else []
        scope = {
            "type": "http", "method": method, "path": path, "headers": headers, "name": name,
            "client": (address, 1),
        }  # fmt: skip
        task = asyncio.create_task(self.gate(scope, None, send))
        await settle()
        return task

    async def end(self, name, status=401):
        self.running[name].set_result(status)
        await settle()


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


def known_cookie(user=MIA):
    response = HttpResponse()
    remember_browser(response, user, is_secure=True)
    return response.cookies[KNOWN_COOKIE].value


def with_checks(story, slots=2):
    async_to_sync(story)(Checks(slots))


def test_a_flood_from_one_address_leaves_a_slot_to_others():
    async def story(checks):
        for number in range(5):
            await checks.ask(f"flood {number}", "192.0.2.1")
        await checks.ask("honest", "192.0.2.2")
        assert list(checks.running) == ["flood 0", "honest"]
        await checks.ask("late", "192.0.2.3")
        assert len(checks.running) == 2
        await checks.end("flood 0")
        assert list(checks.running) == ["honest", "flood 1"]
        await checks.end("flood 1")
        # Others wait no longer than one turn of the flood.
        assert list(checks.running) == ["honest", "late"]
        await checks.end("honest")
        assert list(checks.running) == ["late", "flood 2"]

    with_checks(story)


def test_a_known_browser_comes_before_strangers_even_at_a_flooding_address():
    async def story(checks):
        for number in range(30):
            await checks.ask(f"flood {number}", f"192.0.2.{number}")
        await checks.ask("known", "192.0.2.0", cookie=known_cookie())
        await checks.end("flood 0")
        assert list(checks.running) == ["flood 1", "known"]

    with_checks(story)


@pytest.mark.parametrize(
    "cookie", ["", "forged", known_cookie()[:-1], "a:b:c"], ids=["none", "plain", "cut", "parts"]
)
def test_a_forged_cookie_is_a_stranger(cookie):
    async def story(checks):
        for number in range(4):
            await checks.ask(f"flood {number}", f"192.0.2.{number}")
        await checks.ask("forged", "192.0.2.9", cookie=cookie)
        await checks.end("flood 0")
        assert list(checks.running) == ["flood 1", "flood 2"]

    with_checks(story)


def test_a_client_that_a_limit_refused_pauses_and_others_do_not(monkeypatch):
    monkeypatch.setattr(password_gate, "PAUSE_SECONDS", 3600)

    async def story(checks):
        for number in range(3):
            await checks.ask(f"flood {number}", "192.0.2.1")
        await checks.end("flood 0", status=429)
        assert checks.running == {}
        await checks.ask("honest", "192.0.2.2")
        assert list(checks.running) == ["honest"]
        checks.gate._resume(password_gate.Client("192.0.2.1", is_known=False))
        await settle()
        assert list(checks.running) == ["honest", "flood 1"]

    with_checks(story)


def test_the_waiting_queue_is_bounded_and_others_are_asked_to_retry(monkeypatch):
    monkeypatch.setattr(password_gate, "MOST_WAITING_STRANGERS", MOST_WAITING_PER_CLIENT + 1)

    async def story(checks):
        for number in range(MOST_WAITING_PER_CLIENT + 2):
            await checks.ask(number, "192.0.2.1")
        for address in ("192.0.2.2", "192.0.2.3"):
            await checks.ask(address, address)
        for refused in (MOST_WAITING_PER_CLIENT + 1,):
            start, body = checks.answers[refused]
            assert (start["status"], json.loads(body["body"])["code"]) == (503, "sign_in_busy")
            assert int(dict(start["headers"])[b"retry-after"]) > 0
        await checks.ask("known", "192.0.2.1", cookie=known_cookie())
        assert "known" not in checks.answers
        await checks.end("192.0.2.2")
        assert "known" in checks.running

    with_checks(story)


def test_many_requests_of_one_client_give_way_to_one_of_another(monkeypatch):
    monkeypatch.setattr(password_gate, "MOST_WAITING_STRANGERS", 4)

    async def story(checks):
        for number in range(6):
            await checks.ask(f"flood {number}", "192.0.2.1")
        assert list(checks.answers) == ["flood 5"]
        for host in range(2, 6):
            await checks.ask(f"honest {host}", f"192.0.2.{host}")
        # One runs at once; each of the others took the place of one request of the flood.
        assert list(checks.answers) == ["flood 5", "flood 4", "flood 3", "flood 2"]
        await checks.ask("late", "192.0.2.9")
        # Now each waits with one request.
        assert list(checks.answers)[-1] == "late"
        for host in range(2, 6):
            await checks.end(f"honest {host}", status=200)
        assert all(checks.answers[f"honest {host}"][0]["status"] == 200 for host in range(2, 6))

    with_checks(story)


def test_one_who_leaves_gives_the_turn_back():
    async def story(checks):
        first = await checks.ask("first", "192.0.2.1")
        waiting = await checks.ask("waiting", "192.0.2.1")
        await checks.ask("last", "192.0.2.1")
        waiting.cancel()
        first.cancel()
        await settle()
        assert checks.begun == ["first", "last"]

    with_checks(story)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v1/session"), ("DELETE", "/api/v1/session"), ("POST", "/api/v1/projects")],
)
def test_everything_else_passes(method, path):
    async def story(checks):
        for number in range(5):
            await checks.ask(number, "192.0.2.1", method=method, path=path)
        assert len(checks.running) == 5

    with_checks(story)


def test_both_ways_to_check_a_password_wait():
    async def story(checks):
        for number in range(5):
            await checks.ask(number, "192.0.2.1", method="PUT", path="/api/v1/session/password")
        assert len(checks.running) == 1

    with_checks(story)


@pytest.mark.django_db
def test_a_sign_in_makes_the_browser_known_and_no_more(user_factory):
    mia = user_factory("mia")
    client = Client()
    body = json.dumps({"username": "mia", "password": "a long test password"})
    assert client.post("/api/v1/session", body, content_type="application/json").status_code == 200
    cookie = client.cookies[KNOWN_COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/api/v1/session")
    scope = {"headers": [(b"cookie", f"{KNOWN_COOKIE}={cookie.value}".encode())], "client": ("192.0.2.1", 1)}
    assert password_gate._client_of(scope) == password_gate.Client(str(mia.pk), is_known=True)
    stranger = Client()
    stranger.cookies[KNOWN_COOKIE] = cookie.value
    assert stranger.get("/api/v1/session").status_code == 204
