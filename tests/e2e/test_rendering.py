"""Objects on the screen: exact numbers at every zoom, pixels, picking, filters, verdicts, lasso."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
import shapely
from PIL import Image
from playwright.sync_api import expect
from shapely.geometry import shape

from tests.e2e.browser import Visitor
from tests.e2e.conftest import add_material, import_plain_slide, make_project, wait_for
from tests.material import LABELS, random_shapes, write_plain_slide

pytestmark = pytest.mark.browser

SIDE = 4096
COUNT = 20_000
NAMES = [name for name, _ in LABELS]
NEAR = 2.0
VIEWS = {"far": 0.15, "middle": 0.5, "near": NEAR}
COMPLETE = """() => {
  const status = window.coverslipObjects?.status();
  return status !== undefined && status.wanted > 0 && status.complete && status.loading === 0;
}"""
# Objects by name of the label, over everything that is drawn.
TOTALS = """() => window.coverslipObjects.drawn().reduce((totals, { counts }) => {
  for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count;
  return totals;
}, {})"""


class Truth:
    """The objects written over the slide, recomputed from the same seed."""

    def __init__(self) -> None:
        [batch] = random_shapes(COUNT, SIDE, SIDE, seed=1)
        self.label, self.score = batch["label"], batch["score"]
        # Coordinates are stored in eighths of a pixel.
        self.shapes = np.round(batch["coordinates"] * 8) / 8
        origin = self.shapes[:, :1]
        x, y = np.moveaxis(self.shapes - origin, 2, 0)
        next_x, next_y = np.roll(x, -1, 1), np.roll(y, -1, 1)
        cross = x * next_y - next_x * y
        moments = np.stack([(x + next_x) * cross, (y + next_y) * cross], axis=2).sum(axis=1)
        self.centres = origin[:, 0] + moments / (3 * cross.sum(axis=1))[:, None]
        self.area = np.abs(cross.sum(axis=1)) / 2

    def inside(self, boxes: list[tuple[float, float, float, float]]) -> np.ndarray:
        x, y = self.centres.T
        inside = np.zeros(COUNT, dtype=bool)
        for left, top, right, bottom in boxes:
            inside |= (x >= left) & (x < right) & (y >= top) & (y < bottom)
        return inside

    def by_name(self, chosen: np.ndarray) -> dict[str, int]:
        numbers = np.bincount(self.label[chosen], minlength=len(NAMES)).tolist()
        return {name: number for name, number in zip(NAMES, numbers, strict=True) if number}

    def lonely(self) -> int:
        """Return an object near the middle that touches no other."""
        for one in np.argsort(np.hypot(*(self.centres - SIDE / 2).T))[:500]:
            distance = np.hypot(*(self.centres - self.centres[one]).T)
            if np.sort(distance)[1] > 30:
                return int(one)
        pytest.fail("every object touches another")
        return -1


@pytest.fixture(scope="module")
def truth():
    return Truth()


@pytest.fixture(scope="module")
def covered(installation, tmp_path_factory):
    """Import a plain slide under objects; return the ids of project, slide and object set."""
    path = tmp_path_factory.mktemp("plain") / "plain.tif"
    write_plain_slide(path, SIDE)
    project = make_project(installation, "Rendering", dict(LABELS))["id"]
    slide = import_plain_slide(installation, path, project)
    return project, slide, add_material(installation, "objects", slide, COUNT)["id"]


@pytest.fixture
def look(visit, covered):
    """Show a place of the slide to a reviewer, with its objects complete."""
    reviewer = visit("reviewer")
    reviewer.sign_in()

    def at(x: float = SIDE / 2, y: float = SIDE / 2, zoom: float = NEAR, more: str = "") -> Visitor:
        query = f"?x={x:.0f}&y={y:.0f}&zoom={zoom}&layers=suggestions{more}"
        reviewer.open_slide(*covered[:2], query=query)
        complete(reviewer)
        return reviewer

    return at


def complete(visitor: Visitor) -> None:
    visitor.page.wait_for_function(COMPLETE)
    # What is there is drawn with the next frame, and seen once that is over.
    visitor.page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def drawn_boxes(visitor: Visitor, tile0: float) -> list[tuple[float, float, float, float]]:
    boxes = []
    for tile in visitor.page.evaluate("() => window.coverslipObjects.drawn()"):
        side = tile0 / 2 ** tile["z"]
        left, top = tile["x"] * side, tile["y"] * side
        boxes.append((left, top, left + side, top + side))
    return boxes


def object_set(installation, covered) -> dict:
    return installation.client("reviewer").get(f"/object-sets/{covered[2]}").json()


@pytest.mark.parametrize("name", VIEWS)
def test_drawn_objects_match_the_object_set(look, truth, installation, covered, name):
    tile0 = object_set(installation, covered)["tile0"]
    viewer = look(zoom=VIEWS[name])
    for turned in ("15°", "30°"):
        boxes = drawn_boxes(viewer, tile0)
        expected = truth.by_name(truth.inside(boxes))
        assert viewer.page.evaluate(TOTALS) == expected
        if name == "far":
            assert sum(expected.values()) == COUNT
        viewer.see("view-rotateRight").click()
        expect(viewer.see("rotation")).to_have_text(turned)
        complete(viewer)
    kinds = {tile["kind"] for tile in viewer.page.evaluate("() => window.coverslipObjects.drawn()")}
    assert kinds == ({"shapes"} if name == "near" else {"cells"} if name == "far" else kinds)


def around(viewer: Visitor, x: float, y: float, side: int = 60) -> bytes:
    left, top = viewer.place(x, y)
    clip = {"x": left - side / 2, "y": top - side / 2, "width": side, "height": side}
    return viewer.page.screenshot(clip=clip)


def pixels(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"), dtype=float)


def test_pixels_change_where_an_object_is_and_a_click_means_it(look, truth, covered, installation):
    one = truth.lonely()
    x, y = truth.centres[one].tolist()
    viewer = look(x, y)
    with_objects = around(viewer, x, y)
    hit = viewer.page.evaluate("([x, y]) => window.coverslipObjects.hit(x, y)", [x, y])
    assert hit["kind"] == "object"
    assert hit["name"] == NAMES[truth.label[one]]
    assert hit["score"] == pytest.approx(truth.score[one], abs=1e-6)
    place = {"x": x, "y": y}
    server = installation.client("reviewer").get(f"/object-sets/{covered[2]}/objects/at", params=place)
    assert server.json()["index"] == hit["index"]
    viewer.page.mouse.move(*viewer.place(x, y), steps=2)
    expect(viewer.see("suggestion-tooltip")).to_contain_text(f"{truth.score[one]:.2f}")
    viewer.page.get_by_role("tab", name="Model").click()
    viewer.page.get_by_role("switch", name="Show suggestions").click(force=True)
    expect(viewer.see("suggestion-tooltip")).to_be_hidden()
    assert around(viewer, x, y) != with_objects


def settled(viewer: Visitor, x: float, y: float) -> np.ndarray:
    """Return the pixels around a place once two pictures of it are equal, as finer tiles may arrive late."""
    pictures = [around(viewer, x, y)]

    def is_settled():
        pictures.append(around(viewer, x, y))
        return pictures[-1] == pictures[-2]

    wait_for(is_settled, every=0.5)
    return pixels(pictures[-1])


@pytest.mark.parametrize("steps", [[(37, -21)], [(-400, 0), (0, 260), (400, -260)]])
def test_drawn_objects_move_with_the_slide(look, truth, covered, steps):
    """Moved pictures lie where new ones would be drawn: close by, and beyond the drawn area."""
    x, y = truth.centres[truth.lonely()].tolist()
    viewer = look(x, y)
    before = settled(viewer, x, y)
    viewer.page.evaluate("(steps) => steps.forEach(([x, y]) => window.coverslipObjects.panBy(x, y))", steps)
    complete(viewer)

    def difference():
        return np.abs(pixels(around(viewer, x, y)) - before).mean()

    wait_for(lambda: difference() < 2)
    assert difference() < 2, "it came there, and stays"
    viewer.page.get_by_role("tab", name="Model").click()
    viewer.page.get_by_role("switch", name="Show suggestions").click(force=True)
    wait_for(lambda: difference() > 4)
    assert difference() > 4, "without the objects the place looks otherwise"


def test_a_short_way_asks_for_nothing_and_draws_nothing_else(look, truth, covered, installation):
    """The surface is wider than the screen by 192 px: so are its tiles, and they stay while it moves."""
    tile0 = object_set(installation, covered)["tile0"]
    viewer = look()
    stage = viewer.page.locator(".openseadragon-canvas").first.bounding_box()
    width, height = stage["width"], stage["height"]
    left, top, right, _ = drawn_boxes(viewer, tile0)[0]
    # The screen begins at the corner of a tile: what lies beside it is not seen, but on the surface.
    start = (right + width / 2 / NEAR + 2, top + (right - left) + height / 2 / NEAR + 2)
    viewer = look(*start)
    boxes = drawn_boxes(viewer, tile0)
    for x in (stage["x"] - 190, stage["x"] + width + 190):
        for y in (stage["y"] - 190, stage["y"] + height + 190):
            at = viewer.page.evaluate("([x, y]) => window.coverslip.screenToImage(x, y)", [x, y])
            assert any(box[0] <= at[0] < box[2] and box[1] <= at[1] < box[3] for box in boxes), (x, y)
    for step in ((180, -120), (-180, 120), (-180, 120)):
        viewer.page.evaluate("([x, y]) => window.coverslipObjects.panBy(x, y)", step)
        complete(viewer)
        assert drawn_boxes(viewer, tile0) == boxes


def test_filters_leave_exactly_what_they_say(look, truth, covered, installation):
    tile0 = object_set(installation, covered)["tile0"]
    for zoom in (VIEWS["far"], NEAR):
        viewer = look(zoom=zoom, more="&score=0.7-1")
        enough = truth.score >= np.float32(0.7)
        chosen = truth.inside(drawn_boxes(viewer, tile0)) & enough
        assert viewer.page.evaluate(TOTALS) == truth.by_name(chosen)
        viewer.page.get_by_role("button", name="Hide Stroma").click()
        complete(viewer)
        chosen &= truth.label != NAMES.index("Stroma")
        assert viewer.page.evaluate(TOTALS) == truth.by_name(chosen)


def test_the_area_filter_leaves_what_it_says_in_square_micrometres(look, truth, covered, installation):
    tile0 = object_set(installation, covered)["tile0"]
    for zoom in (VIEWS["far"], NEAR):
        viewer = look(zoom=zoom)
        viewer.page.get_by_role("tab", name="Model").click()
        viewer.see("filter-minArea").fill("15")
        viewer.see("filter-maxArea").fill("17.5")
        viewer.see("filter-maxArea").press("Tab")
        expect(viewer.page).to_have_url(re.compile("area=240-280"))
        complete(viewer)
        inside = truth.inside(drawn_boxes(viewer, tile0))
        chosen = inside & (truth.area >= 240) & (truth.area <= 280)
        assert 0 < chosen.sum() < inside.sum()
        # What has been counted anew is drawn with the next frame.
        expected = truth.by_name(chosen)
        wait_for(lambda: viewer.page.evaluate(TOTALS) == expected)  # noqa: B023 - waited for here
        viewer.page.get_by_role("button", name="Reset filters").click()
        expect(viewer.page).not_to_have_url(re.compile("area="))


@pytest.mark.parametrize("name", ["far", "near"])
def test_a_lasso_on_the_slide_decides_on_what_is_shown_inside(look, truth, covered, installation, name):
    tile0 = object_set(installation, covered)["tile0"]
    viewer = look(zoom=VIEWS[name], more="&score=0.7-1&area=240-")
    viewer.page.get_by_role("button", name="Hide Stroma").click()
    complete(viewer)
    shown = (truth.score >= np.float32(0.7)) & (truth.area >= 240) & (truth.label != NAMES.index("Stroma"))
    decided = object_set(installation, covered)["decided_count"]
    before = viewer.page.evaluate(TOTALS)
    assert before == truth.by_name(truth.inside(drawn_boxes(viewer, tile0)) & shown)
    viewer.take("lasso")
    box = viewer.see("viewer-canvas").bounding_box()
    left, top = box["x"] + box["width"] / 2 - 120, box["y"] + box["height"] / 2 - 100
    with viewer.page.expect_request(re.compile("dry_run")) as counted:
        viewer.page.mouse.move(left, top)
        viewer.page.mouse.down()
        for corner in ((left + 240, top + 20), (left + 200, top + 200), (left, top + 180), (left, top + 4)):
            viewer.page.mouse.move(*corner, steps=4)
        viewer.page.mouse.up()
    outline = shape(counted.value.post_data_json["filter"]["within"])
    inside = shapely.contains_xy(outline, *truth.centres.T) & shown
    expected = int(inside.sum())
    assert expected > 0
    expect(viewer.see("lasso-count")).to_have_text(re.compile(rf"^{expected:,} open"))
    viewer.see("lasso-reject").click()
    expect(viewer.see("lasso-count")).to_have_text(re.compile(rf"^{expected} suggestions? rejected"))
    assert object_set(installation, covered)["decided_count"] == decided + expected
    left_over = truth.by_name(truth.inside(drawn_boxes(viewer, tile0)) & shown & ~inside)
    wait_for(lambda: viewer.page.evaluate(TOTALS) == left_over)
    # All of them are one step, and one undo takes it back.
    viewer.press("Control+z")
    expect(viewer.see("lasso-card")).to_be_hidden()
    assert object_set(installation, covered)["decided_count"] == decided
    wait_for(lambda: viewer.page.evaluate(TOTALS) == before)


def test_loading_suggestions_are_announced(look, covered):
    viewer = look()
    held, open_ = [], []
    viewer.page.route("**/object-tiles/**", lambda route: route.continue_() if open_ else held.append(route))
    viewer.open_slide(*covered[:2], query="?layers=suggestions")
    expect(viewer.see("objects-status")).to_contain_text("Loading suggestions")
    assert viewer.page.evaluate("() => window.coverslipObjects.status().complete") is False
    open_.append(True)
    for route in held:
        route.continue_()
    complete(viewer)
    expect(viewer.see("objects-status")).to_be_hidden()


def test_a_verdict_is_seen_and_a_lasso_takes_what_is_inside(visit, look, truth, covered, installation):
    one = truth.lonely()
    x, y = truth.centres[one].tolist()
    viewer = look(x, y)
    read = "([x, y]) => window.coverslipObjects.hit(x, y)"
    index = viewer.page.evaluate(read, [x, y])["index"]
    before = around(viewer, x, y)
    body = {"kind": "accepted", "indices": [index]}
    answer = installation.client("reviewer").post(f"/object-sets/{covered[2]}/verdicts", json=body)
    assert answer.status_code == 201, answer.json()
    viewer = look(x, y)
    assert viewer.page.evaluate(read, [x, y])["state"] == "accepted"
    wait_for(lambda: around(viewer, x, y) != before)

    viewer.page.goto(f"/projects/{covered[0]}/review")
    expect(viewer.see("review-item").first).to_be_visible()
    viewer.press("g")
    viewer.wait_for_slide()
    viewer.see("review-lasso").click()
    box = viewer.see("viewer-canvas").bounding_box()
    left, top = round(box["x"] + 200), round(box["y"] + 150)
    right, bottom = left + 400, top + 300
    to_image = "([x, y]) => window.coverslip.screenToImage(x, y)"
    low, high = (viewer.page.evaluate(to_image, list(at)) for at in ((left, top), (right, bottom)))
    viewer.page.mouse.move(left, top)
    viewer.page.mouse.down()
    for corner in ((right, top), (right, bottom), (left, bottom), (left, top)):
        viewer.page.mouse.move(*corner, steps=4)
    viewer.page.mouse.up()
    viewer.see("bulk-score").fill("0")
    viewer.see("bulk-score").press("Tab")
    inside = truth.inside([(*low, *high)])
    expected = int(inside.sum()) - int(inside[one])
    assert expected > 0
    expect(viewer.see("bulk-count")).to_have_text(re.compile(rf"\b{expected}\b"))
    viewer.see("bulk-confirm").click()
    expect(viewer.page.get_by_role("dialog")).to_be_hidden()
    assert object_set(installation, covered)["decided_count"] == expected + 1
