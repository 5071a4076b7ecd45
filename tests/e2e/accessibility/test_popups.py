"""Check each dialog, menu, drawer and popover with axe, in both themes; at 1024 px nothing is cut off."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.accessibility.checks import arrive, cut_off, open_page, settle, violations
from tests.e2e.accessibility.place import SHAPE, TOP, Desk, Place, features
from tests.e2e.browser import Visitor
from tests.e2e.conftest import PASSWORD

pytestmark = pytest.mark.browser

# All that opens over a page is drawn in this element.
LAYERS = "#layers"
KINDS = (
    ":is([role=dialog], [role=menu], [role=listbox], .mantine-Popover-dropdown, .mantine-ColorInput-dropdown)"
)
CELLS = features("carcinoma", "Unheard of")


def by_id(name: str) -> str:
    return f"[data-testid={name}]"


# The tab of the methods that answer about patches.
PATCHES = f"{by_id('recipe-tasks')} label >> nth=0"


def click(*selectors: str):
    """Return the way to a popup that opens after a click on each selector."""

    def open_popup(person: Visitor) -> None:
        for selector in selectors:
            person.page.locator(selector).first.click()

    return open_popup


def press(key: str):
    """Return the way to a popup that opens by a key."""
    return lambda person: person.press(key)


def in_tab(number: int, *selectors: str):
    """Return the way to a popup of a tab of the viewer's panel."""

    def open_popup(person: Visitor) -> None:
        person.page.get_by_role("tab").nth(number).click()
        click(*selectors)(person)

    return open_popup


def choose_file(before: str | None, within: str, content: bytes, *selectors: str):
    """Return the way to a popup that opens after a file was chosen, between clicks."""

    def open_popup(person: Visitor) -> None:
        if before is not None:
            person.page.locator(before).click()
        file = {"name": "cells.geojson", "mimeType": "application/octet-stream", "buffer": content}
        person.page.locator(f"{within} input[type=file]").set_input_files(file)
        click(*selectors)(person)

    return open_popup


def import_shapes(content: bytes, *selectors: str):
    return choose_file(by_id("viewer-menu"), "[role=menu]", content, *selectors)


def delete_token(person: Visitor) -> None:
    person.see("token-name").fill("export")
    click(by_id("token-create"), f"{by_id('token-row')} button")(person)


def show_suggestions(person: Visitor) -> None:
    person.page.get_by_role("tab").nth(1).click()
    person.see("suggestions-toggle").check()
    person.page.wait_for_function("() => window.coverslipObjects?.drawn().length > 0")


def select_suggestion(person: Visitor) -> None:
    show_suggestions(person)
    person.take("select")
    person.click((260, TOP + 60))
    person.see("suggestion-relabel").click()


def circle_suggestions(person: Visitor) -> None:
    show_suggestions(person)
    person.take("lasso")
    person.drag((150, 450), (800, 450), (800, 700), (150, 700), (150, 460))
    person.see("lasso-relabel").click()


def undo_what_a_colleague_changed(person: Visitor) -> None:
    """Change the label of the shape, let a colleague change it too, and undo."""
    person.refusals.add(409)
    person.take("select")
    person.click((SHAPE[0] + 50, SHAPE[1] + 50))
    person.press("2")
    person.save()
    [project, slide] = re.findall("[0-9a-f-]{36}", person.page.url)
    colleague = person.installation.client("manager")
    [shape] = colleague.get(f"/slides/{slide}/annotations").json()["results"]
    labels = colleague.get(f"/projects/{project}").json()["labels"]
    change = {"op": "update", "id": shape["id"], "revision": shape["revision"], "label_id": labels[2]["id"]}
    answer = colleague.post(f"/slides/{slide}/annotations/batch", json={"changes": [change]})
    assert answer.status_code == 200, answer.json()
    person.press("Control+z")


