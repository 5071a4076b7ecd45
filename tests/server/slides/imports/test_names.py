"""Names of files, cases, slides, labels and projects: every printable character, and no invisible one."""

from __future__ import annotations

import unicodedata

import pytest

from server.slides.models import Slide, Upload
from tests.server.slides.conftest import API, begin, send

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

GOOD = [
    "標本\u300001",
    "Scan at 3.14.15\u202fPM",
    "S\u00a017",
    "می\u200cخواهم",
    "क्\u200dष",
    "\U0001f468\u200d\U0001f52c",
    "S-22: 1234",
    "a\u2009b\u2003c",
    "Ω≈ç√∫˜µ",
    "שלום\u200f",
]
BAD = {
    "a\u202eb": "U+202E RIGHT-TO-LEFT OVERRIDE",
    "a\u2066b": "U+2066 LEFT-TO-RIGHT ISOLATE",
    "a\u202ab": "U+202A LEFT-TO-RIGHT EMBEDDING",
    "a\tb": "U+0009 TAB",
    "a\x85b": "U+0085 control character",
    "a\u2028b": "U+2028 LINE SEPARATOR",
    "a\ufffeb": "U+FFFE",
}
CASE = "12-spaces-that-are-not-ascii"


@pytest.mark.parametrize("name", GOOD)
def test_files_folders_cases_and_slides(mia, project, gallery, tmp_path, name):
    path = tmp_path / "a.tif"
    path.write_bytes(b"x")
    send(mia, project, path, filename=f"{name}.tif", case=name)
    [slide] = gallery()
    assert (slide["name"], slide["case"]["pseudonym"]) == (name, name)
    answer = begin(mia, project, 5, f"{name}.tif", folder="f", relative_path=f"{name}/{name}.tif")
    assert answer.status_code == 201
    changed = mia.patch(
        f"{API}/slides/{slide['id']}", {"name": f"{name}!", "case": f"{name}?"}, format="json"
    )
    assert (changed.json()["name"], changed.json()["case"]["pseudonym"]) == (f"{name}!", f"{name}?")


@pytest.mark.parametrize("name", GOOD)
def test_projects_and_labels(mia, api, user_factory, project, name):
    root = api(user_factory("root", administrator=True))
    made = root.post(f"{API}/projects", {"name": name}, format="json")
    assert (made.status_code, made.json()["name"]) == (201, name)
    label = mia.post(
        f"{API}/projects/{project.pk}/labels", {"name": name, "colour": "#112233"}, format="json"
    )
    assert (label.status_code, label.json()["name"]) == (201, name)


@pytest.mark.parametrize(("name", "told"), BAD.items())
def test_a_refusal_names_the_character(mia, api, user_factory, project, slide_factory, name, told):
    slide = slide_factory(project)
    root = api(user_factory("root", administrator=True))
    answers = [
        begin(mia, project, 5, f"{name}.tif"),
        begin(mia, project, 5, "a.tif", folder="f", relative_path=f"{name}/a.tif"),
        begin(mia, project, 5, "a.tif", case=name),
        mia.patch(f"{API}/slides/{slide.pk}", {"name": name}, format="json"),
        mia.patch(f"{API}/slides/{slide.pk}", {"case": name}, format="json"),
        mia.post(f"{API}/projects/{project.pk}/labels", {"name": name, "colour": "#112233"}, format="json"),
        root.post(f"{API}/projects", {"name": name}, format="json"),
        root.post(
            f"{API}/users",
            {"username": "new", "display_name": name, "password": "long enough 1"},
            format="json",
        ),
        mia.post(f"{API}/tokens", {"name": name}, format="json"),
    ]
    for answer in answers:
        assert answer.status_code == 422, answer.json()
        assert told in answer.json()["detail"]
        assert answer.json()["message"]["code"] == "name_character"
    assert Upload.objects.count() == 0


@pytest.mark.parametrize("name", ["../a.tif", "a//b.tif", "/a.tif", "a\\b.tif", ".."])
def test_a_path_stays_where_it_is_put(mia, project, name):
    answer = begin(mia, project, 5, "a.tif", folder="f", relative_path=name)
    assert (answer.status_code, answer.json()["code"]) == (422, "unsafe_name")


def test_names_are_stored_composed(mia, project, gallery, tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"x")
    apart = unicodedata.normalize("NFD", "Gewebé 検体が")
    send(mia, project, path, filename=f"{apart}.tif", case=apart)
    [slide] = gallery()
    together = unicodedata.normalize("NFC", apart)
    assert (slide["name"], slide["case"]["pseudonym"]) == (together, together)
    # The same case, written the other way, is the same case.
    path.write_bytes(b"y")
    send(mia, project, path, filename="b.tif", case=together)
    assert Slide.objects.values("case").distinct().count() == 1


@pytest.mark.parametrize("name", ["\u200d", "\u200b\u200c", "\u2060"])
def test_a_name_shows_something(mia, project, name):
    answer = mia.post(
        f"{API}/projects/{project.pk}/labels", {"name": name, "colour": "#112233"}, format="json"
    )
    assert (answer.status_code, answer.json()["message"]["code"]) == (422, "name_invisible")


def test_the_files_of_the_issue(mia, project, gallery, run_jobs, case_file):
    for name in ("標本\u300001.tif", "Scan at 3.14.15\u202fPM.tif"):
        send(mia, project, case_file(CASE, name), filename=name)
    run_jobs()
    assert {slide["name"] for slide in gallery()} == {"標本\u300001", "Scan at 3.14.15\u202fPM"} or len(
        gallery()
    ) == 1
    assert all(slide["state"] == "ready" for slide in gallery())
