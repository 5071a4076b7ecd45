"""Users, a project and slides of the tests of import and export."""

from __future__ import annotations

import pytest


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", reviewer="rob", manager="mia")


@pytest.fixture
def mia(api, user_factory, project):
    return api(user_factory("mia"))


@pytest.fixture
def ann(api, user_factory, project):
    return api(user_factory("ann"))


@pytest.fixture
def rob(api, user_factory, project):
    return api(user_factory("rob"))


@pytest.fixture
def slide(project, slide_factory):
    return slide_factory(project, "slide", width=1000, height=800)


@pytest.fixture
def twin(project, slide_factory):
    return slide_factory(project, "twin", width=1000, height=800)
