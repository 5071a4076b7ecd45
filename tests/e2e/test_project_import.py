"""Import of a project's export on its settings page; a stack opens in its middle plane."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from playwright.sync_api import expect

from tests.e2e.accessibility.checks import arrive, settle, violations
from tests.e2e.conftest import import_plain_slide, make_project
from tests.e2e.test_imports import feature, square
from tests.material import write_plain_slide

pytestmark = pytest.mark.browser

SIDE = 1024


def shot(page, name):
    """Save a picture of the page where ``SHOTS`` names a folder."""
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


@pytest.fixture(scope="module")
def project(installation, tmp_path_factory):
    path = tmp_path_factory.mktemp("slides") / "biopsy.tif"
    write_plain_slide(path, SIDE)
    made = make_project(installation, "Whole project", {"Tumour": "#d9480f"})["id"]
    import_plain_slide(installation, path, made)
    return made


def packed(path, **files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, rows in files.items():
            archive.writestr(f"{name}.geojson", json.dumps({"type": "FeatureCollection", "features": rows}))
    return path


@pytest.mark.parametrize(("theme", "language"), [("light", "en"), ("dark", "zh-CN")])
def test_the_export_of_a_project_is_previewed_and_imported(visit, project, tmp_path, theme, language):
    person = arrive(visit, "manager", theme, language)
    person.page.goto(f"/projects/{project}/settings?tab=export")
    rows = [feature(square(100, 100 if language == "en" else 500), "Tumour"), feature(square(9000, 9000))]
    archive = packed(tmp_path / "annotations.zip", biopsy=rows, stranger=rows)
    with person.page.expect_file_chooser() as chooser:
        person.see("import-project").click()
    chooser.value.set_files(archive)
    expect(person.see("files-left-out")).to_contain_text("stranger.geojson")
    expect(person.see("project-import-slide")).to_have_attribute("data-name", "biopsy")
    settle(person.page)
    assert violations(person.page) == []
    shot(person.page, f"project-preview-{language}")
    person.see("start-project-import").click()
    expect(person.see("project-import-preview")).to_have_count(0)
    expect(person.see("count-created")).to_have_attribute("data-count", "1")
    expect(person.see("count-skipped")).to_have_attribute("data-count", "1")
    settle(person.page)
    assert violations(person.page) == []
    shot(person.page, f"project-result-{language}")


def test_a_stack_opens_in_its_middle_plane_and_the_slider_changes_it(installation, visit, project, tmp_path):
    path = tmp_path / "stack.ome.tif"
    planes = np.stack([np.full((SIDE, SIDE, 3), 60 + 40 * number, np.uint8) for number in range(5)])
    tifffile.imwrite(path, planes, ome=True, photometric="rgb", tile=(256, 256), metadata={"axes": "ZYXS"})
    slide = import_plain_slide(installation, path, project)
    person = visit("manager")
    person.sign_in()
    person.open_slide(project, slide)
    expect(person.see("planes")).to_contain_text("Plane 3 of 5")
    shot(person.page, "plane-middle")
    thumb = person.see("planes").get_by_role("slider")
    thumb.focus()
    with person.page.expect_request(lambda request: "&plane=3" in request.url):
        thumb.press("ArrowRight")
    expect(person.see("planes")).to_contain_text("Plane 4 of 5")
    person.page.wait_for_url("**plane=4**")
    shot(person.page, "plane-next")
