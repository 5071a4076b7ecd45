"""Every screen: by keyboard alone, named, readable, in both languages, and uploads through the browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import PASSWORD, import_slide, make_project

pytestmark = pytest.mark.browser

LABELS = {"Tumour": "#d55e00", "Stroma": "#0072b2"}
PAGES = ("", "/review", "/training", "/models", "/jobs", "/settings")

AUDIT = (Path(__file__).parent / "audit.js").read_text()


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


LOOKS = [
    pytest.param((1440, 900), "light", "en", id="wide-light-English"),
    pytest.param((1024, 768), "dark", "zh-CN", id="narrow-dark-Chinese"),
]


@pytest.mark.parametrize(("size", "theme", "language"), LOOKS)
def test_every_screen_is_named_readable_and_fits(visit, place, size, theme, language):
    project, slide = place
    person = visit("manager", size=size, theme=theme, language=language)
    person.page.goto("/")
    look_at(person, language)
    person.page.evaluate("language => localStorage.setItem('coverslip.language', language)", language)
    person.page.route("**/api/v1/session", lambda route: answer_in(route, language, theme))
    person.arrive()
    for path in ("/", "/preferences", *(f"/projects/{project}{page}" for page in PAGES)):
        person.page.goto(path)
        expect(person.page.get_by_role("heading", level=1)).to_be_visible()
        look_at(person, language)
    person.open_slide(project, slide)
    look_at(person, language)
    for tab in range(3):
        person.page.get_by_role("tab").nth(tab).click()
        look_at(person, language)


def answer_in(route, language: str, theme: str) -> None:
    """Show the pages in this language and theme, without changing the stored preferences."""
    answer = route.fetch()
    if answer.status == 200:
        route.fulfill(response=answer, json={**answer.json(), "language": language, "theme": theme})
    else:
        route.fulfill(response=answer)


def look_at(person, language: str) -> None:
    page = person.page
    page.wait_for_function(
        "() => document.querySelectorAll('.mantine-Skeleton-root[data-visible]').length === 0"
    )
    expect(page.locator("html")).to_have_attribute("lang", language)
    where = page.url
    assert page.evaluate(f"({AUDIT}).unnamed()") == [], where
    assert page.evaluate(f"({AUDIT}).pale()") == [], where
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), where
    # A text that is missing shows its own name.
    text = page.locator("body").inner_text()
    assert not re.search(r"\b[a-z]+[A-Za-z]*\.[a-z]+[A-Za-z.]*[A-Z][A-Za-z]*\b", text), text


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
