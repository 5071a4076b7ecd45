"""A running installation with plain slides, and a Chromium that pans over them frame by frame."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.browser import FLAGS, find_chromium
from tests.e2e.conftest import Installation, add_material, import_plain_slide
from tests.material import write_plain_slide

SIDE = 65_536
VIEW = {"width": 1440, "height": 900}
FRAMES = 60
ROUNDS = 2
# Frames come as fast as they are done, not with a screen's beat, which would hide what they cost. Without a
# graphics card a browser rasterises page and 2D canvases by itself; only WebGL goes through SwiftShader:
# some distributions' start scripts ask for something else.
UNBOUND = [
    "--disable-frame-rate-limit",
    "--disable-gpu-vsync",
    "--disable-gpu-rasterization",
    "--disable-accelerated-2d-canvas",
]
PATIENCE_MS = 120_000
# A hand that drags: pointer events, one a frame, over so many pixels to the right.
DRAGGED = 120
# Screens side by side on a long way over a slide.
ROW = 16
OURS = "coverslipObjects.panBy"

# Moves the view in each frame, 360 pixels there and back; resolves with the milliseconds from frame to frame.
PAN = """([frames, call]) => new Promise((resolve) => {
  const times = [];
  let last = 0;
  const panBy = call.split(".").reduce((owner, name) => owner[name], window);
  const step = (now) => {
    if (last) times.push(now - last);
    last = now;
    if (times.length >= frames) return resolve(times);
    panBy(times.length < frames / 2 ? 12 : -12, times.length < frames / 2 ? 6 : -6);
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""

# Nothing of the view is missing, and no chip turns because something is still loading, for half a second.
SETTLED = """() => {
  const { missing, loading } = window.coverslipObjects.status();
  const waits = document.querySelector("[role=status] .mantine-Loader-root");
  const rests = missing === 0 && loading === 0 && !waits;
  if (!rests) window.restingSince = 0;
  else window.restingSince ||= performance.now();
  return rests && performance.now() - window.restingSince > 500;
}"""

# Notes the time of each frame until told to stop; then resolves with the milliseconds from frame to frame.
RECORD = """() => {
  const times = [];
  let last = 0;
  window.recording = true;
  window.recorded = new Promise((resolve) => {
    const step = (now) => {
      if (!window.recording) return resolve(times);
      if (last) times.push(now - last);
      last = now;
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
}"""
RECORDED = "() => { window.recording = false; return window.recorded; }"

# Resolves with the milliseconds from the next key pressed to the frame after the one that shows what it did.
AFTER_KEY = """() => {
  window.afterKey = new Promise((resolve) => addEventListener("keydown", function pressed({ key }) {
    if (key === "Control") return;
    removeEventListener("keydown", pressed, true);
    const began = performance.now();
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - began)));
  }, true));
}"""

# Moves by so many pixels at once. What rested before says nothing of what comes after.
STEP = "(by) => { window.restingSince = 0; window.coverslipObjects.panBy(...by); }"

# Asks for the objects as a hand does; resolves with the seconds until a frame shows all of them.
APPEAR = """() => new Promise((resolve) => {
  const began = performance.now();
  document.querySelector("[data-testid=suggestions-toggle]").click();
  const look = () => {
    const { wanted, complete } = window.coverslipObjects.status();
    const then = wanted > 0 && complete ? () => resolve((performance.now() - began) / 1000) : look;
    requestAnimationFrame(then);
  };
  look();
})"""


@dataclass(frozen=True)
class Held:
    """Memory in bytes after a number of screens: of tiles by the page, their budget, the whole browser."""

    screens: int
    tiles: int
    budget: int
    browser: int


@dataclass(frozen=True)
class Edits:
    """Milliseconds from frame to frame while a shape is dragged, and from the key of undo to its frame."""

    drag: float
    undo: float


@dataclass(frozen=True)
class Frames:
    """Frame times, processor times of the browser and of our script in milliseconds (0: unknown)."""

    whole: float
    processor: float
    work: float


class Rig:
    """One installation; every slide is in a separate project."""

    def __init__(self, installation: Installation, browser: Browser, folder: Path) -> None:
        self.installation = installation
        self.admin = installation.client("admin")
        self.folder, self.browser = folder, browser
        self._context = browser.new_context(base_url=installation.address, viewport=VIEW)
        self._context.set_default_timeout(PATIENCE_MS)
        session = self.admin.cookies.jar
        address = installation.address
        self._context.add_cookies([{"name": c.name, "value": c.value, "url": address} for c in session])

    def add_slide(self, name: str, side: int = SIDE) -> str:
        """Import a plain slide into a new project; return the URL of its page."""
        path = self.folder / f"plain-{side}.tif"
        if not path.exists():
            write_plain_slide(path, side)
        project = self.admin.post("/projects", json={"name": name}).json()["id"]
        slide = import_plain_slide(self.installation, path, project)
        return f"/projects/{project}/slides/{slide}"

    def add(self, kind: str, address: str, count: int) -> dict[str, Any]:
        """Write objects or annotations over a slide; return the result."""
        return add_material(self.installation, kind, address.rpartition("/")[2], count)

    def frames(self, address: str, side: int, zoom: float, layers: str) -> Frames:
        """Open the middle of a slide and pan there, after loading."""
        with self._open(address, (side / 2, side / 2), zoom, layers) as page:
            self.pan(page, OURS, rounds=1)
            page.wait_for_function(SETTLED)
            page.evaluate("() => window.coverslipObjects.resetFrames()")
            panned = self.pan(page, OURS)
            work = page.evaluate("() => window.coverslipObjects.frames().work")
        return Frames(panned.whole, panned.processor, work)

    def pan(self, page: Page, call: str, rounds: int = ROUNDS) -> Frames:
        """Pan there and back with a function of the page; the cheapest of several rounds."""
        passes = []
        for _ in range(rounds):
            before = _browser_seconds()
            times = page.evaluate(PAN, [FRAMES, call])
            processor = 1000 * (_browser_seconds() - before) / FRAMES
            # The mean: a frame in which everything is drawn anew counts as what it costs.
            passes.append(Frames(statistics.mean(times), processor, 0))
        return Frames(min(each.whole for each in passes), min(each.processor for each in passes), 0)

    def edits(self, address: str, middle: float, zoom: float) -> Edits:
        """Drag the annotation nearest to the middle and undo that, a few times.

        Raises RuntimeError where a move did not reach the server, or its undo did not.
        """
        chosen = self._annotation_near(address.rpartition("/")[2], middle)
        drags, undos = [], []
        with self._open(address, _middle(chosen["geometry"]), zoom, "") as page:
            page.keyboard.press("v")
            for _ in range(ROUNDS + 1):
                x, y = page.evaluate(
                    "(at) => window.coverslip.imageToScreen(...at)", _middle(chosen["geometry"])
                )
                page.mouse.move(x, y)
                page.mouse.down()
                page.mouse.move(x + 8, y)
                page.evaluate(RECORD)
                page.mouse.move(x + DRAGGED, y, steps=FRAMES)
                page.mouse.up()
                drags.append(statistics.mean(page.evaluate(RECORDED)))
                self._expect(page, chosen, moved=True)
                page.evaluate(AFTER_KEY)
                page.keyboard.press("Control+z")
                undos.append(page.evaluate("() => window.afterKey"))
                self._expect(page, chosen, moved=False)
        # The first round warms up, as a first pan does.
        return Edits(min(drags[1:]), min(undos[1:]))

    def memory(self, address: str, middle: float, zoom: float, screens: Sequence[int]) -> Iterator[Held]:
        """Pan screen by screen, each after complete drawing; return the memory at some of them."""
        with self._open(address, (middle, middle), zoom, "suggestions") as page:
            for number in range(max(screens) + 1):
                if number in screens:
                    bytes_held, budget = page.evaluate(
                        "() => { const s = window.coverslipObjects.status(); return [s.bytes, s.budget]; }"
                    )
                    yield Held(number, bytes_held, budget, _browser_memory())
                # One row of screens there, the next one back, so that each is new.
                across = -VIEW["width"] if number // ROW % 2 == 0 else VIEW["width"]
                dx, dy = (0, -VIEW["height"]) if number % ROW == ROW - 1 else (across, 0)
                page.evaluate(STEP, [dx, dy])
                page.wait_for_function(SETTLED)

    def _annotation_near(self, slide: str, middle: float) -> dict[str, Any]:
        near: list[dict[str, Any]] = []
        reach = 256.0
        while not near:
            box = f"{middle - reach},{middle - reach},{middle + reach},{middle + reach}"
            near = self.admin.get(f"/slides/{slide}/annotations", params={"bbox": box}).json()["results"]
            reach *= 2
        return near[0]

    def _expect(self, page: Page, before: dict[str, Any], *, moved: bool) -> None:
        """Wait until the page has saved all changes."""
        page.wait_for_function(
            "() => document.querySelector('[data-testid=autosave-state]').dataset.state === 'saved'"
        )
        now = self.admin.get(f"/annotations/{before['id']}").json()
        if (_middle(now["geometry"]) != _middle(before["geometry"])) is not moved:
            message = f"annotation {before['id']} should {'' if moved else 'not '}have moved"
            raise RuntimeError(message)

    def first_paint(self, address: str, middle: float, zoom: float) -> float:
        """Return the seconds from the request of the objects, in the open viewer, to their picture."""
        with self._open(address, (middle, middle), zoom, "") as page:
            page.get_by_role("tab", name="Model").click()
            seconds: float = page.evaluate(APPEAR)
        return seconds

    @contextmanager
    def _open(self, address: str, middle: tuple[float, float], zoom: float, layers: str) -> Iterator[Page]:
        """Open a slide in a new tab, at rest."""
        page = self._context.new_page()
        page.goto(f"{address}?x={middle[0]:.0f}&y={middle[1]:.0f}&zoom={zoom}&layers={layers}")
        page.wait_for_function("() => window.coverslip?.ready === true && window.coverslipObjects")
        page.wait_for_function(SETTLED)
        yield page
        page.close()


def _middle(geometry: dict[str, Any]) -> tuple[float, float]:
    """Return the centre of a polygon's bounds."""
    xs, ys = zip(*geometry["coordinates"][0], strict=True)
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


def _browser_processes() -> list[tuple[Path, list[str]]]:
    """Return folder and status fields, from the third on, of all processes of our browsers."""
    children: dict[int, list[int]] = {}
    browsers: dict[int, tuple[Path, list[str]]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (folder / "stat").read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        children.setdefault(int(fields[1]), []).append(int(folder.name))
        if name.startswith("chrom"):
            browsers[int(folder.name)] = (folder, fields)
    own, waiting = [], [os.getpid()]
    while waiting:
        process = waiting.pop()
        own.append(process)
        waiting += children.get(process, [])
    return [browsers[process] for process in own if process in browsers]


def _browser_seconds() -> float:
    """Return the processor time of all processes of the browsers that this process started."""
    ticks = sum(int(fields[11]) + int(fields[12]) for _, fields in _browser_processes())
    return ticks / os.sysconf("SC_CLK_TCK")


def _browser_memory() -> int:
    """Return the memory of those processes in bytes, shared memory counted once (PSS)."""
    lines = [(folder / "smaps_rollup").read_text() for folder, _ in _browser_processes()]
    return sum(
        1024 * int(line.split()[1]) for text in lines for line in text.splitlines() if line.startswith("Pss:")
    )


@contextmanager
def rig() -> Iterator[Rig]:
    """Start an installation and a browser for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="coverslip-bench-") as home, sync_playwright() as playwright:
        installation = Installation(Path(home), {})
        installation._environment.pop("DATABASE_URL", None)
        installation.start()
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*FLAGS, *UNBOUND])
        try:
            yield Rig(installation, browser, Path(home))
        finally:
            browser.close()
            installation.stop()
