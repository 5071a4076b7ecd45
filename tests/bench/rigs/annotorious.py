"""The peer of ``render.annotorious``: its page is installed and built here, for the benchmark alone."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, Route

from tests.bench.harness import ROOT

FOLDER = ROOT / "tests" / "bench" / "annotorious"
ADDRESS = "http://peer.invalid/"


def build_page() -> None:
    """Install the packages of the lock file and bundle the page, once."""
    if not (FOLDER / "node_modules").is_dir():
        subprocess.run(["npm", "ci", "--silent"], cwd=FOLDER, check=True)
    if not (FOLDER / "dist" / "page.js").exists():
        subprocess.run(["npm", "run", "--silent", "build"], cwd=FOLDER, check=True)


def _tile() -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((512, 512, 3), (226, 198, 218), dtype=np.uint8)).save(out, "JPEG")
    return out.getvalue()


def open_peer(browser: Browser, view: dict[str, int], side: int, shapes: list[dict[str, Any]]) -> Page:
    """Open the page with shapes (label, points in level-0 pixels) on a plain slide of ``side`` pixels."""
    build_page()
    tile = _tile()
    files = {"": FOLDER / "index.html", "page.js": FOLDER / "dist" / "page.js"}

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(ADDRESS)
        if name == "tile.jpg":
            route.fulfill(body=tile, content_type="image/jpeg")
        elif name in files:
            route.fulfill(path=Path(files[name]))
        else:
            route.fulfill(status=404)

    page: Page = browser.new_context(viewport=view).new_page()
    page.route(f"{ADDRESS}**", answer)
    page.goto(ADDRESS)
    page.evaluate("([side, shapes]) => window.start(side, shapes)", [side, shapes])
    return page
