"""A file of many objects, from the file chooser to the screen, and the withdrawal of a wrong one."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import Visitor
from tests.e2e.conftest import import_plain_slide, make_project
from tests.material import write_plain_slide

pytestmark = pytest.mark.browser

SIDE = 1024
COUNT = 60
DRAWN = "window.coverslipObjects.drawn().flatMap((tile) => Object.values(tile.counts))"


@pytest.fixture
def desk(visit, installation, tmp_path):
    """Open an empty slide for a reviewer; return the visitor, the project and the slide."""
    path = tmp_path / "plain.tif"
    write_plain_slide(path, SIDE)
    project = make_project(installation, "Files of objects", {"Tumour": "#d9480f"})["id"]
    slide = import_plain_slide(installation, path, project)
    reviewer = visit("reviewer")
    reviewer.sign_in()
    reviewer.open_slide(project, slide)
    return reviewer, project, slide


def boxes(path, lefts: list[float]):
    """Write a square of 10 pixels at each place; return the path."""
    features = []
    for number, left in enumerate(lefts):
        top = 100 + 12 * (number % 20)
        corners = [[left, top], [left + 10, top], [left + 10, top + 10], [left, top + 10], [left, top]]
        shape = {"type": "Polygon", "coordinates": [corners]}
        told = {"classification": {"name": "Tumour"}, "score": 0.5}
        features.append({"type": "Feature", "geometry": shape, "properties": told})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def bring(reviewer: Visitor, path, *, strict: bool = False) -> None:
    reviewer.see("viewer-menu").click()
    with reviewer.page.expect_file_chooser() as chooser:
        reviewer.page.get_by_role("menuitem", name="Import shapes").click()
    chooser.value.set_files(path)
    reviewer.page.get_by_label("An object set").check()
    if strict:
        reviewer.page.get_by_role("button", name="Options").click()
        reviewer.page.get_by_label("All or nothing").press("Space")
        expect(reviewer.page.get_by_label("All or nothing")).to_be_checked()
    reviewer.see("start-import").click()


def drawn(page: Page, count: int) -> None:
    page.wait_for_function(f"() => window.coverslipObjects && {DRAWN}.reduce((a, b) => a + b, 0) === {count}")


def test_a_file_is_followed_and_shown_when_it_has_come_and_taken_back_in_every_tab(desk, tmp_path):
    reviewer, project, slide = desk
    lefts = [100 + 13.0 * (number // 20) for number in range(COUNT)]
    bring(reviewer, boxes(tmp_path / "cells.geojson", lefts))
    # Nobody has to look for it: it is shown, and the panel that steers it is open.
    expect(reviewer.see("suggestions-toggle")).to_be_checked(timeout=60_000)
    drawn(reviewer.page, COUNT)
    expect(reviewer.see("round-state")).to_have_text("Done")
    expect(reviewer.see("guide-review")).to_have_attribute("aria-current", "step")
    other = reviewer.new_tab()
    reviewer.open_slide(project, slide, other, query="?layers=suggestions")
    drawn(other, COUNT)
    reviewer.page.bring_to_front()
    reviewer.see("withdraw-set").click()
    reviewer.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(reviewer.page.get_by_text("cells.geojson was deleted.")).to_be_visible(timeout=20_000)
    for page in (reviewer.page, other):
        page.bring_to_front()
        drawn(page, 0)


def test_a_file_that_is_refused_as_a_whole_leads_to_its_report(desk, tmp_path):
    reviewer, _, _ = desk
    bring(reviewer, boxes(tmp_path / "cells.geojson", [100.0, 5 * SIDE, 200.0]), strict=True)
    state = reviewer.see("round-state")
    expect(state).to_have_text("Failed", timeout=60_000)
    state.click()
    expect(reviewer.page.get_by_role("dialog")).to_contain_text("It lies outside the slide.")
    reviewer.page.reload()
    expect(reviewer.page.get_by_role("dialog")).to_contain_text("It lies outside the slide.")
