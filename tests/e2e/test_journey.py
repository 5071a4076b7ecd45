"""The training loop as a user performs it: sign in, draw, train, review, train again, compare, promote."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import JOB_PATIENCE_MS, Visitor

pytestmark = pytest.mark.browser

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Walk:
    """A slide, and the areas of its two labels: left, top, width and height in level-0 pixels."""

    file: str
    labels: tuple[str, str]
    marks: tuple[tuple[Box, ...], tuple[Box, ...]]
    # How the size of the newest mark and the scale bar are told.
    area: str
    length: str


WALKS = {
    "a real slide": Walk(
        file="cmu-1-small-region.svs",
        labels=("Epithelium", "Stroma"),
        marks=(
            ((1100, 650, 280, 280), (1030, 1800, 280, 280), (680, 2350, 240, 280)),
            ((860, 1230, 280, 280), (820, 2050, 200, 280), (1250, 2500, 300, 300)),
        ),
        area=r"22,4\d\d µm²",
        length=r"\d+ µm",
    ),
    "a mosaic without resolution": Walk(
        file="colorectal-mosaic.tif",
        labels=("Carcinoma", "Normal"),
        marks=(
            ((1120, 1120, 448, 448), (2688, 1792, 448, 448), (3136, 2240, 448, 448)),
            ((2464, 448, 448, 448), (448, 2464, 448, 448), (3808, 448, 400, 448)),
        ),
        area=r"179,\d\d\d px²",
        length=r"[\d,]+ px",
    ),
}


@pytest.mark.parametrize("name", WALKS)
def test_from_sign_in_to_the_promoted_second_model(visit, data, name):
    walk = WALKS[name]
    manager = visit("admin")
    manager.sign_in()
    make_project(manager, name, walk)
    bring_slide(manager, data / "slides" / walk.file)
    draw_marks(manager, walk)
    train_on_the_slide(manager)
    review(manager)
    train_again(manager)
    compare_and_promote(manager)
    see_who_suggests(manager)
    assert manager.complaints == []


def make_project(manager: Visitor, name: str, walk: Walk) -> None:
    manager.see("create-project").first.click()
    manager.see("project-name").fill(f"Journey over {name}")
    for number, label in enumerate(walk.labels, 1):
        manager.see(f"new-label-{number}").fill(label)
    manager.see("project-create").click()
    expect(manager.see("nav-slides").first).to_be_visible()


def bring_slide(manager: Visitor, path) -> None:
    manager.see("upload-input").first.set_input_files(path)
    card = manager.see("slide-card")
    expect(card).to_have_attribute("data-state", "ready", timeout=JOB_PATIENCE_MS)
    card.get_by_role("link").click()
    manager.wait_for_slide()


def draw_marks(manager: Visitor, walk: Walk) -> None:
    expect(manager.see("scale-bar")).to_have_text(re.compile(walk.length))
    expect(manager.see("guide-draw")).to_have_attribute("aria-current", "step")
    manager.press("r")
    for key, boxes in enumerate(walk.marks, 1):
        manager.press(str(key))
        for box in boxes:
            manager.drag_box(*box)
    expect(manager.rows).to_have_count(6)
    sizes = manager.sizes()
    assert [text.split()[0] for text in sizes] == [walk.labels[1]] * 3 + [walk.labels[0]] * 3
    assert re.search(walk.area, sizes[0]), sizes
    manager.save()
    expect(manager.see("guide-train")).to_have_attribute("aria-current", "step")


def train_on_the_slide(manager: Visitor) -> None:
    expect(manager.see("review-button")).to_be_visible()
    manager.see("train-button").click()
    # What was asked for is shown when it comes.
    expect(manager.see("suggestions-toggle")).to_be_checked(timeout=JOB_PATIENCE_MS)
    expect(manager.page.get_by_text(re.compile(r"objects made by paint v1"))).to_be_visible()
    expect(manager.see("guide-review")).to_have_attribute("aria-current", "step")
    switch = manager.see("heat-map-toggle")
    expect(switch).to_be_enabled()
    switch.check(force=True)
    expect(manager.page).to_have_url(re.compile("layers=suggestions%2CheatMap"))


def review(manager: Visitor) -> None:
    manager.see("review-button").click()
    items = manager.see("review-item")
    expect(items.first).to_be_visible()
    progress = manager.see("review-progress")
    manager.press("a")
    expect(items.nth(0)).to_have_attribute("data-state", "accepted")
    manager.press("r")
    expect(manager.see("reason-bar")).to_be_visible()
    manager.press("Shift+Digit2")
    expect(manager.see("reason-bar")).to_be_hidden()
    expect(items.nth(1)).to_have_attribute("data-state", "rejected")
    manager.press("2", "s")
    expect(items.nth(2)).to_have_attribute("data-state", "relabelled")
    expect(items.nth(3)).to_have_attribute("data-state", "skipped")
    manager.press("1", "a", "a")
    expect(progress).to_have_text(re.compile(r"^7 / "))


def train_again(manager: Visitor) -> None:
    manager.see("nav-training").first.click()
    check = manager.see("round-check")
    expect(check).to_contain_text("6 verdicts")
    start = manager.see("start-round")
    expect(start).to_be_enabled()
    start.click()
    # The first round is done too: the second one has to be there before its state is waited for.
    expect(manager.see("round-row")).to_have_count(2)
    expect(manager.see("round-state")).to_have_text("Done", timeout=JOB_PATIENCE_MS)
    manager.see("round-result").click()


def compare_and_promote(manager: Visitor) -> None:
    expect(manager.page.get_by_role("heading", level=1)).to_contain_text("paint v2")
    for part in ("On held-out data", "Confusion", "Reliability", "Provenance", "Model card"):
        expect(manager.page.get_by_role("heading", name=part).first).to_be_visible()
    manager.see("compare-button").first.click()
    expect(manager.see("recommendation")).to_be_visible(timeout=JOB_PATIENCE_MS)
    expect(manager.see("comparison-row").first).to_be_visible()
    decide(manager, "promote")
    current = manager.page.get_by_role("heading", level=1)
    expect(current).to_contain_text("Current")
    decide(manager, "roll-back")
    expect(current).to_contain_text("Former")
    decide(manager, "promote")
    expect(current).to_contain_text("Current")


def decide(manager: Visitor, what: str) -> None:
    manager.see(f"{what}-button").first.click()
    manager.see("decision-confirm").click()
    expect(manager.see("decision-confirm")).to_be_hidden()


def see_who_suggests(manager: Visitor) -> None:
    manager.see("nav-models").first.click()
    rows = manager.see("model-row")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("paint v2")
    expect(rows.first).to_have_attribute("data-state", "current")
    manager.see("nav-slides").first.click()
    manager.see("slide-card").get_by_role("link").click()
    manager.wait_for_slide()
    # Shown as the person left it, and with the version's name.
    manager.page.get_by_role("tab", name="Model").click()
    expect(manager.see("suggestions-toggle")).to_be_checked()
    expect(manager.page.get_by_text(re.compile("made by paint v2"))).to_be_visible()


def test_missing_labels_are_reported_before_a_round(visit, data):
    manager = visit("admin")
    manager.sign_in()
    make_project(manager, "nothing", WALKS["a real slide"])
    bring_slide(manager, data / "slides" / "cmu-1-small-region.svs")
    manager.see("train-button").click()
    expect(manager.page.get_by_text("Nothing is labelled yet")).to_be_visible()
    manager.press("1", "r")
    manager.drag_box(1100, 650, 300, 300)
    manager.save()
    manager.see("train-button").click()
    expect(manager.page.get_by_text("Only Epithelium can be learned from")).to_be_visible()
    manager.see("label-2").click()
    manager.drag_box(860, 1230, 300, 300)
    manager.save()
    manager.see("train-button").click()
    expect(manager.page.get_by_text("Epithelium is marked in one place only")).to_be_visible()
    expect(manager.page.get_by_text("Stroma is marked in one place only")).to_be_visible()
    assert manager.see("round-progress").count() == 0
