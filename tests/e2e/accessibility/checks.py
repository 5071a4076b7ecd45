"""Checks of a screen: axe-core, controls out of reach, words that are cut.

axe-core (MPL-2.0) is a development dependency of the front end. These tests alone load it into the page:
it is no part of the product.
"""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.browser import Visitor

AXE = Path(__file__).resolve().parents[3] / "frontend/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]

SETTLED = """() =>
  document.querySelectorAll('.mantine-Skeleton-root[data-visible]').length === 0 &&
  document.getAnimations().every((each) =>
    each.playState !== 'running' || each.effect?.getTiming().iterations === Infinity)"""

# A text that is missing shows its own key.
KEY_OF_TEXT = re.compile(r"\b[a-z]+[A-Za-z]*\.[a-z]+[A-Za-z.]*[A-Z][A-Za-z]*\b")

# Rows as "rule: element: html reasons"; within a part of the page or in all of it.
VIOLATIONS = """async ([rules, part]) => {
  const where = part === null ? document : { include: [part] };
  const { violations } = await axe.run(where, { runOnly: rules, resultTypes: ['violations'] });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.target.join(' ')}: ${node.html.slice(0, 200)} ${
      node.any.concat(node.all).map((check) => check.message).join(' ').slice(0, 200)}`));
}"""

CUT_OFF = """() => {
  const page = document.documentElement;
  const scrolls = (e, axis) => {
    const style = getComputedStyle(e);
    const isLonger = axis === 'X' ? e.scrollWidth > e.clientWidth : e.scrollHeight > e.clientHeight;
    return isLonger && /auto|scroll/.test(style['overflow' + axis]);
  };
  const clips = (e, axis) => /hidden|clip/.test(getComputedStyle(e)['overflow' + axis]);
  const isReachable = (control, axis) => {
    const [start, end] = axis === 'X' ? ['left', 'right'] : ['top', 'bottom'];
    const box = control.getBoundingClientRect();
    for (let at = control.parentElement; at && at !== document.body; at = at.parentElement) {
      if (scrolls(at, axis)) return true;
      const edge = at.getBoundingClientRect();
      if (clips(at, axis) && (box[start] < edge[start] - 1 || box[end] > edge[end] + 1)) return false;
      if (getComputedStyle(at).position === 'fixed') break;
    }
    if (axis === 'Y' && page.scrollHeight > page.clientHeight) return true;
    return box[start] >= -1 && box[end] <= (axis === 'X' ? innerWidth : innerHeight) + 1;
  };
  const kinds = 'button, a, input, select, textarea, [role=slider], [role=tab]';
  const controls = [...document.querySelectorAll(kinds)];
  const isSeen = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const seen = controls.filter((e) => isSeen(e) && e.getBoundingClientRect().width > 1 &&
    !e.closest('[aria-hidden=true]') && !e.matches('a[href="#content"]'));
  const lost = seen.filter((e) => !isReachable(e, 'X') || !isReachable(e, 'Y'))
    .map((e) => e.outerHTML.slice(0, 160));
  return page.scrollWidth > innerWidth ? [`the page is ${page.scrollWidth} wide`, ...lost] : lost;
}"""


# Words of controls that do not fit: clipped by their own box, or by the field that holds them.
CUT_WORDS = """(part) => {
  const pen = document.createElement('canvas').getContext('2d');
  const isSeen = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const isCut = (e) => {
    const style = getComputedStyle(e);
    if (e.matches('input')) {
      const written = e.value || e.placeholder;
      pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
      const room = e.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
      return pen.measureText(written).width > room + 1;
    }
    return /hidden|clip/.test(style.overflowX) && e.scrollWidth > e.clientWidth + 1;
  };
  const kinds = 'button, a, label, th, [role=tab], [role^=menuitem], [role=option], .mantine-Badge-root';
  const controls = [...document.querySelectorAll(`${part} :is(${kinds})`)].filter(isSeen);
  const worded = controls.flatMap((e) => [e, ...e.querySelectorAll('*')]).filter((e) =>
    e.textContent.trim() !== '' && !e.closest('.mantine-VisuallyHidden-root'));
  const typed = [':not([type])', '[type=text]', '[type=search]', '[type=password]', '[type=number]'];
  const fields = [...document.querySelectorAll(`${part} input:is(${typed})`)].filter(isSeen);
  const cut = [...new Set(worded), ...fields].filter(isCut);
  return cut.map((e) => `cut: ${e.value || e.placeholder || e.textContent}`);
}"""


def arrive(visit, username: str, theme: str, language: str, size: tuple[int, int] = (1440, 900)) -> Visitor:
    """Open a browser with this theme and language, without changing the user's preferences.

    The theme "auto" is that of the browser, which ``Page.emulate_media`` changes.
    """
    scheme = "light" if theme == "auto" else theme
    person = visit(username, size=size, theme=scheme, language=language)

    def answer_in(route) -> None:
        answer = route.fetch()
        if answer.status == 200 and route.request.method == "GET":
            route.fulfill(response=answer, json={**answer.json(), "language": language, "theme": theme})
        else:
            route.fulfill(response=answer)

    # The page of an unknown address is visited too.
    person.refusals.add(404)
    person.page.route("**/api/v1/session", answer_in)
    person.page.add_init_script(f"localStorage.setItem('coverslip.language', '{language}')")
    person.arrive()
    return person


def settle(page: Page) -> None:
    """Wait until the page has its content and no animation runs."""
    page.wait_for_load_state("domcontentloaded")
    page.wait_for_function(SETTLED)


def open_page(person: Visitor, path: str) -> None:
    person.page.goto(path)
    if "/slides/" in path:
        person.wait_for_slide()
    expect(person.page.get_by_role("heading", level=1).first).to_be_attached()
    expect(person.page.locator(".mantine-Loader-root")).to_have_count(0)
    settle(person.page)


def violations(page: Page, part: str | None = None) -> list[str]:
    """Run axe over the whole document or over one part of it."""
    if not page.evaluate("() => typeof axe === 'object'"):
        page.evaluate(AXE.read_text())
    return page.evaluate(VIOLATIONS, [RULES, part])


def cut_off(page: Page, part: str = "body") -> list[str]:
    """List the controls that are out of reach at this window size, and the words that a part cuts."""
    return [*page.evaluate(CUT_OFF), *page.evaluate(CUT_WORDS, part)]


def missing_texts(page: Page, language: str) -> list[str]:
    """List the texts that the page shows by their key, and its language if it is another one."""
    spoken = page.locator("html").get_attribute("lang")
    other = [] if spoken == language else [f"the page says that it is in {spoken}"]
    return [*other, *KEY_OF_TEXT.findall(page.locator("body").inner_text())]
