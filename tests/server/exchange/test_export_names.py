"""Names of downloaded files."""

from __future__ import annotations

import io
import unicodedata
import zipfile

import pytest
from django.utils.http import parse_header_parameters

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

SLIDES = [
    "Case 7",
    "case 7",
    "\u75c5\u4f8b \u4e03",
    "M\u00fcller",
    "Mu\u0308ller",
    "\u0915\u094d\u200d\u0937",
    "\u4f8b" * 200,
    "CON",
    "a: b",
]


@pytest.fixture
def manager(user_factory):
    return user_factory("mia")


@pytest.fixture
def project(project_factory, manager):
    return project_factory("Projekt \u00c4 / \u75c5\u7406", manager=manager.username)


def names_of(answer) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        return archive.namelist()


def file_name(answer) -> str:
    return parse_header_parameters(answer["Content-Disposition"])[1]["filename"]


def test_an_archive_unpacks_on_systems_that_ignore_case(api, project, manager, slide_factory):
    for number, name in enumerate(SLIDES):
        slide_factory(project, name, case=f"case {number}", sha256=f"{number + 1:064x}")
    answer = api(manager).get(f"/api/v1/projects/{project.pk}/export")
    names = names_of(answer)
    assert len({unicodedata.normalize("NFD", name).casefold() for name in names}) == len(SLIDES)
    assert all(len(name.encode()) <= 200 and name.endswith(".geojson") for name in names)
    assert all(name == unicodedata.normalize("NFC", name) for name in names)
    assert {"\u75c5\u4f8b \u4e03.geojson", "\u0915\u094d\u200d\u0937.geojson", "_CON.geojson"} <= set(names)
    assert file_name(answer) == "Projekt \u00c4 _ \u75c5\u7406.annotations.zip"


@pytest.mark.parametrize(("path", "ending"), [("geojson", ".geojson"), ("histoml", ".histoml.zip")])
def test_a_slide_is_saved_under_its_own_name(api, project, manager, slide_factory, path, ending):
    slide = slide_factory(project, "\u75c5\u4f8b: \u4e03")
    answer = api(manager).get(f"/api/v1/slides/{slide.pk}/export.{path}")
    answer.close()
    assert file_name(answer) == f"\u75c5\u4f8b_ \u4e03{ending}"
