"""Check every page with axe, in both themes and languages, for each role; at 1024 px nothing is cut off."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.accessibility.checks import arrive, cut_off, missing_texts, open_page, settle, violations

pytestmark = pytest.mark.browser

LOOKS = [("light", "en"), ("dark", "zh-CN")]


# A manager's pages contain those of the others, which differ by what is left out.
@pytest.mark.parametrize(
    ("role", "theme", "language"),
    [("annotator", *LOOKS[0]), ("reviewer", *LOOKS[1]), ("manager", *LOOKS[0]), ("manager", *LOOKS[1])],
)
def test_every_page_is_readable_and_nothing_is_cut_off_at_1024_pixels(visit, place, role, theme, language):
    person = arrive(visit, role, theme, language)
    problems = {}
    for path in place.pages(role):
        person.page.set_viewport_size({"width": 1440, "height": 900})
        open_page(person, path)
        problems[path] = [*violations(person.page), *missing_texts(person.page, language)]
        person.page.set_viewport_size({"width": 1024, "height": 768})
        settle(person.page)
        problems[path] += cut_off(person.page)
    assert {path: rows for path, rows in problems.items() if rows} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_the_sign_in_page(visit, place, theme):
    person = visit("annotator", theme=theme)
    person.page.goto("/sign-in")
    expect(person.see("sign-in-username")).to_be_visible()
    settle(person.page)
    assert violations(person.page) == []


def test_too_many_wrong_passwords_are_explained_in_a_readable_sentence(visit):
    person = visit("annotator", size=(1024, 768))
    person.refusals |= {401, 429}
    person.page.goto("/sign-in")
    person.see("sign-in-username").fill("nobody")
    alert = person.page.get_by_role("alert")
    for number in range(6):
        person.see("sign-in-password").fill(f"guess {number}")
        with person.page.expect_response("**/api/v1/session"):
            person.press("Enter")
        expect(alert).to_contain_text("User name or password is wrong.")
    expect(alert).to_contain_text("the right password still works, but wait 15 min before you guess again")
    for theme in ("light", "dark"):
        person.page.emulate_media(color_scheme=theme)
        settle(person.page)
        assert [*violations(person.page), *cut_off(person.page)] == []


AZERTY = [("&", "Digit1", False, 0), ("1", "Digit1", True, 0), ("\u00e9", "Digit2", False, 1)]


@pytest.mark.parametrize(("key", "code", "shift", "number"), AZERTY)
def test_a_label_is_chosen_by_the_physical_digit(visit, place, key, code, shift, number):
    person = arrive(visit, "annotator", "light", "en")
    person.open_slide(place.project, place.slide)
    other = 1 - number
    person.see(f"label-{other + 1}").click()
    expect(person.see(f"label-{other + 1}")).to_have_attribute("aria-pressed", "true")
    press = "(event) => window.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, ...event }))"
    person.page.evaluate(press, {"key": key, "code": code, "shiftKey": shift})
    expect(person.see(f"label-{number + 1}")).to_have_attribute("aria-pressed", "true")
