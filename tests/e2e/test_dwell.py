"""Viewing records in a real browser: none before consent, an indicator meanwhile, none after withdrawal."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import import_slide, make_project, wait_for

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(installation, data):
    project = make_project(installation, "Looking", {"Tumour": "#d55e00"})["id"]
    slide = import_slide(installation, data / "slides" / "colorectal-mosaic.tif", project)
    return project, slide


def test_looking_is_recorded_from_consent_to_withdrawal(visit, address):
    project, slide = address
    annotator = visit("annotator")
    annotator.arrive(f"/projects/{project}/slides/{slide}")
    page = annotator.page

    def ask(path):
        return page.evaluate("path => fetch('/api/v1' + path).then((answer) => answer.json())", path)

    page.get_by_role("tab", name="Image").click()
    panel = page.get_by_test_id("dwell")
    panel.wait_for()
    assert not page.get_by_test_id("dwell-recording").is_visible()
    page.get_by_test_id("dwell-record").click()
    dialog = page.get_by_role("dialog", name="Record where you look?")
    dialog.get_by_text("Only you see it.").wait_for()
    dialog.get_by_role("button", name="No", exact=True).last.click()
    dialog.wait_for(state="hidden")
    assert ask("/dwell") == {"since": None, "views": 0}

    page.get_by_test_id("dwell-record").click()
    dialog.get_by_role("button", name="I consent").click()
    page.get_by_test_id("dwell-recording").wait_for()
    wait_for(lambda: ask("/dwell")["views"] > 0)
    [first, *_] = ask(f"/slides/{slide}/dwell")["views"]
    assert first["milliseconds"] >= 500
    assert first["width"] > 100

    canvas = page.get_by_test_id("viewer-canvas")
    before = canvas.screenshot()
    page.get_by_test_id("dwell-show").click()
    wait_for(lambda: canvas.screenshot() != before)

    panel.get_by_role("button", name="Withdraw consent").click()
    page.get_by_role("button", name="Withdraw and delete all").click()
    page.get_by_test_id("dwell-recording").wait_for(state="hidden")
    wait_for(lambda: ask("/dwell") == {"since": None, "views": 0})
    assert ask(f"/slides/{slide}/dwell")["views"] == []
    panel.get_by_text("Nothing is recorded until you consent").wait_for()
