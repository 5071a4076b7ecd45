"""Drawing with real pointer events: every tool, undo across a reload, two people at one shape, GeoJSON."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import Visitor
from tests.e2e.conftest import import_plain_slide, import_slide, make_project, wait_for
from tests.material import write_plain_slide

pytestmark = pytest.mark.browser

LABELS = {"Tumour": "#d55e00", "Stroma": "#0072b2"}


@pytest.fixture(scope="module")
def drawing_room(installation, data):
    """A project with a real slide; return the ids of both."""
    project = make_project(installation, "Drawing", LABELS)["id"]
    slide = import_slide(installation, data / "slides" / "cmu-1-small-region.svs", project)
    return project, slide


@pytest.fixture
def board(visit, drawing_room, installation) -> Visitor:
    """Open an empty slide for an annotator."""
    project, slide = drawing_room
    client = installation.client("manager")
    old = client.get(f"/slides/{slide}/annotations").json()["results"]
    changes = [{"op": "delete", "id": row["id"], "revision": row["revision"]} for row in old]
    if changes:
        answer = client.post(f"/slides/{slide}/annotations/batch", json={"changes": changes})
        assert answer.status_code == 200, answer.json()
    annotator = visit("annotator")
    annotator.arrive()
    annotator.open_slide(project, slide)
    return annotator


def stored(installation, slide: str) -> dict[str, dict]:
    rows = installation.client("annotator").get(f"/slides/{slide}/annotations").json()["results"]
    return {row["id"]: row for row in rows}


def areas(board: Visitor, count: int, before: list[float] | None = None) -> list[float]:
    """Return the sizes in the list, the newest first, once there are so many and they have changed."""
    expect(board.rows).to_have_count(count)

    def changed():
        listed = [float(text.split()[1].replace(",", "")) for text in board.sizes()]
        return listed if len(listed) == count and listed != before else None

    return wait_for(changed)


def test_every_tool_draws_what_the_hand_does(board, installation, drawing_room):
    board.press("1")
    for tool, path in {
        "rectangle": [(300, 300), (700, 600)],
        "ellipse": [(900, 300), (1300, 600)],
        "freehand": [(300, 800), (700, 800), (700, 1100), (300, 1100), (300, 810)],
        "brush": [(1000, 900), (1300, 900)],
    }.items():
        board.take(tool)
        board.drag(*path)
    board.take("polygon")
    board.click((300, 1300), (700, 1300), (700, 1600), (300, 1600))
    board.press("Enter")
    board.take("point")
    board.click((1500, 400))
    board.take("ruler")
    board.click((900, 1300), (1300, 1600))
    board.press("Enter")
    expect(board.rows).to_have_count(7)
    board.save()
    rows = stored(installation, drawing_room[1])
    shapes = {row["shape"]: row for row in rows.values()}
    assert set(shapes) == {"rectangle", "ellipse", "freehand", "brush", "polygon", "point", "line"}
    mpp2 = 0.499**2
    assert shapes["rectangle"]["area_px"] == pytest.approx(400 * 300, rel=0.02)
    assert shapes["ellipse"]["area_px"] == pytest.approx(3.1416 * 200 * 150, rel=0.02)
    assert shapes["polygon"]["area_px"] == pytest.approx(400 * 300, rel=0.02)
    assert shapes["freehand"]["area_px"] == pytest.approx(400 * 300, rel=0.05)
    assert shapes["line"]["length_px"] == pytest.approx(500, rel=0.02)
    # Sizes are told in µm: the ruler's length, and the polygon's area below it.
    assert board.sizes()[0] == "Line 250 µm"
    polygon = float(board.sizes()[2].split()[1].replace(",", ""))
    assert polygon == pytest.approx(400 * 300 * mpp2, rel=0.02)


def test_the_brush_adds_and_the_eraser_takes_away(board):
    board.press("1", "b")
    board.drag((600, 600), (1000, 600))
    [first] = areas(board, 1)
    board.drag((1000, 600), (1000, 900))
    [more] = areas(board, 1, [first])
    assert more > first * 1.3
    board.page.keyboard.down("Alt")
    board.drag((800, 500), (800, 700))
    board.page.keyboard.up("Alt")
    [less] = areas(board, 1, [more])
    assert less < more
    board.press("x")
    board.drag((1000, 800), (1000, 850))
    [least] = areas(board, 1, [less])
    assert least < less
    # Another label begins another shape, and what was drawn keeps its own.
    board.press("2", "b")
    board.drag((1000, 700), (1000, 720))
    expect(board.rows).to_have_count(2)
    assert [text.split()[0] for text in board.sizes()] == ["Stroma", "Tumour"]


def test_shapes_are_moved_merged_cut_and_simplified(board, installation, drawing_room):
    board.press("1", "r")
    board.drag_box(400, 400, 400, 400)
    board.drag_box(700, 400, 400, 400)
    [second, first] = areas(board, 2)
    assert second == pytest.approx(first, rel=0.02)
    board.press("Control+a")
    board.see("chosen-edit-merge").click()
    assert areas(board, 1)[0] == pytest.approx(first * 7 / 4, rel=0.03)
    board.press("k")
    board.click((600, 300), (600, 900))
    board.press("Enter")
    halves = areas(board, 2)
    assert sum(halves) == pytest.approx(first * 7 / 4, rel=0.03)
    board.press("v", "Escape")
    board.click((900, 600))
    board.drag((1100, 800), (1300, 1000))
    grown = max(areas(board, 2, halves))
    assert grown > first * 1.25
    board.drag((900, 600), (900, 800))
    assert max(areas(board, 2)) == pytest.approx(grown, rel=0.01)
    # A hole: the smaller is taken out of the larger, which stays one shape with a ring inside.
    board.press("r")
    board.drag_box(800, 750, 100, 100)
    board.press("v", "Escape")
    board.click((1000, 750))
    board.page.keyboard.down("Shift")
    board.click((850, 800))
    board.page.keyboard.up("Shift")
    board.press("Shift+D")
    board.press("Escape")
    board.save()
    rings = [row["geometry"]["coordinates"] for row in stored(installation, drawing_room[1]).values()]
    assert max(len(ring) for ring in rings) == 2
    board.press("Control+a", "Delete")
    expect(board.rows).to_have_count(0)
    board.press("Control+z")
    expect(board.rows).to_have_count(3)


def test_undo_and_redo_survive_a_reload(board):
    board.press("1", "r")
    board.drag_box(400, 400, 300, 300)
    board.press("e")
    board.drag_box(900, 400, 300, 300)
    board.save()
    board.page.reload()
    board.wait_for_slide()
    expect(board.rows).to_have_count(2)
    board.press("Control+z")
    expect(board.rows).to_have_count(1)
    board.press("Control+z")
    expect(board.rows).to_have_count(0)
    board.press("Control+Shift+z", "Control+Shift+z")
    expect(board.rows).to_have_count(2)
    board.expect_saved()


def test_unsent_changes_are_kept_and_sent_later(board, installation, drawing_room):
    board.press("1", "r")
    board.context.set_offline(True)
    board.drag_box(400, 400, 300, 300)
    expect(board.see("autosave-state")).to_have_attribute("data-state", "offline")
    assert stored(installation, drawing_room[1]) == {}
    board.context.set_offline(False)
    board.expect_saved()
    assert len(stored(installation, drawing_room[1])) == 1
    # Without a connection requests and tiles fail; nothing else may.
    expected = ("ERR_INTERNET_DISCONNECTED", "Image load aborted")
    board.complaints[:] = [text for text in board.complaints if not any(part in text for part in expected)]


@pytest.mark.parametrize("choice", ["Keep mine", "Keep the other version"])
def test_two_tabs_at_one_shape_are_asked_which_to_keep(board, installation, drawing_room, choice):
    project, slide = drawing_room
    board.refusals.add(409)
    board.press("1", "r")
    board.drag_box(400, 400, 300, 300)
    board.save()
    other = board.new_tab()
    board.open_slide(project, slide, other)
    expect(other.get_by_test_id("annotation-row")).to_have_count(1)
    # A tab takes up at once what another one saves, but not into a shape that is selected.
    other.get_by_test_id("tool-select").click()
    other.mouse.click(*board.place(500, 500, other))
    expect(other.get_by_test_id("annotation-row")).to_have_attribute("aria-selected", "true")
    board.press("v")
    board.drag((700, 700), (900, 900))
    board.save()
    board.drag((700, 700), (1000, 1000), page=other)
    expect(other.get_by_test_id("autosave-state")).to_have_attribute("data-state", "conflict")
    dialog = other.get_by_role("dialog")
    expect(dialog).to_contain_text("You, in another window, changed this annotation")
    dialog.get_by_role("button", name=choice).click()
    board.expect_saved(other)
    [row] = stored(installation, slide).values()
    side = 600 if choice == "Keep mine" else 500
    assert row["area_px"] == pytest.approx(300 * side, rel=0.2)
    corner = max(x for x, _ in row["geometry"]["coordinates"][0])
    assert corner == pytest.approx(400 + side, abs=6)


def test_geojson_goes_in_and_out_through_the_screen(board, data, tmp_path):
    ring = [[100, 100], [500, 100], [500, 500], [100, 500], [100, 100]]
    hole = [[200, 200], [300, 200], [300, 300], [200, 300], [200, 200]]
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring, hole]},
        "properties": {
            "objectType": "annotation",
            "classification": {"name": "Tumour", "color": [200, 0, 0]},
        },
    }
    path = tmp_path / "qupath.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    board.see("viewer-menu").click()
    with board.page.expect_file_chooser() as chooser:
        board.page.get_by_role("menuitem", name="Import shapes").click()
    chooser.value.set_files(path)
    board.see("start-import").click()
    assert areas(board, 1)[0] == pytest.approx((160_000 - 10_000) * 0.499**2, rel=0.01)
    board.see("viewer-menu").click()
    with board.page.expect_download() as download:
        board.page.get_by_role("menuitem", name="Export GeoJSON").click()
    [written] = json.loads(download.value.path().read_text())["features"]
    assert len(written["geometry"]["coordinates"]) == 2
    assert written["properties"]["classification"]["name"] == "Tumour"


def test_the_list_filters_and_jumps_and_a_region_is_declared_finished(board):
    board.press("1", "r")
    board.drag_box(300, 300, 200, 200)
    board.press("2")
    board.drag_box(1500, 2400, 300, 300)
    board.page.get_by_role("textbox", name="Filter").fill("tumo")
    expect(board.rows).to_have_count(1)
    before = board.place(400, 400)
    board.rows.first.click()
    stage = board.see("viewer-canvas").bounding_box()
    board.page.wait_for_function(
        """([x, y, cx, cy]) => {
          const [sx, sy] = window.coverslip.imageToScreen(x, y);
          return Math.hypot(sx - cx, sy - cy) < 4;
        }""",
        arg=[400, 400, stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2],
    )
    assert board.place(400, 400) != before
    board.press("0", "g")
    board.page.wait_for_function("() => window.coverslip.imageToScreen(0, 2900)[1] < innerHeight")
    board.click((200, 200), (600, 200), (600, 600), (200, 600))
    board.press("Enter")
    expect(board.see("region-row")).to_have_count(1)
    board.page.get_by_role("button", name="Reopen region").click()
    expect(board.see("region-row")).to_have_count(0)


def test_the_view_is_turned_zoomed_and_shared_by_a_link(board, drawing_room):
    page = board.page
    page.get_by_role("button", name="10×", exact=True).click()
    expect(board.see("zoom-power")).to_have_text("10.0×")
    board.see("view-rotateRight").click()
    expect(board.see("rotation")).to_have_text("15°")
    page.get_by_role("tab", name="Image").click()
    for name in ("Brightness", "Contrast", "Gamma"):
        slider = page.get_by_role("slider", name=name)
        slider.focus()
        slider.press("ArrowRight")
        expect(slider).to_have_attribute("aria-valuenow", "1.05")
    page.wait_for_url("**rot=15**")
    here = [board.place(0, 0), board.place(1000, 1000)]
    board.see("share-view").click()
    link = page.evaluate("() => navigator.clipboard.readText()")
    assert "zoom=" in link
    other = board.new_tab()
    other.goto(link)
    board.wait_for_slide(other)
    expect(other.get_by_test_id("rotation")).to_have_text("15°")
    expect(other.get_by_test_id("zoom-power")).to_have_text("10.0×")
    there = [board.place(0, 0, other), board.place(1000, 1000, other)]
    for a, b in zip(here, there, strict=True):
        assert a == pytest.approx(b, abs=3)
    box = other.get_by_test_id("viewer-canvas").bounding_box()
    other.mouse.move(box["x"] + 300, box["y"] + 300)
    expect(other.get_by_test_id("coordinates")).to_contain_text("x ")


def test_a_slide_is_in_progress_from_the_first_shape(visit, installation, tmp_path):
    write_plain_slide(tmp_path / "plain.tif", 1024)
    project = make_project(installation, "Progress", LABELS)["id"]
    import_plain_slide(installation, tmp_path / "plain.tif", project)
    annotator = visit("annotator")
    annotator.arrive(f"/projects/{project}")
    card = annotator.see("slide-card")
    expect(card).to_contain_text("New")
    card.get_by_role("link").click()
    annotator.wait_for_slide()
    annotator.press("1")
    annotator.take("rectangle")
    annotator.drag((300, 300), (700, 600))
    annotator.save()
    annotator.page.get_by_role("link", name="Back to the slides").click()
    expect(card).to_contain_text("In progress")
