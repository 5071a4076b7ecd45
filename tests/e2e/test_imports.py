"""Import of annotations on the screen: a preview with choices, then a result with every excluded row."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.e2e.accessibility.checks import arrive, settle, violations
from tests.e2e.conftest import import_plain_slide, make_project, wait_for
from tests.e2e.test_viewer_hand import shows
from tests.material import write_plain_slide

pytestmark = pytest.mark.browser

SIDE = 1024
TUMOUR = "#d9480f"
IMPORT = re.compile("Import shapes|导入图形")


@pytest.fixture(scope="module")
def place(installation, tmp_path_factory):
    """Import an empty slide; return the project and the slide."""
    path = tmp_path_factory.mktemp("slides") / "plain.tif"
    write_plain_slide(path, SIDE)
    project = make_project(installation, "Imports", {"Tumour": TUMOUR})["id"]
    return project, import_plain_slide(installation, path, project)


@pytest.fixture
def desk(visit, place):
    """Open the slide for a user by name."""

    def open_desk(username):
        visitor = visit(username)
        visitor.sign_in()
        visitor.open_slide(*place)
        return visitor

    return open_desk


def square(x, y, side=60):
    return {"type": "Polygon", "coordinates": [[[x, y], [x + side, y], [x + side, y + side], [x, y]]]}


def feature(geometry, name=None):
    properties = {"classification": {"name": name}} if name else {}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def choose(visitor, path, rows):
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}))
    visitor.see("viewer-menu").click()
    with visitor.page.expect_file_chooser() as chooser:
        visitor.page.get_by_role("menuitem", name=IMPORT).click()
    chooser.value.set_files(path)
    expect(visitor.see("import-preview")).to_be_visible()


def count(visitor, name, number):
    expect(visitor.see(f"count-{name}")).to_have_attribute("data-count", str(number))


def test_a_manager_maps_the_classes_and_reads_what_was_left_out(desk, tmp_path):
    manager = desk("manager")
    rows = [
        feature(square(100, 100), "tumour"), feature(square(300, 100), "Nerve"), feature(square(500, 100)),
        feature(square(5000, 5000), "Nerve"),
        feature({"type": "Polygon", "coordinates": [[[0, 0], [90, 90], [90, 0], [0, 90], [0, 0]]]}),
    ]  # fmt: skip
    path = tmp_path / "shapes.geojson"
    drawn = manager.see("annotation-row")
    before = drawn.count()
    choose(manager, path, rows)
    count(manager, "created", 4)
    count(manager, "skipped", 1)
    # The class that differs in letter case is asked about before anything can be imported.
    expect(manager.see("start-import")).to_be_disabled()
    manager.page.get_by_role("textbox", name="Label for tumour").click()
    manager.page.get_by_role("option", name="Tumour", exact=True).click()
    manager.see("start-import").click()
    expect(manager.see("import-outcome")).to_have_attribute("data-bad", "true")
    count(manager, "created", 4)
    count(manager, "mended", 1)
    expect(manager.see("import-result")).to_contain_text("The shape lies outside the slide.")
    expect(manager.see("import-result")).to_contain_text("New labels: Nerve")
    manager.see("close-import").click()
    # The new label is there without a reload, and so are the shapes; the import is one step of undo.
    expect(manager.page.get_by_role("complementary", name="Side panel")).to_contain_text("Nerve")
    expect(drawn).to_have_count(before + 4)
    choose(manager, path, rows)
    count(manager, "already_there", 4)
    manager.page.get_by_role("button", name="Cancel").click()
    manager.press("Control+z")
    expect(drawn).to_have_count(before)


def test_a_preview_outlines_the_shapes_on_the_slide(desk, tmp_path):
    manager = desk("manager")
    assert not shows(manager, 830, 860, TUMOUR)
    choose(manager, tmp_path / "outlined.geojson", [feature(square(800, 860), "Tumour")])
    wait_for(lambda: shows(manager, 830, 860, TUMOUR))
    manager.page.get_by_role("button", name="Cancel").click()
    wait_for(lambda: not shows(manager, 830, 860, TUMOUR))


def test_an_annotator_is_told_which_class_needs_a_manager_and_imports_the_rest(desk, tmp_path):
    annotator = desk("annotator")
    choose(
        annotator,
        tmp_path / "unknown.geojson",
        [feature(square(100, 400), "Vessel"), feature(square(300, 400))],
    )
    expect(annotator.see("import-class")).to_contain_text("A manager can add it")
    count(annotator, "created", 1)
    annotator.page.get_by_role("textbox", name="Label for Vessel").click()
    annotator.page.get_by_role("option", name="Without label").click()
    count(annotator, "created", 2)
    annotator.see("start-import").click()
    expect(annotator.see("import-outcome")).to_have_attribute("data-bad", "false")
    count(annotator, "created", 2)


def test_a_wrong_scale_is_recognised_and_mended_by_one_click(desk, tmp_path):
    reviewer = desk("reviewer")
    rows = [feature(square(x, y, 200)) for x in (1500, 2500, 3500) for y in (1500, 3500)]
    choose(reviewer, tmp_path / "scale.geojson", rows)
    expect(reviewer.see("placement-warning")).to_contain_text("Wrong slide or wrong scale?")
    reviewer.see("apply-scale").click()
    expect(reviewer.see("placement-warning")).to_have_count(0)
    count(reviewer, "created", 6)


@pytest.mark.parametrize(("theme", "language"), [("light", "en"), ("dark", "zh-CN")])
def test_an_object_set_has_its_classes_mapped_and_its_rows_reported(visit, place, tmp_path, theme, language):
    """Axe reports no violation on the preview and the result, in both themes and languages."""
    person = arrive(visit, "manager", theme, language)
    person.open_slide(*place)
    name = f"Duct {language}"
    rows = [feature(square(100, 700), name), feature(square(300, 700)), feature(square(9000, 9000), name)]
    choose(person, tmp_path / "objects.geojson", rows)
    settle(person.page)
    assert violations(person.page) == []
    person.see("import-dialog").get_by_role("radio").nth(2).check()
    # The preview as objects offers one choice more, which moves those below it.
    expect(person.see("start-import")).to_be_enabled()
    own = person.see("import-class").get_by_role("textbox")
    own.click()
    options = person.page.get_by_role("option")
    options.filter(has_text=f"{name}").last.click()
    settle(person.page)
    assert violations(person.page) == []
    expect(person.see("start-import")).to_be_enabled()
    person.see("start-import").click()
    expect(person.see("import-outcome")).to_have_attribute("data-bad", "true", timeout=60_000)
    count(person, "created", 2)
    count(person, "skipped", 1)
    expect(person.see("import-result")).to_contain_text(name)
    expect(person.see("import-rows").locator("tbody tr")).to_have_count(1)
    settle(person.page)
    assert violations(person.page) == []
