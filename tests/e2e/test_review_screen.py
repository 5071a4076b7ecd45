"""Review at the screen: one key for each verdict, many at once, grid and slide in the same order."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.browser import Visitor
from tests.e2e.conftest import import_slide, make_project, wait_for

pytestmark = pytest.mark.browser

LABELS = {"Carcinoma": "#d55e00", "Normal": "#0072b2"}
# How many suggestions are drawn on an open slide.
DRAWN = """() => window.coverslipObjects.drawn()
  .flatMap(({ counts }) => Object.values(counts)).reduce((sum, count) => sum + count, 0)"""
MARKS = (
    ((1120, 1120), (2688, 1792), (3136, 2240)),
    ((2464, 448), (448, 2464), (3808, 448)),
)


def square(x: float, y: float, side: float = 440) -> dict:
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.fixture(scope="module")
def labelled(installation, data):
    """Import the mosaic with a few marks of each label; return the ids of project and slide."""
    project = make_project(installation, "Reviewing", LABELS)
    slide = import_slide(installation, data / "slides" / "colorectal-mosaic.tif", project["id"])
    changes = [
        {
            "op": "create",
            "id": str(uuid.uuid4()),
            "label_id": label["id"],
            "shape": "rectangle",
            "geometry": square(*place),
            "note": "",
        }
        for label, places in zip(project["labels"], MARKS, strict=True)
        for place in places
    ]
    answer = installation.client("manager").post(
        f"/slides/{slide}/annotations/batch", json={"changes": changes}
    )
    assert answer.status_code == 200, answer.json()
    return project["id"], slide


@pytest.fixture(scope="module")
def version(installation, labelled) -> str:
    """Train a model version on the marks; return its id."""
    project, _ = labelled
    manager = installation.client("manager")
    body = {"recipe": "descriptors", "predict": False}
    answer = manager.post(f"/projects/{project}/rounds", json=body)
    assert answer.status_code == 201, answer.json()
    manager.wait_for_jobs(project)
    return manager.get(f"/projects/{project}/model-versions").json()["results"][0]["id"]


@pytest.fixture
def queue(visit, installation, labelled, version) -> Visitor:
    """Open the queue of new suggestions without verdicts for a reviewer."""
    project, slide = labelled
    manager = installation.client("manager")
    body = {"model_version_id": version, "slide_ids": [slide]}
    answer = manager.post(f"/projects/{project}/predictions", json=body)
    assert answer.status_code < 300, answer.json()
    manager.wait_for_jobs(project)
    reviewer = visit("reviewer")
    reviewer.arrive(f"/projects/{project}/review")
    expect(reviewer.see("review-item").first).to_be_visible()
    return reviewer


def counts(installation, slide: str) -> dict:
    sets = installation.client("reviewer").get(f"/slides/{slide}/object-sets", params={"current": "true"})
    return sets.json()["results"][0]


def drawn(installation, slide: str) -> list[dict]:
    return installation.client("reviewer").get(f"/slides/{slide}/annotations").json()["results"]


def names(queue: Visitor, first: int) -> list[str]:
    return [queue.see("review-item").nth(i).locator("img").get_attribute("src") for i in range(first)]


def test_one_key_for_each_verdict_and_one_to_take_it_back(queue, installation, labelled):
    items = queue.see("review-item")
    queue.press("a")
    expect(items.nth(0)).to_have_attribute("data-state", "accepted")
    queue.press("r")
    expect(queue.see("reason-bar")).to_be_visible()
    queue.see("reason-artefact").click()
    expect(items.nth(1)).to_have_attribute("data-state", "rejected")
    queue.press("s")
    expect(items.nth(2)).to_have_attribute("data-state", "skipped")
    queue.press("1")
    expect(items.nth(3)).to_have_attribute("data-state", "relabelled")
    expect(items.nth(4)).to_have_attribute("aria-current", "true")
    queue.press("u")
    expect(items.nth(3)).to_have_attribute("data-state", "open")
    expect(items.nth(3)).to_have_attribute("aria-current", "true")
    queue.press("u", "u", "u")
    expect(queue.see("review-progress")).to_contain_text("0 /")
    # The server has taken all of it back too.
    wait_for(lambda: counts(installation, labelled[1])["decided_count"] == 0)
    queue.page.reload()
    expect(items.first).to_have_attribute("data-state", "open")
    expect(queue.see("review-progress")).to_contain_text("0 /")


def test_grid_and_slide_show_the_same_queue_in_the_same_order(queue):
    order = names(queue, 3)
    queue.press("g")
    expect(queue.see("viewer-canvas")).to_be_visible()
    seen = []
    for _ in order:
        queue.press("a")
        seen.append(1)
        expect(queue.see("review-progress")).to_contain_text(f"{len(seen)} /")
    queue.press("g")
    expect(queue.see("review-item").nth(3)).to_have_attribute("aria-current", "true")
    assert names(queue, 3) == order
    for place in range(3):
        expect(queue.see("review-item").nth(place)).to_have_attribute("data-state", "accepted")


def test_an_object_is_drawn_anew_in_the_slide_view(queue, installation, labelled):
    before = len(drawn(installation, labelled[1]))
    queue.press("g")
    box = queue.see("viewer-canvas").bounding_box()
    queue.press("d")
    expect(queue.page.get_by_text("Drag around the object to redraw its outline")).to_be_visible()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    queue.page.mouse.move(x - 60, y - 60)
    queue.page.mouse.down()
    for corner in ((x + 60, y - 60), (x + 60, y + 60), (x - 60, y + 60), (x - 60, y - 50)):
        queue.page.mouse.move(*corner, steps=4)
    queue.page.mouse.up()
    expect(queue.see("review-progress")).to_contain_text("1 /")
    queue.press("g")
    expect(queue.see("review-item").first).to_have_attribute("data-state", "redrawn")
    wait_for(lambda: len(drawn(installation, labelled[1])) == before + 1)


def test_many_are_decided_by_a_threshold_and_a_class(queue, installation, labelled):
    total = counts(installation, labelled[1])["count"]
    queue.see("review-bulk").click()
    queue.see("bulk-score").fill("0.5")
    queue.see("bulk-score").press("Tab")
    expect(queue.see("bulk-count")).to_contain_text("open suggestion")
    queue.see("bulk-confirm").click()
    expect(queue.page.get_by_role("dialog")).to_be_hidden()
    decided = counts(installation, labelled[1])["decided_count"]
    assert 0 < decided < total
    expect(queue.page.get_by_text(f"{decided} suggestion").first).to_be_visible()


def test_many_are_decided_by_a_lasso(queue, installation, labelled):
    queue.press("g")
    queue.see("review-lasso").click()
    box = queue.see("viewer-canvas").bounding_box()
    left, top = box["x"] + 40, box["y"] + 60
    right, bottom = box["x"] + box["width"] - 240, box["y"] + box["height"] - 40
    queue.page.mouse.move(left, top)
    queue.page.mouse.down()
    for corner in ((right, top), (right, bottom), (left, bottom), (left, top + 10)):
        queue.page.mouse.move(*corner, steps=6)
    queue.page.mouse.up()
    expect(queue.page.get_by_role("dialog")).to_contain_text("Decide all inside the outline")
    queue.see("bulk-score").fill("0")
    queue.see("bulk-score").press("Tab")
    expect(queue.see("bulk-count")).to_contain_text("open suggestion")
    expect(queue.see("bulk-confirm")).to_be_enabled()
    queue.see("bulk-confirm").click()
    expect(queue.page.get_by_role("dialog")).to_be_hidden()
    decided = counts(installation, labelled[1])
    assert 0 < decided["decided_count"] < decided["count"]


def test_a_verdict_stands_when_the_page_is_left_at_once(queue, installation, labelled):
    for given in range(1, 11):
        queue.press("a")
        queue.page.reload()
        expect(queue.see("review-item").first).to_have_attribute("data-state", "open")
        assert counts(installation, labelled[1])["decided_count"] == given


def test_a_verdict_that_did_not_get_through_is_sent_by_the_next_page(queue, installation, labelled):
    queue.page.route("**/verdicts", lambda route: route.abort("aborted"))
    queue.press("a", "r")
    expect(queue.see("review-item").nth(1)).to_have_attribute("data-state", "rejected")
    expect(queue.see("review-unsent")).to_contain_text("2 verdicts not sent yet")
    assert counts(installation, labelled[1])["decided_count"] == 0
    queue.page.unroute("**/verdicts")
    # Another page than that of the queue, as after coming back.
    queue.page.goto("/")
    wait_for(lambda: counts(installation, labelled[1])["decided_count"] == 2)
    left = "() => Object.keys(localStorage).filter((key) => key.includes('verdicts'))"
    wait_for(lambda: queue.page.evaluate(left) == [])


def test_many_at_once_are_one_step_with_one_undo(queue, installation, labelled):
    queue.see("review-bulk").click()
    queue.see("bulk-score").fill("0.5")
    queue.see("bulk-score").press("Tab")
    queue.see("bulk-confirm").click()
    expect(queue.page.get_by_role("dialog")).to_be_hidden()
    assert counts(installation, labelled[1])["decided_count"] > 1
    expect(queue.see("verdict-undo")).to_be_enabled()
    queue.press("u")
    wait_for(lambda: counts(installation, labelled[1])["decided_count"] == 0)
    expect(queue.see("verdict-undo")).to_be_disabled()


def test_an_open_slide_learns_of_the_verdicts_of_another(queue, visit, installation, labelled):
    project, slide = labelled
    manager = visit("manager")
    manager.arrive(f"/projects/{project}/slides/{slide}?layers=suggestions")
    manager.wait_for_slide()
    total = counts(installation, slide)["count"]
    wait_for(lambda: manager.page.evaluate(DRAWN) == total)
    queue.press("r", "a")
    # A rejected suggestion is out of sight at once, without anybody reloading.
    wait_for(lambda: manager.page.evaluate(DRAWN) == total - 1)
    note = manager.see("meanwhile")
    expect(note).to_contain_text("1 suggestion rejected")
    expect(note).to_contain_text("1 suggestion accepted")
    manager.see("meanwhile-show").click()
    expect(manager.see("history-row").nth(0)).to_contain_text("1 suggestion accepted")
    expect(manager.see("history-row").nth(1)).to_contain_text("1 suggestion rejected")
    queue.press("u", "u")
    wait_for(lambda: manager.page.evaluate(DRAWN) == total)
    # The verdicts taken back stand at the top now; each leads to its suggestion.
    expect(manager.see("history-row").nth(0)).to_contain_text("taken back")
    manager.see("history-go").first.click()
    wait_for(lambda: manager.page.evaluate(DRAWN) < total)


def test_two_reviewers_see_what_the_other_does(queue, visit, labelled):
    manager = visit("manager")
    manager.arrive(f"/projects/{labelled[0]}/review")
    expect(manager.see("review-item").first).to_be_visible()
    queue.press("r")
    expect(manager.see("review-item").first).to_have_attribute("data-state", "rejected")
    expect(manager.see("meanwhile")).to_contain_text("1 suggestion rejected")
    # The next one is open for both; whoever is first has it.
    expect(manager.see("review-item").nth(1)).to_have_attribute("aria-current", "true")
    queue.press("u")
    expect(manager.see("review-item").first).to_have_attribute("data-state", "open")


@pytest.mark.parametrize("choice", ["theirs", "mine"])
def test_a_verdict_given_meanwhile_by_another_user_is_a_choice(queue, visit, installation, labelled, choice):
    manager = visit("manager")
    # This page hears of nothing until the server answers.
    manager.page.add_init_script("delete window.SharedWorker")
    manager.page.route("**/api/v1/events?*", lambda route: route.abort("aborted"))
    manager.refusals.add(409)
    manager.arrive(f"/projects/{labelled[0]}/review")
    items = manager.see("review-item")
    expect(items.first).to_be_visible()
    manager.press("a")
    expect(items.first).to_have_attribute("data-state", "accepted")
    wait_for(lambda: counts(installation, labelled[1])["decided_count"] == 1)
    # Having seen it, the reviewer says otherwise; the manager, who has not, would overwrite that.
    expect(queue.see("review-item").first).to_have_attribute("data-state", "accepted")
    queue.see("review-item").first.click()
    queue.press("r")
    expect(queue.see("review-item").first).to_have_attribute("data-state", "rejected")
    set_id = counts(installation, labelled[1])["id"]
    states = installation.client("reviewer").get
    wait_for(lambda: states(f"/object-sets/{set_id}/review-state").json()["rejected"] == 1)
    items.first.click()
    manager.press("1")
    expect(manager.see("conflict")).to_contain_text("already rejected this suggestion")
    expect(items.first).to_have_attribute("data-state", "rejected")
    manager.see(f"conflict-{choice}").click()
    expect(manager.see("conflict")).to_be_hidden()
    wanted = {"theirs": "rejected", "mine": "relabelled"}[choice]
    expect(items.first).to_have_attribute("data-state", wanted)
    wait_for(lambda: states(f"/object-sets/{set_id}/review-state").json()[wanted] == 1)


def test_many_are_decided_everywhere_and_sets_in_which_nothing_is_meant_are_passed_over(
    queue, installation, labelled
):
    """A file brings two suggestions of low score beside those of the model."""
    reviewer = installation.client("reviewer")
    model_set = counts(installation, labelled[1])["id"]
    properties = {"classification": {"name": "Normal"}, "measurements": {"score": 0.1, "uncertainty": 1.0}}
    features = [
        {"type": "Feature", "geometry": square(x, x), "properties": properties} for x in (448.0, 1120.0)
    ]
    content = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    answer = reviewer.post(
        f"/slides/{labelled[1]}/import",
        files={"file": ("low.geojson", content)},
        data={"become": "objects"},
    )
    assert answer.status_code == 202, answer.json()
    installation.client("manager").wait_for_jobs(labelled[0])
    queue.page.reload()
    expect(queue.see("review-item").first).to_be_visible()
    queue.see("review-bulk").click()
    # The input of the switch is hidden below its track.
    queue.see("bulk-everywhere").set_checked(True, force=True)
    queue.see("bulk-score").fill("0.5")
    queue.see("bulk-score").press("Tab")
    expect(queue.see("bulk-count")).to_contain_text("open suggestion")
    queue.see("bulk-confirm").click()
    expect(queue.page.get_by_role("dialog")).to_be_hidden()
    sets = reviewer.get(f"/slides/{labelled[1]}/object-sets", params={"current": "true"}).json()["results"]
    decided = {item["id"]: item["decided_count"] for item in sets}
    assert len(decided) == 2
    assert decided.pop(model_set) > 0
    [(file_set, of_file)] = decided.items()
    assert of_file == 0
    # Tests run in any order. Nothing of the file may stay open for others, and no place of the model decided.
    body = {"kind": "rejected", "filter": {}}
    given = reviewer.post(f"/object-sets/{file_set}/verdicts", json=body)
    assert given.status_code < 300, given.json()
    verdicts = reviewer.get(f"/projects/{labelled[0]}/verdicts").json()["results"]
    [own] = [verdict["id"] for verdict in verdicts if verdict["object_set_id"] == model_set]
    assert reviewer.post(f"/verdicts/{own}/undo", json={}).status_code < 300


def open_count(queue: Visitor) -> int:
    return int(queue.see("open-count").first.inner_text().replace(",", ""))


def test_the_badge_counts_down_with_own_verdicts_at_once_and_with_those_of_others(
    queue, installation, labelled
):
    project, slide = labelled
    start = open_count(queue)
    # The answer to the own verdict is held back: the badge does not wait for it.
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    queue.page.route("**/verdicts", hold)
    queue.press("a")
    expect(queue.see("open-count").first).to_have_text(f"{start - 1:,}")
    assert len(held) == 1
    held[0].continue_()
    queue.page.unroute("**/verdicts", hold)
    wait_for(lambda: counts(installation, slide)["decided_count"] == 1)
    expect(queue.see("open-count").first).to_have_text(f"{start - 1:,}")
    queue.press("u")
    expect(queue.see("open-count").first).to_have_text(f"{start:,}")
    manager = installation.client("manager")
    waiting = manager.get(f"/projects/{project}/review/queue", params={"limit": 3}).json()["results"]
    for item in waiting:
        body = {"kind": "accepted", "indices": [item["index"]]}
        answer = manager.post(f"/object-sets/{item['object_set_id']}/verdicts", json=body)
        assert answer.status_code == 201, answer.json()
    wait_for(lambda: open_count(queue) == start - len(waiting))


def test_notes_come_and_go_without_moving_the_grid(queue):
    first = queue.see("review-item").first
    before = first.bounding_box()
    queue.press("r")
    expect(queue.see("reason-bar")).to_be_visible()
    assert first.bounding_box() == before
    queue.press("Escape")
    expect(queue.see("reason-bar")).to_be_hidden()
    first.click(modifiers=["Control"])
    expect(queue.see("selection-bar")).to_be_visible()
    assert first.bounding_box() == before


@pytest.mark.parametrize("button", ["why", "object-history", "review-filters", "jobs-indicator"])
def test_escape_closes_the_popup_and_leaves_the_selection(queue, button):
    queue.see("review-item").first.click(modifiers=["Control"])
    expect(queue.see("selection-bar")).to_be_visible()
    queue.see(button).first.click()
    popup = queue.page.locator(".mantine-Popover-dropdown[role=dialog]")
    expect(popup).to_be_visible()
    box, link = popup.bounding_box(), queue.see("nav-review").first.bounding_box()
    assert box["y"] >= link["y"] + link["height"]
    assert box["y"] + box["height"] <= queue.page.viewport_size["height"]
    queue.press("Escape")
    expect(popup).to_be_hidden()
    expect(queue.see("selection-bar")).to_be_visible()
    # The tooltip of a button under the pointer would be the topmost thing.
    queue.page.mouse.move(2, 400)
    expect(queue.page.get_by_role("tooltip")).to_be_hidden()
    queue.press("Escape")
    expect(queue.see("selection-bar")).to_be_hidden()
    queue.complaints.clear()  # an explanation may be refused


def test_escape_in_a_dialog_leaves_the_selection(queue):
    queue.see("review-item").first.click(modifiers=["Control"])
    queue.see("review-bulk").click()
    expect(queue.page.get_by_role("dialog")).to_be_visible()
    queue.press("Escape")
    expect(queue.page.get_by_role("dialog")).to_be_hidden()
    expect(queue.see("selection-bar")).to_be_visible()


def test_the_slide_view_has_scale_bar_and_magnification(queue):
    queue.press("g")
    queue.wait_for_slide()
    expect(queue.see("review-scale").get_by_test_id("scale-bar")).to_contain_text(re.compile("px|µm|mm"))
    expect(queue.see("review-scale").get_by_test_id("zoom-power")).to_be_visible()
