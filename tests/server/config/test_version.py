"""The version that people name when they report a problem."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from server.config import version

ROOT = Path(__file__).resolve().parents[3]
ADDRESS = "/api/v1/version"


@pytest.fixture(autouse=True)
def unknown_commit():
    version.running_commit.cache_clear()
    yield
    version.running_commit.cache_clear()


@pytest.mark.django_db
def test_the_version_is_that_of_the_project(api, user_factory, settings):
    settings.COMMIT = "v0.1.0-3-gabcdef0"
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    answer = api(user_factory("ann")).get(ADDRESS)
    assert answer.json() == {"version": stated, "commit": "v0.1.0-3-gabcdef0"}


@pytest.mark.django_db
def test_without_a_repository_the_commit_is_empty(api, user_factory, settings, tmp_path):
    settings.ROOT = tmp_path
    assert api(user_factory("ann")).get(ADDRESS).json()["commit"] == ""