def choose(place: int, *selectors: str):
    """Return the way to a popup of a dialog in which the person takes another of its choices first."""
    return click(
        *selectors, f"[role=dialog] .mantine-SegmentedControl-label >> nth={place}", f"[role=dialog] {LIST}"
    )


def pick(name: str):
    """Return the way to the choices of a field with this label."""

    def open_popup(person: Visitor) -> None:
        field = person.page.get_by_label(name, exact=True).and_(person.page.locator(LIST)).first
        # The middle of a field may be covered by the button that clears it.
        field.click(position=EDGE)

    return open_popup


def layers_list(name: str):
    """Return the way to the choices of a field of the layers."""

    def open_popup(person: Visitor) -> None:
        person.page.get_by_role("tab").nth(1).click()
        pick(name)(person)

    return open_popup


def change_label_of_shape(person: Visitor) -> None:
    person.take("select")
    person.page.get_by_role("tab").first.click()
    person.click((SHAPE[0] + 50, SHAPE[1] + 50))
    pick("Label")(person)


def refuse_a_change(person: Visitor) -> None:
    """Change the label of the shape where the server refuses it."""
    refusal = {
        "type": "about:blank",
        "title": "Unprocessable",
        "status": 422,
        "code": "refused",
        "detail": "No.",
    }
    person.refusals.add(422)
    person.page.route("**/annotations/batch", lambda route: route.fulfill(status=422, json=refusal))
    person.take("select")
    person.click((SHAPE[0] + 50, SHAPE[1] + 50))
    person.press("2")


def add_label_in_other_case(person: Visitor) -> None:
    person.refusals.add(409)
    person.see("label-name").fill("carcinoma")
    person.see("label-add").click()


LIST = "[aria-haspopup=listbox]"
EDGE = {"x": 12, "y": 12}
LAST_ITEM = "[role=menuitem] >> nth=-1"
MEMBER, LABEL = f"{by_id('member-row')} >> nth=1", f"{by_id('label-row')} >> nth=0"
ACCOUNT = f"{by_id('user-row')} >> nth=1 >> {by_id('account-actions')}"

