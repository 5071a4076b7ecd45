"""Training, promotion and the guide at the screen."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.conftest import make_project

pytestmark = pytest.mark.browser

TUMOUR = {"label_id": "1", "name": "Tumour", "shapes": 3, "negatives": 0}
COUNTS = {
    "labels": [TUMOUR], "negatives": 0, "verdicts": 0, "finished_regions": 0, "cases": 1, "slides": 1,
    "parts": {"train": 0, "validation": 0, "test": 0},
}  # fmt: skip
BLOCKER = {"code": "no_finished_region", "text": "…", "params": {}}


def warning(number: int) -> dict:
    return {"code": "no_resolution", "text": "…", "params": {"slide": f"slide {number}"}}


@pytest.fixture(scope="module")
def project(installation) -> str:
    return make_project(installation, "Training", {"Tumour": "#d55e00", "Stroma": "#0072b2"})["id"]


@pytest.fixture
def trainer(visit, project, request):
    """Open the training page for a manager, with methods of each tab that can start."""
    size = getattr(request, "param", (1440, 900))
    person = visit("manager", size=size)
    started = []

    def check(route: Route) -> None:
        body = json.loads(route.request.post_data or "{}")
        ready = body["recipe"] in READY
        answer = {
            "ready": ready, "blockers": [] if ready else [BLOCKER], "split_by": "case",
            "warnings": [warning(number) for number in range(12)],
            "counts": COUNTS, "parts": COUNTS["parts"],
        }  # fmt: skip
        route.fulfill(json=answer)

    def start(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        started.append(json.loads(route.request.post_data or "{}")["recipe"])
        route.abort()

    person.page.route("**/rounds/check", check)
    person.page.route(re.compile(r"/rounds$"), start)
    person.arrive(f"/projects/{project}/training")
    yield person, started
    person.complaints.clear()  # the start that goes nowhere


READY = {"descriptors", "unet"}


def selected(person) -> list[str]:
    """Return the names of the selected methods of the open tab."""
    cards = person.page.locator("[data-testid^=recipe-][aria-checked=true]").all()
    return [card.get_attribute("data-testid").removeprefix("recipe-") for card in cards]


def test_each_tab_selects_a_method_that_can_start_and_start_runs_it(trainer):
    person, started = trainer
    # The tab of the default method comes first.
    expect(person.see("recipe-unet")).to_be_checked()
    person.see("recipe-tasks").get_by_text("Patches", exact=True).click()
    expect(person.see("recipe-descriptors")).to_be_checked()
    expect(person.see("round-check")).to_contain_text("Marks outside the tissue are reported")
    person.see("recipe-tasks").get_by_text("Regions", exact=True).click()
    expect(person.see("recipe-unet")).to_be_checked()
    expect(person.see("start-round")).to_be_enabled()
    person.see("start-round").click()
    expect(person.page.get_by_text("The server cannot be reached.").first).to_be_visible()
    assert started == ["unet"]


@pytest.mark.parametrize("tab", ["Objects", "Whole slides"])
def test_start_names_its_reason_where_no_method_can_start(trainer, tab):
    person, _ = trainer
    expect(person.see("start-round")).to_be_enabled()
    person.see("recipe-tasks").get_by_text(tab, exact=True).click()
    expect(person.see("start-round")).to_be_disabled()
    expect(person.see("start-obstacle")).to_contain_text("finished region")
    assert len(selected(person)) == 1


def test_warnings_of_one_kind_are_one_line_until_they_are_asked_for(trainer):
    person, _ = trainer
    expect(person.see("warning-group")).to_have_count(1)
    expect(person.see("notice-count")).to_have_text("12 of this kind")
    expect(person.page.get_by_text("slide 11")).to_have_count(0)
    person.see("notice-expand").click()
    expect(person.page.get_by_text("slide 11")).to_have_count(1)


@pytest.mark.parametrize("trainer", [(1440, 900), (1024, 768)], indirect=True)
def test_start_stays_in_view(trainer):
    person, _ = trainer
    expect(person.see("start-round")).to_be_enabled()
    person.see("notice-expand").click()
    for place in (0, 200, 400):
        person.page.evaluate(f"window.scrollTo(0, {place})")
        expect(person.see("start-round")).to_be_in_viewport(ratio=1)


VERSION = {
    "recipe": "descriptors", "recipe_title": "Colour and texture", "task": "patch", "labels": [], "number": 1,
    "metrics": {"values": {}, "labels": [], "confusion": None, "reliability": [], "survival": None},
}  # fmt: skip


def metric(value: float, low: float, high: float) -> dict:
    return {"value": value, "low": low, "high": high}


@pytest.mark.parametrize(
    ("recommendation", "title", "primary"),
    [
        ("promote", "v2 is better than v1", "decision-confirm"),
        ("unclear", "Unclear whether v2 is better than v1", "decision-keep"),
        ("keep", "v2 is worse than v1", "decision-keep"),
        (None, "v2 has not been compared with v1", "decision-keep"),
    ],
)
def test_the_promotion_repeats_the_verdict_of_the_comparison(
    visit, installation, project, recommendation, title, primary
):
    person = visit("manager")
    versions = [made(installation, project, number) for number in (2, 1)]
    comparison = {
        "id": versions[0]["id"], "model_version": versions[0], "other": versions[1], "count": 120,
        "data_digest": "0", "created_at": versions[0]["created_at"], "recommendation": recommendation,
        "metrics": [{
            "name": "accuracy", "this": metric(0.91, 0.85, 0.95), "other": metric(0.9, 0.84, 0.94),
            "difference": metric(0.012, -0.02, 0.04),
        }],
    }  # fmt: skip
    state = {"state": "missing", "comparison": None}
    if recommendation:
        state = {"state": "ready", "comparison": comparison}
    person.page.route("**/comparison?*", lambda route: route.fulfill(json=state))
    listing = {"count": 2, "next": None, "previous": None, "results": versions}
    person.page.route("**/model-versions?*", lambda route: route.fulfill(json=listing))
    person.arrive(f"/projects/{project}/models")
    person.see("promote-button").first.click()
    expect(person.see("promote-verdict")).to_contain_text(title)
    if recommendation:
        expect(person.page.get_by_role("dialog")).to_contain_text("+0.012")
    for button in ("decision-confirm", "decision-keep"):
        variant = "filled" if button == primary else "default"
        expect(person.see(button)).to_have_attribute("data-variant", variant)


def made(installation, project: str, number: int) -> dict:
    """Return a version as the list shows it: 1 is current, 2 waits for a decision."""
    me = installation.client("manager").get("/session").json()
    person = {name: me[name] for name in ("id", "username", "display_name")}
    return {
        **VERSION, "id": f"00000000-0000-4000-8000-00000000000{number}", "project_id": project,
        "name": f"v{number}", "number": number, "state": "current" if number == 1 else "candidate",
        "created_by": person, "created_at": "2026-01-01T00:00:00Z", "promoted_at": None, "kept_at": None,
        "snapshot_digest": "0" * 64, "weights_digest": "0" * 64, "code_version": "t", "seed": 0, "config": {},
        "parent": None, "reason": "", "card": "", "card_lines": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("annotator", ["annotate", "region", "finish"]),
        ("reviewer", ["annotate", "review", "finish"]),
        ("manager", ["draw", "train", "review", "again"]),
        ("admin", ["draw", "train", "review", "again"]),
    ],
)
def test_the_guide_shows_the_steps_of_the_role_that_reads_it(visit, installation, data, project, name, steps):
    from tests.e2e.conftest import import_slide

    rows = installation.client("manager").get(f"/projects/{project}/slides").json()["results"]
    slide = rows[0]["id"] if rows else import_slide(
        installation, data / "slides" / "cmu-1-small-region.svs", project
    )  # fmt: skip
    person = visit(name)
    person.arrive(f"/projects/{project}/slides/{slide}")
    person.wait_for_slide()
    shown = person.see("guide").locator("li")
    expect(shown).to_have_count(len(steps))
    steps_shown = [step.get_attribute("data-testid").removeprefix("guide-") for step in shown.all()]
    assert steps_shown == steps
