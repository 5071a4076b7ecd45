"""A running installation with plain slides, and a Chromium that pans over them frame by frame."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterator
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
  const rests = missing === 0 && loading === 0 && !document.querySelector(".cs-status .mantine-Loader-root");
  if (!rests) window.restingSince = 0;
  else window.restingSince ||= performance.now();
  return rests && performance.now() - window.restingSince > 500;
}"""

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
class Frames:
    """Milliseconds from frame to frame, of the browser's processor time, and of our script (0: unknown)."""

    whole: float
    processor: float
    work: float


class Rig:
    """One installation; every slide lies in a project of its own."""

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
        """Import a plain slide into a new project; return the address of its page."""
        path = self.folder / f"plain-{side}.tif"
        if not path.exists():
            write_plain_slide(path, side)
        project = self.admin.post("/projects", json={"name": name}).json()["id"]
        slide = import_plain_slide(self.installation, path, project)
        return f"/projects/{project}/slides/{slide}"

    def add(self, kind: str, address: str, count: int) -> dict[str, Any]:
        """Write objects or annotations over a slide; return what was made."""
        return add_material(self.installation, kind, address.rpartition("/")[2], count)

    def frames(self, address: str, side: int, zoom: float, layers: str) -> Frames:
        """Open the middle of a slide and pan there; loading is over before."""
        with self._open(address, side / 2, zoom, layers) as page:
            self.pan(page, OURS, rounds=1)
            page.wait_for_function(SETTLED)
            page.evaluate("() => window.coverslipObjects.resetFrames()")
            found = self.pan(page, OURS)
            work = page.evaluate("() => window.coverslipObjects.frames().work")
        return Frames(found.whole, found.processor, work)

    def pan(self, page: Page, call: str, rounds: int = ROUNDS) -> Frames:
        """Pan there and back with a function of the page; the cheapest of several rounds."""
        found = []
        for _ in range(rounds):
            before = _browser_seconds()
            times = page.evaluate(PAN, [FRAMES, call])
            processor = 1000 * (_browser_seconds() - before) / FRAMES
            # The mean: a frame in which everything is drawn anew counts as what it costs.
            found.append(Frames(statistics.mean(times), processor, 0))
        return Frames(min(each.whole for each in found), min(each.processor for each in found), 0)

    def first_paint(self, address: str, middle: float, zoom: float) -> float:
        """Return the seconds from asking for the objects, the viewer being up, to their whole picture."""
        with self._open(address, middle, zoom, "") as page:
            page.get_by_role("tab", name="Model").click()
            seconds: float = page.evaluate(APPEAR)
        return seconds

    @contextmanager
    def _open(self, address: str, middle: float, zoom: float, layers: str) -> Iterator[Page]:
        """Open a slide in a tab of its own, at rest."""
        page = self._context.new_page()
        page.goto(f"{address}?x={middle:.0f}&y={middle:.0f}&zoom={zoom}&layers={layers}")
        page.wait_for_function("() => window.coverslip?.ready === true && window.coverslipObjects")
        page.wait_for_function(SETTLED)
        yield page
        page.close()


def _browser_seconds() -> float:
    """Return the processor time of all processes of the browsers that this process started."""
    children: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (folder / "stat").read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        children.setdefault(int(fields[1]), []).append(int(folder.name))
        ticks[int(folder.name)] = int(fields[11]) + int(fields[12]) if name.startswith("chrom") else 0
    total, waiting = 0, [os.getpid()]
    while waiting:
        own = waiting.pop()
        total += ticks.get(own, 0)
        waiting += children.get(own, [])
    return total / os.sysconf("SC_CLK_TCK")


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
