"""Refusals of requests to the API, by the framework and by nginx, are problem documents."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from django.core.exceptions import BadRequest, SuspiciousOperation, TooManyFieldsSent
from django.http import Http404
from django.test import Client

from server.annotations.geometry import MOST_POINTS
from server.config.bodies import MOST_BYTES
from server.config.settings import base
from tests.nginx import TEMPLATE

pytestmark = pytest.mark.django_db

API = "/api/v1"
PROBLEM = "application/problem+json"


@pytest.fixture
def client(user_factory):
    client = Client(raise_request_exception=False)
    client.force_login(user_factory("boss", administrator=True))
    return client


@pytest.fixture
def annotations(project_factory, slide_factory, label_factory):
    project = project_factory(annotator="boss")
    slide = slide_factory(project)
    return f"{API}/slides/{slide.pk}/annotations", str(label_factory(project).pk)


def assert_problem(answer, status, code):
    assert answer["Content-Type"] == PROBLEM, answer.content[:200]
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), body
    assert body["detail"]
    assert answer["Cache-Control"] == "no-store"
    return body


def comb(points):
    """Return the body of a polygon of so many points that crosses itself nowhere."""
    half = points // 2
    top = [[x * 8999.7 / half, 4000 + (x % 2)] for x in range(half)]
    bottom = [[x * 8999.7 / half, 10 + (x % 2)] for x in reversed(range(points - half))]
    ring = [*top, *bottom, top[0]]
    return {
        "id": str(uuid.UUID(int=points)),
        "shape": "polygon",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def test_150_000_points_are_accepted(client, annotations):
    address, label = annotations
    body = json.dumps({**comb(150_000), "label_id": label})
    assert len(body) > 2.5 * 2**20  # more than Django takes unless told otherwise
    answer = client.post(address, body, content_type="application/json")
    assert answer.status_code == 201, answer.content[:300]


def test_more_points_than_the_limit_are_refused_by_our_sentence(client, annotations):
    address, label = annotations
    body = json.dumps({**comb(MOST_POINTS + 9), "label_id": label})
    answer = client.post(address, body, content_type="application/json")
    assert answer["Content-Type"] == PROBLEM
    assert "200,000 points" in answer.content.decode()


def test_the_longest_numbers_of_the_most_points_fit_into_a_request():
    longest = len("[1234567.1234567890, 1234567.1234567890], ")
    assert MOST_POINTS * longest < MOST_BYTES / 2
    assert MOST_BYTES == base.DATA_UPLOAD_MAX_MEMORY_SIZE


def test_a_form_beyond_the_limit(client, settings, annotations):
    """``test_bodies`` has the other kinds of body."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = client.post(annotations[0].replace("annotations", "import"), {"a": "y" * 2000})
    assert assert_problem(answer, 413, "too_large")["message"]["code"] == "body_too_large"


def test_too_many_fields(client, annotations):
    fields = {f"f{number}": "x" for number in range(1001)}
    answer = client.post(annotations[0].replace("annotations", "import"), fields)
    assert_problem(answer, 400, "bad_request")


def test_a_host_that_is_not_ours(client):
    assert_problem(client.get(f"{API}/projects", headers={"Host": "evil.example"}), 400, "bad_request")


def test_a_write_without_the_csrf_token(user_factory):
    client = Client(enforce_csrf_checks=True)
    client.force_login(user_factory("boss", administrator=True))
    answer = client.post(f"{API}/projects", {"name": "x"}, content_type="application/json")
    assert_problem(answer, 403, "permission_denied")
    answer = client.post("/")
    assert (answer.status_code, answer["Content-Type"]) == (403, PROBLEM)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/nothing", 404, "not_found"),
        ("put", "/projects", 405, "method_not_allowed"),
        ("get", "/projects?page=9", 404, "not_found"),
    ],
)
def test_unknown_paths_are_404(client, method, path, status, code):
    assert_problem(getattr(client, method)(f"{API}{path}"), status, code)


def test_another_type_of_content(client):
    answer = client.post(f"{API}/projects", "<a/>", content_type="text/xml")
    assert_problem(answer, 415, "unsupported_media_type")


def test_a_type_of_answer_that_there_is_not(client):
    assert_problem(client.get(f"{API}/projects", headers={"Accept": "text/html"}), 406, "not_acceptable")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError("secret"), 500, "internal_error"),
        (Http404("secret"), 404, "not_found"),
        (BadRequest("secret"), 400, "bad_request"),
        (SuspiciousOperation("secret"), 400, "bad_request"),
        (TooManyFieldsSent("secret"), 400, "bad_request"),
    ],
)
def test_an_error_within_a_view(client, monkeypatch, error, status, code):
    def fail(*_):
        raise error

    monkeypatch.setattr("server.projects.api.selectors.projects_with_labels", fail)
    assert "secret" not in str(assert_problem(client.get(f"{API}/projects"), status, code))


def test_nginx_refuses_in_the_words_of_the_application():
    text = TEMPLATE.read_text()
    refusals = {int(status): json.loads(body) for status, body in re.findall(r"return (4\d\d) '(.+)';", text)}
    assert {status: (body["status"], body["code"]) for status, body in refusals.items()} == {
        413: (413, "too_large"), 429: (429, "throttled"),
    }  # fmt: skip
    assert refusals[413]["message"]["code"] == "body_too_large"
    for status in refusals:
        assert re.search(rf"error_page {status} @", text)


def test_nginx_limits_no_sign_in():
    """It cannot tell a right password from a wrong one."""
    location = re.search(r"location = /api/v1/session \{([^}]*)\}", TEMPLATE.read_text())
    assert "limit_req" not in location[1]