# By page: who opens it, its address, and each popup with the way in which a person opens it.
GROUPS = {
    "projects": ("admin", "/", {
        "new project": click(by_id("create-project")),
        "colours of a new label": click(by_id("create-project"), "[role=dialog] .mantine-ColorInput-input"),
        "person": click(by_id("user-menu")),
        "languages": click("header .tabler-icon-language"),
        "project switcher": click(by_id("project-switcher")),
    }),
    "tokens": ("admin", "/preferences?tab=tokens", {
        "life of a token": pick("Expires"),
        "access": click(by_id("token-scope"), "[role=option] >> nth=1", by_id("token-scope")),
        "deleting a token": delete_token,
    }),
    "users": ("admin", "/preferences?tab=users", {
        "account": click(ACCOUNT),
        "deactivation": click(ACCOUNT, by_id("account-deactivate")),
        "password reset": click(ACCOUNT, by_id("account-reset")),
    }),
    "slides": ("admin", "{place}", {
        "jobs": click(by_id("jobs-indicator")),
        "palette of a project": press("Control+k"),
        "slide": click(by_id("slide-menu")),
        "name and resolution": click(by_id("slide-menu"), "[role=menuitem]"),
        "clinical data": click(by_id("slide-menu"), by_id("clinical-data")),
        "deleting a slide": click(by_id("slide-menu"), LAST_ITEM),
        "order of the slides": click(f"main {LIST} >> nth=-1"),
        **{f"filter {place} of the slides": click(f"main {LIST} >> nth={place}") for place in range(4)},
    }),
    "images": ("admin", "{desk}", {"image of a file": click(by_id("choose-image"))}),
    "labels": ("admin", "{place}/settings?tab=labels", {
        "two labels": add_label_in_other_case,
        "retiring a label": click(f"{LABEL} >> button >> nth=-1"),
        "colour of a label": click(f"{LABEL} >> .mantine-ColorInput-input"),
        # The middle of the field is covered by the button that clears it.
        "key of a label": lambda person: person.page.locator(f"{LABEL} >> {LIST}").click(position=EDGE),
    }),
    "members": ("admin", "{place}/settings?tab=members", {
        "role": click(f"{MEMBER} >> input"),
        "removing a member": click(f"{MEMBER} >> button >> nth=-1"),
        "role of a new member": pick("Role"),
        "adding a member": click(by_id("member-search")),
    }),
    "training": ("admin", "{place}/training", {
        "source": click(PATCHES, by_id("recipe-transfer"), by_id("config-source")),
        "setting with choices": click(
            PATCHES, by_id("recipe-transfer"), f"{LIST}[data-testid^=config-] >> nth=0"
        ),
    }),
    "atlas": ("admin", "{place}/atlas", {"label of patches": pick("Label")}),
    "version": ("admin", "{place}/models/{version}", {"other version": click(by_id("compare-with"))}),
    "models": ("admin", "{place}/models", {
        "promotion": click(by_id("promote-button")),
        "keeping": click(by_id("keep-button")),
        "prediction": click(by_id("predict-version-button")),
        "prediction on chosen slides": choose(1, by_id("predict-version-button")),
        "weights": choose_file(None, by_id("uploaded-weights"), b"weights"),
    }),
    "jobs": ("admin", "{place}/jobs", {
        "job": click("table tbody button"),
        "states": click(f"main {LIST} >> nth=0"),
        "kinds": click(f"main {LIST} >> nth=1"),
    }),
    "review": ("admin", "{place}/review", {
        "filters": click(by_id("review-filters")),
        "labels of the review": click(f"main {LIST} >> nth=0"),
        "slides of the review": click(f"main {LIST} >> nth=1"),
        "order of the review": click(f"main {LIST} >> nth=2"),
        "bulk decision": click(by_id("review-bulk")),
        "label of a bulk decision": click(by_id("review-bulk"), f"[role=dialog] {LIST}"),
        "bulk change of label": choose(2, by_id("review-bulk")),
        "history": click(by_id("review-history")),
        "reviewers of the history": click(by_id("review-history"), by_id("history-reviewer")),
        "history of an object": click(by_id("object-history")),
        "reasons of a model": click(by_id("why"), by_id("why-answer")),
    }),
    "viewer": ("admin", "{desk}/slides/{plain}", {
        "viewer menu": click(by_id("viewer-menu")),
        "keys": press("?"),
        "palette of the viewer": press("Control+k"),
        "diagnosis": click(by_id("diagnosis")),
        "correcting the resolution": in_tab(2, by_id("correct-resolution")),
        "slide to align": in_tab(2, by_id("register-slide")),
        "landmarks": in_tab(2, f"{by_id('registrations')} button >> nth=-1"),
        "consent to recording": in_tab(2, by_id("dwell-record")),
        "label of a shape": change_label_of_shape,
        "two versions": undo_what_a_colleague_changed,
    }),
    "refused save": ("admin", "{desk}/slides/{plain}", {"refused change": refuse_a_change}),
    "layers": ("admin", "{place}/slides/{slide}", {
        "sources of suggestions": layers_list("Source"),
        "heat maps": layers_list("Heat map of"),
        "colours of a heat map": layers_list("Colours"),
    }),
    "imports": ("manager", "{desk}/slides/{plain}", {
        "withdrawal of consent": in_tab(2, f"{by_id('dwell')} button"),
        "preview of an import": import_shapes(CELLS, by_id("import-class")),
        "label of a class": import_shapes(CELLS, f"{by_id('import-class')} input"),
    }),
    "suggestions": ("reviewer", "{desk}/slides/{plain}", {
        "verdicts": lambda person: (show_suggestions(person), person.see("slide-history").click()),
        "removing a set": lambda person: (show_suggestions(person), person.see("withdraw-set").click()),
        "labels for a suggestion": select_suggestion,
        "labels for a lasso": circle_suggestions,
    }),
    "channels": ("admin", "{desk}/slides/{channels}", {
        "colour of a channel": click(f"{by_id('channels')} .mantine-ColorSwatch-root"),
    }),
}  # fmt: skip


