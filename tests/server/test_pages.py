"""The front end's page at its own URLs, and 404 at all others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from server.config.pages import ROUTES

ROOT = Path(__file__).resolve().parents[2]
SOME = "6f1c2f0e-0d3b-4a53-9a6e-0c1d2e3f4a5b"


@pytest.fixture(autouse=True)
def built(settings, tmp_path):
    (tmp_path / "index.html").write_text("<!doctype html><title>Coverslip</title>")
    settings.FRONTEND_DIST = tmp_path


def test_the_server_knows_the_routes_of_the_front_end():
    source = (ROOT / "frontend" / "src" / "ui" / "App.tsx").read_text()
    paths = {path for path in re.findall(r'path: "([^"]+)"', source) if "*" not in path}
    assert paths == set(ROUTES)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("end", ["", "/", "?tab=keys"])
def test_a_route_of_the_front_end_is_its_page(client, route, end):
    answer = client.get(re.sub(r":\w+", SOME, route).rstrip("/") + (end or ("" if route != "/" else "/")))
    assert answer.status_code == 200
    assert b"Coverslip" in answer.content
    assert answer["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing", "/projects", "/projects/x", f"/projects/{SOME}/nothing", f"/projects/{SOME}x",
        f"/projects/{SOME}/slides", f"/projects/{SOME}/models/1", f"/projects/{SOME}/slides/{SOME}/more",
        "/preferences/tokens", "/index.php", "/apiary", "/sign-in%00",
    ],
)  # fmt: skip
def test_any_other_address_is_the_page_with_404(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")
    assert b"Coverslip" in answer.content
    assert client.head(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/api", "/api/", "/api/v1", "/api/v1/nothing", "/api/v2/projects", "/api/v1/projects/x", "/assets/a.js"],
)
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_unknown_address_of_the_api_is_a_problem_document(client, path, method):
    answer = getattr(client, method)(path)
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert (answer.json()["status"], answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/help", "/help/"])
def test_the_guide_begins_with_its_first_page(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer["Location"]) == (302, "/help/index.html")


@pytest.mark.parametrize("path", ["/help/nothing.html", "/help/use/nothing", "/helpless"])
def test_an_unknown_page_of_the_guide_is_the_page_with_404(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert b"Coverslip" in answer.content
