"""Tokens: their scope, their expiry, and actions forbidden to all of them."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.converters import IntConverter
from django.utils import timezone
from rest_framework.permissions import SAFE_METHODS

from server.accounts.models import ApiToken
from server.accounts.services import create_token
from server.core.errors import ContentError
from server.projects.models import Membership

pytestmark = pytest.mark.django_db

API = "/api/v1"


def routes(patterns=None):
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns)
        elif isinstance(pattern, URLPattern) and hasattr(pattern.callback, "view_class"):
            yield pattern


def unsafe_requests():
    """Yield (method, address, view) of every unsafe method of every view."""
    for pattern in routes():
        view = pattern.callback.view_class
        values = {
            name: 0 if isinstance(converter, IntConverter) else uuid.UUID(int=1)
            for name, converter in pattern.pattern.converters.items()
        }
        for method in view.http_method_names:
            if method.upper() not in SAFE_METHODS and hasattr(view, method):
                yield method, reverse(pattern.name, kwargs=values), view


def token_client(user, scope):
    _, secret = create_token(actor=user, name=scope, scope=scope)
    return Client(headers={"Authorization": f"Token {secret}"}, raise_request_exception=False)


def answer_of(client, method, address):
    answer = getattr(client, method)(address, b"{}", content_type="application/json")
    is_json = "json" in answer.headers.get("Content-Type", "")
    return answer.status_code, answer.json().get("code") if is_json else ""


def test_a_token_that_may_read_writes_nowhere(user_factory):
    client = token_client(user_factory("boss", administrator=True), "read")
    requests = list(unsafe_requests())
    assert len(requests) > 50
    for method, address, _view in requests:
        assert answer_of(client, method, address) == (403, "token_read_only"), (method, address)
    assert client.get(f"{API}/projects").status_code == 200
    assert client.head(f"{API}/projects").status_code == 200


def test_a_token_that_may_write_does_so(user_factory):
    client = token_client(user_factory("boss", administrator=True), "write")
    answer = client.post(f"{API}/projects", json.dumps({"name": "New"}), content_type="application/json")
    assert answer.status_code == 201


def test_no_token_touches_accounts_tokens_passwords_or_members(user_factory):
    boss = user_factory("boss", administrator=True)
    client = token_client(boss, "write")
    refused = {
        (method, address.replace(str(uuid.UUID(int=1)), "ID").removeprefix(f"{API}/"))
        for method, address, view in unsafe_requests() if getattr(view, "session_required", False)
    }  # fmt: skip
    assert refused == {
        ("post", "tokens"), ("delete", "tokens/ID"), ("put", "session/password"), ("post", "users"),
        ("post", "accounts/ID/deactivate"), ("post", "accounts/ID/reactivate"),
        ("post", "accounts/ID/reset-password"), ("post", "projects/ID/members"),
        ("patch", "projects/ID/members/ID"), ("delete", "projects/ID/members/ID"),
    }  # fmt: skip
    for method, path in refused:
        address = f"{API}/{path}".replace("ID", str(uuid.UUID(int=1)))
        assert answer_of(client, method, address) == (403, "session_required"), (method, address)
    for path in ("tokens", "users", "accounts"):
        assert client.get(f"{API}/{path}").status_code == 200


def test_a_token_reads_unless_it_is_made_to_write_and_expires_after_90_days(api, user_factory):
    client = api(user_factory("mia"))
    made = client.post(f"{API}/tokens", {"name": "script"}, format="json").json()
    assert made["scope"] == "read"
    assert timedelta(days=89) < ApiToken.objects.get().expires_at - timezone.now() <= timedelta(days=90)
    made = client.post(f"{API}/tokens", {"name": "importer", "scope": "write"}, format="json").json()
    assert made["scope"] == "write"
    listed = client.get(f"{API}/tokens").json()["results"]
    assert [(row["name"], row["scope"]) for row in listed] == [("importer", "write"), ("script", "read")]
    assert all(row["expires_at"] for row in listed)


@pytest.mark.parametrize("days", [-1, 0, 367, 40_000])
def test_no_token_lives_for_ever(user_factory, days):
    with pytest.raises(ContentError) as refusal:
        create_token(actor=user_factory("mia"), name="t", expires_at=timezone.now() + timedelta(days=days))
    assert (refusal.value.specific_code, refusal.value.field) == ("bad_expiry", "expires_at")


@pytest.mark.parametrize("body", [{"scope": "admin"}, {"scope": None}, {"expires_at": None}])
def test_a_strange_scope_or_no_end_is_refused(api, user_factory, body):
    client = api(user_factory("mia"))
    assert client.post(f"{API}/tokens", {"name": "t", **body}, format="json").status_code == 400


def test_members_show_who_is_deactivated(api, user_factory, project_factory):
    project = project_factory(manager="mia", annotator="ann")
    ann = user_factory("ann")
    ann.is_active = False
    ann.save()
    rows = api(user_factory("mia")).get(f"{API}/projects/{project.pk}/members").json()["results"]
    assert [(row["user"]["username"], row["is_active"]) for row in rows] == [("ann", False), ("mia", True)]
    assert Membership.objects.filter(user=ann).exists()