def open_group(visit, place: Place, desk: Desk, group: str, language: str) -> Visitor:
    username, path, _ = GROUPS[group]
    person = arrive(visit, username, "auto", language, size=(1024, 768))
    # A popup that fades in has another contrast meanwhile.
    person.page.emulate_media(reduced_motion="reduce")
    projects = {"place": f"/projects/{place.project}", "desk": f"/projects/{desk.project['id']}"}
    slides = {"slide": place.slide, "plain": desk.plain, "channels": desk.channels}
    open_page(person, path.format(**projects, **slides, version=place.version))
    return person


def check(person: Visitor, part: str | None) -> list[str]:
    """Examine a part of the page, or all of it, in both themes."""
    problems = []
    for theme in ("light", "dark"):
        person.page.emulate_media(color_scheme=theme)
        settle(person.page)
        rows = [*violations(person.page, part), *cut_off(person.page, part or "body")]
        problems += [f"{theme}: {row}" for row in rows]
    return problems


def shut(person: Visitor, popup: Locator, name: str) -> None:
    """Close all popups; a field may take the first Escape for its own list."""
    for _ in range(3):
        if popup.count() > 0:
            person.press("Escape")
            settle(person.page)
    expect(popup, name).to_have_count(0)


@pytest.mark.parametrize("group", GROUPS)
def test_axe_has_no_complaint_of_a_popup_and_nothing_is_cut_off(visit, place: Place, desk: Desk, group: str):
    person = open_group(visit, place, desk, group, "en")
    popup = person.page.locator(f"{LAYERS} :is({KINDS})").locator("visible=true")
    problems = {}
    # The page below changes with the first popup that covers it; the others cover it alike.
    part = None
    for name, open_popup in GROUPS[group][2].items():
        open_popup(person)
        expect(popup.last, name).to_be_visible()
        problems[name] = check(person, part)
        part = LAYERS
        shut(person, popup, name)
    assert {name: rows for name, rows in problems.items() if rows} == {}


def test_axe_has_no_complaint_of_a_one_time_password(visit, installation, place: Place, desk: Desk):
    name = f"newcomer-{uuid.uuid4().hex[:8]}"
    body = {"username": name, "display_name": "Newcomer", "password": PASSWORD}
    assert installation.client("admin").post("/users", json=body).status_code == 201
    person = open_group(visit, place, desk, "users", "en")
    person.see("user-row").filter(has_text=name).get_by_test_id("account-actions").click()
    click(by_id("account-reset"), by_id("reset-confirm"), by_id("one-time-password"))(person)
    assert check(person, LAYERS) == []


def test_axe_has_no_complaint_of_the_end_of_an_import(visit, place: Place, desk: Desk):
    person = open_group(visit, place, desk, "imports", "en")
    person.open_slide(desk.project["id"], desk.section)
    person.refusals |= {400, 422}
    import_shapes(b"{", "[role=alert]")(person)
    assert check(person, LAYERS) == []
    person.page.reload()
    person.wait_for_slide()
    import_shapes(features("Carcinoma", "Normal"), by_id("start-import"), by_id("import-result"))(person)
    assert check(person, LAYERS) == []


def test_escape_closes_the_colours_and_then_the_dialog_around_them(visit, place: Place, desk: Desk):
    person = open_group(visit, place, desk, "projects", "en")
    GROUPS["projects"][2]["colours of a new label"](person)
    colours = person.page.locator(".mantine-ColorInput-dropdown:visible")
    dialog = person.page.get_by_role("dialog", name="New project")
    expect(colours).to_be_visible()
    person.press("Escape")
    expect(colours).to_have_count(0)
    expect(dialog).to_be_visible()
    person.press("Escape")
    expect(dialog).to_be_hidden()
