"""Pixels, through the whole ASGI application: correct, under a grant, and cheap."""

from __future__ import annotations

import io
import time

import numpy as np
import openslide
import pytest
from PIL import Image

from server.slides.tiles import opened
from server.slides.tiles.grants import issue_grant, sign
from tests.server.fetching import fetch
from tests.server.slides.conftest import API, send

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def bring(mia, project, gallery, run_jobs, data):
    """Import a file, as in ``bring(name)``, and return the viewer's data."""

    def make(name):
        send(mia, project, data / name)
        run_jobs()
        return mia.get(f"{API}/slides/{gallery()[0]['id']}/viewer").json()

    return make


@pytest.fixture
def boxes(bring):
    return bring("broken/boxes.tiff")


def tile(viewer, z, x, y, **kwargs):
    return fetch(viewer["tiles"].format(z=z, x=x, y=y), **kwargs)


def pixels(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))


def far(one, other):
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


@pytest.mark.parametrize("name", ["cmu-1-small-region.svs", "colorectal-mosaic.tif"])
def test_tiles_are_the_pixels_that_openslide_reads(name, bring, data):
    viewer = bring(f"slides/{name}")
    side, levels = viewer["tile_size"], viewer["levels"]
    with openslide.OpenSlide(data / "slides" / name) as reference:
        assert (levels[-1]["width"], levels[-1]["height"]) == reference.dimensions
        deepest = len(levels) - 1
        columns = -(-levels[-1]["width"] // side)
        rows = -(-levels[-1]["height"] // side)
        for x, y in ((0, 0), (columns // 2, rows // 2), (columns - 1, rows - 1)):
            got = pixels(tile(viewer, deepest, x, y))
            width = min(side, levels[-1]["width"] - x * side)
            height = min(side, levels[-1]["height"] - y * side)
            assert got.shape == (height, width, 3)
            wanted = reference.read_region((x * side, y * side), 0, (width, height)).convert("RGB")
            assert far(got, np.asarray(wanted)) < 3
        overview = pixels(tile(viewer, 0, 0, 0))
        assert overview.shape == (levels[0]["height"], levels[0]["width"], 3)
        small = reference.get_thumbnail((levels[0]["width"], levels[0]["height"])).convert("RGB")
        small = small.resize((levels[0]["width"], levels[0]["height"]))
        assert far(overview, np.asarray(small)) < 12


def test_a_dicom_series_has_the_same_pixels_as_the_aperio_file(
    mia, project, real_slide, project_factory, data
):
    """They are the same scan; both were compressed from it."""
    answers = []
    for name in ("cmu-1-small-region.svs", "cmu-1-small-region-dicom"):
        slide = real_slide(project, data / "slides" / name)
        viewer = mia.get(f"{API}/slides/{slide.pk}/viewer").json()
        answers.append(pixels(fetch(f"{viewer['region']}&x=400&y=900&width=800&height=600&size=400")))
    assert answers[0].shape == answers[1].shape == (300, 400, 3)
    assert far(*answers) < 4


def test_every_level_has_all_its_tiles_and_no_more(boxes):
    side = boxes["tile_size"]
    for level in boxes["levels"]:
        columns, rows = -(-level["width"] // side), -(-level["height"] // side)
        total = 0
        for x in range(columns):
            for y in range(rows):
                total += pixels(tile(boxes, level["z"], x, y)).shape[0] * min(side, level["width"] - x * side)
        assert total == level["width"] * level["height"]
        for x, y in ((columns, 0), (0, rows), (10**6, 0)):
            answer = tile(boxes, level["z"], x, y)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert tile(boxes, len(boxes["levels"]), 0, 0).status_code == 404
    assert tile(boxes, 10**6, 0, 0).status_code == 404


def test_a_revalidation_does_not_open_the_slide(boxes, monkeypatch):
    first = tile(boxes, 0, 0, 0)
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"

    def refuse(*_):
        raise AssertionError("a revalidation opened the slide")

    monkeypatch.setattr(opened.OpenedSlide, "by_content", refuse)
    monkeypatch.setattr(opened.OpenedSlide, "tile", refuse)
    again = tile(boxes, 0, 0, 0, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    bare = boxes["tiles"].format(z=0, x=0, y=0).partition("?")[0]
    assert fetch(bare, headers={"If-None-Match": first.headers["etag"]}).status_code == 403


def test_no_grant_no_pixels(boxes, settings):
    sha256 = boxes["slide"]["sha256"]
    good = boxes["grant"]
    expiry, _, mac = good.partition(".")
    later = f"{int(expiry, 36) + 1:x}"
    other = issue_grant("0" * 64)[0]
    lapsed = sign(sha256, int(time.time()) - 1)
    forged = ["", "x", ".", good[:-1], good + "A", f"{expiry}.{mac[::-1]}", f"{later}.{mac}", other, lapsed]
    forged += ["9" * 500, f"-{good}", f" {good}", good.upper(), "٣.x", "zzzzzzzzzzzzzzzz.x"]
    for grant in forged:
        answer = fetch(f"/tiles/{sha256}/0/0/0.jpg?grant={grant}")
        assert (answer.status_code, answer.json()["code"]) == (403, "grant_refused"), grant
        assert answer.headers["cache-control"] == "no-store"
    assert fetch(f"/tiles/{sha256}/0/0/0.jpg?grant={good}").status_code == 200
    settings.SECRET_KEY = "another installation's secret"
    assert fetch(f"/tiles/{sha256}/0/0/0.jpg?grant={good}").status_code == 403


def test_a_grant_is_renewed_for_those_who_see_the_slide(boxes, mia, api, user_factory, settings):
    settings.TILE_GRANT_SECONDS = 120
    address = f"{API}/slides/{boxes['slide']['id']}/grant"
    grant = mia.post(address).json()["grant"]
    assert fetch(f"/tiles/{boxes['slide']['sha256']}/0/0/0.jpg?grant={grant}").status_code == 200
    assert 0 < int(grant.partition(".")[0], 36) - time.time() <= 120
    assert api(user_factory("stranger")).post(address).status_code == 404


def test_addresses_that_are_no_tile(boxes):
    paths = [
        "0/0/-1.jpg",
        "0/0/0.png",
        "0/0/0",
        "x/0/0.jpg",
        "0/0/²/.jpg",
        "00000000/0/0.jpg",
        "",
        "0/0/0.jpg/",
    ]
    for path in paths:
        answer = fetch(f"/tiles/{boxes['slide']['sha256']}/{path}?grant={boxes['grant']}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path


def test_a_slide_that_is_not_there(boxes):
    for sha256 in ("f" * 64, "F" * 64, "%2e%2e%2fetc", "f" * 63):
        grant = issue_grant(sha256)[0]
        assert fetch(f"/tiles/{sha256}/0/0/0.jpg?grant={grant}").status_code == 404


def test_tiles_are_read_and_not_written(boxes):
    address = boxes["tiles"].format(z=0, x=0, y=0)
    body = fetch(address)
    head = fetch(address, method="HEAD")
    assert (head.content, head.headers["content-length"]) == (b"", str(len(body.content)))
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = fetch(address, method=method)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


SENSELESS_CROPS = (
    "x=0&y=0&width=301&height=250", "x=1&y=0&width=300&height=250", "x=0&y=0&width=0&height=9",
    "x=-1&y=0&width=9&height=9", "x=0&y=0&width=9", "x=0&y=0&width=9&height=9&size=5000",
    "x=0&y=0&width=99999&height=9", "x=1e2&y=0&width=9&height=9", "x=nan&y=0&width=9&height=9",
)  # fmt: skip


def test_a_crop_is_the_part_of_the_slide_or_refused(boxes, data):
    crop = pixels(fetch(f"{boxes['region']}&x=10&y=20&width=200&height=100&size=1024"))
    with Image.open(data / "broken" / "boxes.tiff") as whole:
        wanted = np.asarray(whole.convert("RGB").crop((10, 20, 210, 120)))
    assert crop.shape == wanted.shape == (100, 200, 3)
    assert far(crop, wanted) < 6
    small = pixels(fetch(f"{boxes['region']}&x=0&y=0&width=300&height=250&size=60"))
    assert small.shape == (50, 60, 3)
    one = pixels(fetch(f"{boxes['region']}&x=299&y=249&width=1&height=1&size=1"))
    assert one.shape == (1, 1, 3)

    for query in SENSELESS_CROPS:
        answer = fetch(f"{boxes['region']}&{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_region"), query


def test_a_deleted_slide_shows_no_more_pixels(boxes, mia, monkeypatch):
    from tests.server.slides.imports.test_import import with_commit

    assert tile(boxes, 0, 0, 0).status_code == 200
    monkeypatch.setattr(opened, "_TRUSTED_SECONDS", 0.0)
    with_commit(lambda: mia.delete(f"{API}/slides/{boxes['slide']['id']}"))
    assert tile(boxes, 0, 0, 0).status_code == 404
