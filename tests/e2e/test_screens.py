"""Every screen: by keyboard alone, named, readable, in both languages, and uploads through the browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import PASSWORD, import_slide, make_project

pytestmark = pytest.mark.browser

LABELS = {"Tumour": "#d55e00", "Stroma": "#0072b2"}


@pytest.fixture(scope="module")
def place(installation, data):
    project = make_project(installation, "Screens", LABELS)["id"]
    slide = import_slide(installation, data / "slides" / "cmu-1-small-region.svs", project)
    return project, slide


def test_a_person_signs_in_and_opens_a_slide_by_keyboard_alone(visit, place):
    project, _ = place
    person = visit("annotator")
    person.page.goto(f"/projects/{project}")
    expect(person.see("sign-in-username")).to_be_focused()
    person.page.keyboard.type("annotator")
    person.press("Tab")
    person.page.keyboard.type(PASSWORD)
    person.press("Enter")
    expect(person.see("slide-card")).to_be_visible()
    focused = "() => document.activeElement?.closest('[data-testid=slide-card]') !== null"
    for _ in range(40):
        person.press("Tab")
        if person.page.evaluate(focused):
            break
    # The ring is the card's: the whole of it leads to the slide.
    expect(person.see("slide-card")).to_have_css("outline-style", "solid")
    person.press("Enter")
    person.wait_for_slide()
    person.press("r")
    expect(person.see("tool-rectangle")).to_have_attribute("aria-pressed", "true")
    person.press("Shift+?")
    expect(person.page.get_by_role("dialog", name="Keys and actions")).to_be_visible()
    person.press("Escape")
    expect(person.page.get_by_role("dialog")).to_be_hidden()
    person.press("Control+k")
    expect(person.page.locator(".mantine-Spotlight-search")).to_be_focused()
    person.page.keyboard.type("ellipse")
    expect(person.page.locator(".mantine-Spotlight-action").first).to_contain_text("Ellipse")
    person.press("Enter")
    expect(person.see("tool-ellipse")).to_have_attribute("aria-pressed", "true")


def test_a_wrong_password_is_said(visit):
    person = visit("annotator")
    person.refusals.add(401)
    person.page.goto("/")
    person.see("sign-in-username").fill("annotator")
    person.see("sign-in-password").fill("not it")
    person.press("Enter")
    expect(person.page.get_by_role("alert")).to_contain_text("User name or password is wrong")


def test_an_upload_goes_on_after_a_break_and_the_same_again_is_told(visit, installation, data, tmp_path):
    project = make_project(installation, "Uploading", LABELS)["id"]
    path = data / "slides" / "cmu-1-small-region.svs"
    person = visit("manager")
    person.arrive(f"/projects/{project}")
    breaks = []

    def interrupt(route) -> None:
        # The line breaks once, in the middle of sending.
        if route.request.method == "PATCH" and not breaks:
            breaks.append(route.request.url)
            route.abort("connectionreset")
        else:
            route.continue_()

    person.page.route("**/api/v1/uploads/*", interrupt)
    person.see("upload-input").first.set_input_files(path)
    expect(person.see("slide-card")).to_have_attribute("data-state", "ready", timeout=60_000)
    assert len(breaks) == 1
    row = person.see("upload-row")
    expect(row).to_contain_text("Imported")
    copy = tmp_path / "another name.svs"
    copy.write_bytes(path.read_bytes())
    person.see("upload-input").first.set_input_files(copy)
    expect(row.nth(1)).to_have_attribute("data-state", "known", timeout=60_000)
    expect(row.nth(1)).to_contain_text("Already here as “cmu-1-small-region”")
    expect(person.see("slide-card")).to_have_count(1)
    person.complaints[:] = [text for text in person.complaints if "ERR_CONNECTION_RESET" not in text]


def test_an_unreadable_file_fails_with_a_message_and_leaves_other_slides_alone(visit, installation, data):
    project = make_project(installation, "Broken", LABELS)["id"]
    person = visit("manager")
    person.arrive(f"/projects/{project}")
    person.see("upload-input").first.set_input_files(data / "broken" / "broken.svs")
    expect(person.see("slide-card")).to_have_attribute("data-state", "failed", timeout=60_000)
    person.see("nav-jobs").first.click()
    row = person.page.locator("[data-testid=job-row][data-kind=import_slide]")
    expect(row).to_have_attribute("data-state", "failed")
    assert re.search(r"[A-Z][^.]+\.", row.inner_text())
