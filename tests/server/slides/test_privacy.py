"""Label and macro images and the file's header text never leave the file, by any request."""

from __future__ import annotations

import openslide
import pytest
from django.urls import reverse
from PIL import Image

from tests.server.fetching import fetch
from tests.server.slides.conftest import API, send
from tests.server.test_access import routes

# Files, pixels and networks are checked here, which no database changes.
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def slide(mia, project, gallery, run_jobs, data):
    send(mia, project, data / "slides" / "cmu-1-small-region.svs", filename="neutral.svs")
    run_jobs()
    return gallery()[0]


@pytest.fixture
def secrets(data):
    """Words of the header on place, time and author of the slide."""
    with openslide.OpenSlide(data / "slides" / "cmu-1-small-region.svs") as file:
        properties = dict(file.properties)
        assert {"label", "macro"} <= set(file.associated_images)
    names = ("ScanScope ID", "User", "Date", "Time", "ImageID", "Parmset", "Filename")
    return [properties[f"aperio.{name}"] for name in names]


def test_no_route_answers_with_header_text_or_another_picture(slide, mia, project, secrets, home):
    ids = {"project_id": project.pk, "slide_id": slide["id"], "job_id": slide["import_job_id"]}
    pictures, asked = set(), 0
    for name, view, wanted in routes():
        if not set(wanted) <= set(ids) or name in {"schema", "front-end"}:
            continue
        if view is not None and not hasattr(view, "get"):
            continue
        answer = mia.get(reverse(name, kwargs={key: ids[key] for key in wanted}))
        asked += 1
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        if answer["Content-Type"].startswith("image/"):
            pictures.add(name)
        else:
            leaked = [word for word in secrets if word.encode() in body]
            assert not leaked, (name, leaked)
    assert asked > 20
    assert pictures == {"thumbnail"}
    check_what_is_stored(slide, secrets, home)


def check_what_is_stored(slide, secrets, home):
    """Assert that only the file itself holds words of its header."""
    folder = home / "storage" / "slides" / slide["sha256"]
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["content", "overview", "slide.json", "thumbnail.jpg"]
    drawn = [f"overview/{path.name}" for path in (folder / "overview").iterdir()]
    for name in ("slide.json", "thumbnail.jpg", *drawn):
        content = (folder / name).read_bytes()
        assert not [word for word in secrets if word.encode() in content]
    with Image.open(folder / "thumbnail.jpg") as picture:
        assert dict(picture.getexif()) == {}


PATHS = (
    "label.jpg", "macro.jpg", "associated/label.jpg", "images/macro", "0/0/label.jpg", "slide.json",
    "content/slide.svs", "metadata", "thumbnail.jpg", "region.jpg?source=label", "../0/0/0.jpg",
    "0/0/0.jpg?style=label", "0/0/0.jpg?associated=macro",
)  # fmt: skip


def test_the_tile_server_knows_no_other_picture(slide, mia):
    viewer = mia.get(f"{API}/slides/{slide['id']}/viewer").json()
    plain = fetch(viewer["tiles"].replace("{z}/{x}/{y}", "0/0/0"))
    for path in PATHS:
        mark = "&" if "?" in path else "?"
        answer = fetch(f"/tiles/{slide['sha256']}/{path}{mark}grant={viewer['grant']}")
        if answer.status_code == 200:
            # Unknown parameters are ignored: it is the plain tile.
            assert answer.content == plain.content, path
        else:
            assert answer.status_code in (400, 404), path
            assert answer.headers["content-type"] == "application/problem+json"
