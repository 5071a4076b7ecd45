"""A fluorescence slide in a real browser: colours on the screen match the channel panel."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.e2e.conftest import import_slide, make_project, wait_for

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def fluorescence(installation, tmp_path_factory):
    """Import a slide with DAPI in the left half and CD3 in the right one; return the URL of the viewer."""
    path = tmp_path_factory.mktemp("fluorescence") / "two.ome.tif"
    planes = np.full((2, 1024, 1024), 100, np.uint16)
    planes[0, :, :512] = 4000
    planes[1, :, 512:] = 3000
    names = {"axes": "CYX", "Channel": {"Name": ["DAPI", "CD3"]}}
    tifffile.imwrite(path, planes, ome=True, tile=(256, 256), photometric="minisblack", metadata=names)
    project = make_project(installation, "Fluorescence", {"T cell": "#d55e00"})["id"]
    slide = import_slide(installation, path, project)
    return f"/projects/{project}/slides/{slide}"


@pytest.fixture
def page(visit, fluorescence):
    annotator = visit("annotator")
    annotator.arrive(fluorescence)
    return annotator.page


def colours(page) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean colour left and right of the middle of the slide."""
    picture = page.get_by_test_id("viewer-canvas").screenshot()
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)
    middle = pixels.shape[1] // 2
    row = pixels[pixels.shape[0] // 2]
    return row[middle - 120 : middle - 60].mean(axis=0), row[middle + 60 : middle + 120].mean(axis=0)


def near(colour: np.ndarray, expected: tuple[int, int, int]) -> bool:
    return bool(np.abs(colour - expected).max() < 24)


def test_channels_are_chosen_coloured_and_shared_by_link(page):
    panel = page.get_by_test_id("channels")
    panel.wait_for()
    assert panel.get_by_text("DAPI").is_visible()
    blue, green, black = (0x3B, 0x6B, 0xFF), (0x00, 0xD2, 0x6A), (0, 0, 0)
    wait_for(lambda: near(colours(page)[0], blue) and near(colours(page)[1], green))

    panel.get_by_role("button", name="Show DAPI").click()
    wait_for(lambda: near(colours(page)[0], black) and near(colours(page)[1], green))

    panel.get_by_role("button", name="Colour of CD3").click()
    page.get_by_role("button", name="#ff3b30").click()
    page.keyboard.press("Escape")
    red = (0xFF, 0x3B, 0x30)
    wait_for(lambda: near(colours(page)[1], red))

    # What is at full strength is chosen with the keys of the slider's right thumb.
    thumb = panel.get_by_role("slider", name="CD3: shown at full strength")
    thumb.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    wait_for(lambda: 0.8 * 255 < colours(page)[1][0] < 0.95 * 255)

    # Asked of the page itself: what the driver knows of the address is as old as its last message.
    wait_for(lambda: "channels=" in page.evaluate("location.href"))
    page.goto(page.evaluate("location.href"))
    panel.wait_for()
    wait_for(lambda: near(colours(page)[0], black))
    assert panel.get_by_role("button", name="Show DAPI").get_attribute("aria-pressed") == "false"
    panel.get_by_role("button", name="As imported").click()
    wait_for(lambda: near(colours(page)[0], blue) and near(colours(page)[1], green))
