"""Live painting in the browser: two strokes, the slide painted, one correction, kept, and the next slide."""

from __future__ import annotations

import os
import re
import signal

import pytest
from playwright.sync_api import expect

from ml.slides import write_phantom
from tests.e2e.browser import JOB_PATIENCE_MS, Visitor
from tests.e2e.conftest import import_plain_slide, make_project, wait_for

pytestmark = pytest.mark.browser

LABELS = {"Tumour": "#d55e00", "Stroma": "#0072b2"}
SIDE = 2048


@pytest.fixture(scope="module")
def studio(installation, tmp_path_factory):
    """A project with two slides; return its id and theirs."""
    project = make_project(installation, "Painting", LABELS)["id"]
    slides = []
    for seed in (3, 4):
        path = tmp_path_factory.mktemp("slide") / f"slide-{seed}.tif"
        write_phantom(path, width=SIDE, height=SIDE, seed=seed)
        slides.append(import_plain_slide(installation, path, project))
    return project, slides


def stroke(hand: Visitor, key: str, *path: tuple[float, float]) -> None:
    """Draw a stroke of the label with this key."""
    hand.press(key)
    hand.take("brush")
    hand.drag(*path)


def painted(hand: Visitor, after: int = -1) -> int:
    """Wait until a newer request is painted; return its number."""
    card = hand.see("painting-card")
    expect(card).to_have_attribute("data-state", "painted", timeout=JOB_PATIENCE_MS)

    def number():
        shown = int(card.get_attribute("data-number"))
        return shown if shown > after and card.get_attribute("data-state") == "painted" else None

    return wait_for(number)


def shares(hand: Visitor) -> list[float]:
    """Return the shares that the card lists, in order."""
    rows = hand.see("painting-card").locator("tbody tr").all_inner_texts()
    return [float(re.search(r"([\d.]+)%", row)[1]) for row in rows]


def test_two_strokes_paint_the_slide_and_a_third_corrects_it(visit, studio, installation):
    project, slides = studio
    hand = visit("manager")
    hand.arrive()
    hand.open_slide(project, slides[0])
    hand.see("live-painting").click()
    card = hand.see("painting-card")
    expect(card).to_have_attribute("data-state", "refused", timeout=JOB_PATIENCE_MS)
    expect(card).to_contain_text("Nothing is marked yet")
    stroke(hand, "1", (400, 500), (700, 500))
    expect(card).to_contain_text("There is one label only", timeout=JOB_PATIENCE_MS)
    stroke(hand, "2", (1300, 1500), (1600, 1500))
    first = painted(hand)
    before = shares(hand)
    assert sum(before) == pytest.approx(100, abs=0.2)
    stroke(hand, "2", (1300, 500), (1600, 500))
    second = painted(hand, first)
    stroke(hand, "1", (800, 1500), (1000, 1500))
    third = painted(hand, second)
    assert shares(hand) != before
    # Undo is a correction too.
    hand.press("Control+z")
    painted(hand, third)
    hand.press("Control+Shift+z")
    painted(hand, third + 1)
    with hand.page.expect_download() as saved:
        hand.see("painting-csv").click()
    lines = saved.value.path().read_text().splitlines()
    assert lines[0] == "slide,label,cells,share,mm2"
    assert [line.split(",")[1] for line in lines[1:]] == list(LABELS)
    hand.see("keep-painting").click()
    versions = f"/projects/{project}/model-versions"

    def kept():
        return installation.client("manager").get(versions).json()["results"]

    [version] = wait_for(kept)
    assert version["recipe"] == "paint"
    installation.client("manager").wait_for_jobs(project)
    hand.open_slide(project, slides[1])
    sets = installation.client("manager").get(f"/slides/{slides[1]}/object-sets").json()["results"]
    assert [each["producer_name"] for each in sets] == [version["name"]]
    assert sets[0]["count"] > 0
    # What the first slide taught paints the next one before anybody has drawn there.
    hand.see("live-painting").click()
    painted(hand)
    hand.see("live-painting").click()
    expect(card).to_have_count(0)


def test_an_annotator_sees_what_the_strokes_teach_and_keeps_nothing(visit, studio):
    project, slides = studio
    hand = visit("annotator")
    hand.arrive()
    hand.open_slide(project, slides[0])
    hand.press("Shift+B")
    painted(hand)
    expect(hand.see("keep-painting")).to_be_disabled()
    expect(hand.see("painting-card")).to_contain_text("A manager keeps it")


def test_the_page_says_when_no_worker_paints(visit, studio, installation):
    project, slides = studio
    workers = installation.processes("worker-live")
    assert workers
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    try:
        hand = visit("reviewer")
        hand.arrive()
        hand.open_slide(project, slides[0])
        hand.see("live-painting").click()
        expect(hand.see("painting-card")).to_contain_text("No painter answers")
    finally:
        for worker in workers:
            os.kill(worker, signal.SIGCONT)
    painted(hand)
