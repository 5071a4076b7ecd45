"""A user before a real Chromium: signs in, draws with the pointer, and fails on errors of the page."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import PASSWORD, Installation, wait_for

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    # Pages are drawn by the processor itself, twice as fast as by a graphics card that it imitates; WebGL
    # needs the imitation.
    "--disable-gpu-rasterization",
    "--disable-gpu-compositing",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A busy machine must not fail a test: what is waited for comes much sooner.
PATIENCE_MS = 60_000
JOB_PATIENCE_MS = 180_000

# A refused request is told by its response, with its address and status. OpenSeadragon tells of tiles that
# came after the person had gone on to the next slide. The driver tells that a WebGL picture is read back,
# which is how pages get it without a graphics card.
HARMLESS = ("Failed to load resource", "loaded before reset", "GPU stall due to ReadPixels")

expect.set_options(timeout=PATIENCE_MS)


def find_chromium() -> str:
    """Return the browser's path. Without one the test is skipped, but fails where CI is set."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    if Path(path).exists():
        return path
    message = f"there is no Chromium at {path} (name it with CHROMIUM)"
    if os.environ.get("CI"):
        pytest.fail(message)
    return pytest.skip(message)


class Visitor:
    """One user in one tab of a separate browser."""

    def __init__(
        self,
        browser: Browser,
        installation: Installation,
        username: str,
        *,
        size: tuple[int, int] = (1440, 900),
        theme: str = "light",
        language: str = "en",
    ) -> None:
        self.installation = installation
        self.username = username
        self.context = browser.new_context(
            base_url=installation.address,
            viewport={"width": size[0], "height": size[1]},
            color_scheme=theme,
            locale=language,
            permissions=["clipboard-read", "clipboard-write"],
        )
        self.complaints: list[str] = []
        self.refusals: set[int] = set()
        self.has_chosen_layers = False
        self.page = self.new_tab()

    def new_tab(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        page.on("console", self._mind_console)
        page.on("response", self._mind_response)
        page.on("requestfailed", self._mind_failure)
        return page

    def _mind_console(self, message) -> None:
        if message.type in ("error", "warning") and not any(known in message.text for known in HARMLESS):
            self.complaints.append(f"console {message.type}: {message.text}")

    def _mind_response(self, response) -> None:
        if response.url.endswith("/session/preferences") and "shown_layers" in response.request.post_data:
            self.has_chosen_layers = True
        if response.status >= 400 and response.status not in self.refusals:
            self.complaints.append(f"{response.status} {response.request.method} {response.url}")

    def _mind_failure(self, request) -> None:
        # A page that is left gives up its tiles and its stream of events.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"failed: {request.url} {request.failure}")

    def leave(self) -> None:
        """Close the browser and fail if the page logged an error."""
        self.context.close()
        if self.has_chosen_layers:
            # The next test finds the person as if they had chosen nothing.
            first = {"shown_layers": ["annotations"]}
            self.installation.client(self.username).patch("/session/preferences", json=first)
        assert not self.complaints, self.complaints

    # Finding things

    def see(self, test_id: str) -> Locator:
        return self.page.get_by_test_id(test_id)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    # Ways

    def sign_in(self, path: str = "/") -> None:
        self.page.goto(path)
        self.see("sign-in-username").fill(self.username)
        self.see("sign-in-password").fill(PASSWORD)
        self.see("sign-in-submit").click()
        expect(self.see("user-menu")).to_be_visible()

    def arrive(self, path: str = "/") -> None:
        """Open a page as a user who has signed in before."""
        session = self.installation.client(self.username).cookies.jar
        address = self.installation.address
        self.context.add_cookies([{"name": c.name, "value": c.value, "url": address} for c in session])
        self.page.goto(path)

    def open_slide(self, project: str, slide: str, page: Page | None = None, query: str = "") -> None:
        page = page or self.page
        page.goto(f"/projects/{project}/slides/{slide}{query}")
        self.wait_for_slide(page)

    def wait_for_slide(self, page: Page | None = None) -> None:
        (page or self.page).wait_for_function("() => window.coverslip?.ready === true")

    # The hand on the slide

    def place(self, x: float, y: float, page: Page | None = None) -> tuple[float, float]:
        """Return the screen position of a place of the slide (level-0 pixels)."""
        screen = (page or self.page).evaluate("([x, y]) => window.coverslip.imageToScreen(x, y)", [x, y])
        return screen[0], screen[1]

    def drag(self, *path: tuple[float, float], page: Page | None = None, steps: int = 4) -> None:
        """Press at the first place, move along the others, release at the last."""
        page = page or self.page
        places = [self.place(x, y, page) for x, y in path]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=steps)
        page.mouse.up()

    def drag_box(self, left: float, top: float, width: float, height: float) -> None:
        self.drag((left, top), (left + width, top + height))

    def click(self, *places: tuple[float, float], **options) -> None:
        for x, y in places:
            self.page.mouse.click(*self.place(x, y), **options)

    def take(self, tool: str) -> None:
        self.see(f"tool-{tool}").click()
        expect(self.see(f"tool-{tool}")).to_have_attribute("aria-pressed", "true")

    # What is drawn

    @property
    def rows(self) -> Locator:
        return self.see("annotation-row")

    def sizes(self) -> list[str]:
        """Return the rows of the annotation list as text, the newest first, once all of them are rendered."""

        def written():
            texts = self.rows.all_inner_texts()
            return all(texts) and [re.sub(r"\s+", " ", text) for text in texts]

        return wait_for(written)

    def expect_saved(self, page: Page | None = None) -> None:
        expect((page or self.page).get_by_test_id("autosave-state")).to_have_attribute("data-state", "saved")

    def save(self) -> None:
        """Save the drawn shapes now, and wait for the confirmation."""
        self.press("Control+s")
        self.expect_saved()
