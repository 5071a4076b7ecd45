"""The guide: a help button on each screen, pages without an error, and their search."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import ROOT, import_plain_slide, make_project
from tests.material import write_plain_slide

pytestmark = pytest.mark.browser

GUIDE = ROOT / "frontend" / "dist" / "help"
TITLES = {
    "": "Projects and slides", "/review": "Review suggestions", "/training": "Train a model",
    "/models": "Compare and promote models", "/atlas": "Atlas", "/jobs": "Background jobs",
    "/settings": "Manage a project",
}  # fmt: skip


@pytest.fixture(scope="module")
def place(installation, tmp_path_factory):
    path = tmp_path_factory.mktemp("guide") / "plain.tif"
    write_plain_slide(path, 1024)
    project = make_project(installation, "Guide", {"Tumour": "#d55e00"})["id"]
    return project, import_plain_slide(installation, path, project)


def follow(person):
    """Press the help button, and return the page of the guide that opens."""
    with person.context.expect_page() as opening:
        person.see("help").click()
    page = opening.value
    page.on("console", person._mind_console)
    page.on("pageerror", lambda error: person.complaints.append(f"guide: {error}"))
    page.on("response", person._mind_response)
    return page


def test_each_screen_opens_its_page_of_the_guide(visit, place):
    project, slide = place
    person = visit("manager")
    person.page.goto("/sign-in")
    expect(follow(person).locator("h1")).to_contain_text("Your account")
    person.arrive("/")
    for path, title in {**TITLES, f"/slides/{slide}": "Annotate"}.items():
        person.page.goto(f"/projects/{project}{path}")
        guide = follow(person)
        expect(guide.locator("h1")).to_contain_text(title)
        guide.close()


def test_the_guide_is_searched_and_has_two_themes_under_the_policy_of_the_server(visit):
    person = visit("annotator")
    page = person.page
    page.goto("/help/")
    expect(page).to_have_title(re.compile("Coverslip"))
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "default")
    # What is written before the index is loaded may find nothing.
    expect(page.locator(".md-search-result__meta")).not_to_have_text(re.compile("Initializing"))
    page.get_by_role("textbox", name="Search").press_sequentially("eraser")
    found = page.locator(".md-search-result__link", has_text="Annotate").first
    expect(found).to_be_visible()
    found.click()
    expect(page).to_have_url(re.compile(r"/help/use/annotating\.html"))
    page.locator("label[title='Use the dark theme']").click()
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    page.goto("/help/decisions/001-rows-are-the-truth.html")
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    expect(page.locator("h1")).to_contain_text("Rows are the truth")


def test_no_page_of_the_guide_needs_what_the_policy_refuses():
    pages = sorted(Path(GUIDE).rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        text = page.read_text()
        assert re.findall(r"<script(?![^>]*\b(?:src|type)=)[^>]*>", text) == [], page
        assert re.findall(r"<[^>]+\son[a-z]+=", text) == [], page
        assert re.findall(r"""(?:src|href)=["']?(?:https?:)?//[^"'\s>]+""", text) == [], page
