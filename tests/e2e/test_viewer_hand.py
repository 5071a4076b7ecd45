"""Pointer actions in the viewer: drafts, clicked suggestions, others' shapes, brush, panning, clipboard."""

from __future__ import annotations

import io
import json
import uuid
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.browser import Visitor
from tests.e2e.conftest import Installation, import_plain_slide, make_project, wait_for
from tests.material import write_plain_slide

pytestmark = pytest.mark.browser

SIDE = 2048
LABELS = {"Tumour": "#d55e00", "Stroma": "#0072b2"}
# Left edges of the suggestions, squares of 120 px in one row.
LEFTS = (200, 600, 1000, 1400)
TOP = 1000
LAYERS = ["annotations"]
DRAWN = """() => window.coverslipObjects.drawn()
  .flatMap(({ counts }) => Object.values(counts)).reduce((sum, count) => sum + count, 0)"""


def square(left: float, top: float, side: float = 120) -> dict:
    ring = [[left, top], [left + side, top], [left + side, top + side], [left, top + side], [left, top]]
    return {"type": "Polygon", "coordinates": [ring]}


@dataclass
class Room:
    """A project of two plain slides, the first with four suggestions."""

    installation: Installation
    project: dict
    slide: str
    other: str
    set_id: str

    def clear(self) -> None:
        """Delete all annotations, undo all verdicts, and show the initial layers."""
        manager = self.installation.client("manager")
        for username in ("annotator", "reviewer", "manager"):
            body = {"shown_layers": LAYERS}
            answer = self.installation.client(username).patch("/session/preferences", json=body)
            assert answer.status_code == 200, answer.json()
        for slide in (self.slide, self.other):
            rows = manager.get(f"/slides/{slide}/annotations").json()["results"]
            changes = [{"op": "delete", "id": row["id"], "revision": row["revision"]} for row in rows]
            if changes:
                body = {"changes": changes}
                assert manager.post(f"/slides/{slide}/annotations/batch", json=body).status_code == 200
        verdicts = manager.get(f"/object-sets/{self.set_id}/verdicts").json()["results"]
        undone = {row["undoes"] for row in verdicts}
        for row in verdicts:
            if row["kind"] != "undone" and row["id"] not in undone:
                assert manager.post(f"/verdicts/{row['id']}/undo", json={}).status_code < 300

    def draw(self, username: str, *geometries: dict) -> None:
        """Draw squares with the first label."""
        label = self.project["labels"][0]["id"]
        rows = [
            {
                "op": "create",
                "id": str(uuid.uuid4()),
                "label_id": label,
                "shape": "polygon",
                "geometry": geometry,
                "note": "",
            }
            for geometry in geometries
        ]
        answer = self.installation.client(username).post(
            f"/slides/{self.slide}/annotations/batch", json={"changes": rows}
        )
        assert answer.status_code == 200, answer.json()

    def stored(self, slide: str | None = None) -> list[dict]:
        client = self.installation.client("reviewer")
        return client.get(f"/slides/{slide or self.slide}/annotations").json()["results"]

    def states(self) -> dict:
        return self.installation.client("reviewer").get(f"/object-sets/{self.set_id}/review-state").json()


@pytest.fixture(scope="module")
def furnished(installation, tmp_path_factory) -> Room:
    folder = tmp_path_factory.mktemp("slides")
    project = make_project(installation, "The hand", LABELS)
    slides = []
    for number, name in enumerate(("first.tif", "second.tif")):
        # Another resolution is another file.
        write_plain_slide(folder / name, SIDE, mpp=0.25 + 0.25 * number)
        slides.append(import_plain_slide(installation, folder / name, project["id"]))
    features = [
        {
            "type": "Feature",
            "geometry": square(left, TOP),
            "properties": {"classification": {"name": "Tumour"}, "measurements": {"score": 0.7}},
        }
        for left in LEFTS
    ]
    content = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    reviewer = installation.client("reviewer")
    files = {"file": ("cells.geojson", content)}
    answer = reviewer.post(f"/slides/{slides[0]}/import", files=files, data={"become": "objects"})
    assert answer.status_code == 202, answer.json()
    installation.client("manager").wait_for_jobs(project["id"])
    [made] = reviewer.get(f"/slides/{slides[0]}/object-sets").json()["results"]
    return Room(installation, project, slides[0], slides[1], made["id"])


@pytest.fixture
def room(furnished) -> Room:
    furnished.clear()
    return furnished


def enter(visit, room: Room, username: str = "annotator", query: str = "") -> Visitor:
    visitor = visit(username)
    visitor.arrive()
    visitor.open_slide(room.project["id"], room.slide, query=query)
    return visitor


def drawn(page: Page, count: int) -> None:
    page.wait_for_function(f"() => window.coverslipObjects && ({DRAWN})() === {count}")


def test_an_unfinished_drawing_survives_a_reload_and_is_finished_or_discarded(visit, room):
    board = enter(visit, room)
    corners = ((300, 300), (700, 300), (700, 700))
    board.press("2", "p")
    board.click(*corners)
    board.page.reload()
    board.wait_for_slide()
    expect(board.see("sketch-card")).to_contain_text("3 corners")
    expect(board.see("tool-polygon")).to_have_attribute("aria-pressed", "true")
    board.click((300, 700))
    # Another tool in between loses nothing either.
    board.press("h")
    board.see("sketch-continue").click()
    board.press("Enter")
    expect(board.rows).to_have_count(1)
    expect(board.see("sketch-card")).to_be_hidden()
    board.save()
    [row] = room.stored()
    assert row["area_px"] == pytest.approx(400 * 400, rel=0.02)
    assert row["label_id"] == room.project["labels"][1]["id"]
    for tool in ("m", "k", "g"):
        board.press(tool)
        board.click(*corners)
        board.page.reload()
        board.wait_for_slide()
        board.see("sketch-discard").click()
        expect(board.see("sketch-card")).to_be_hidden()
    board.page.reload()
    board.wait_for_slide()
    expect(board.see("tool-pan")).to_have_attribute("aria-pressed", "true")
    expect(board.rows).to_have_count(1)
    expect(board.see("region-row")).to_have_count(0)


def test_a_clicked_suggestion_takes_the_verdict_keys_and_counts_as_a_label(visit, room):
    room.draw("manager", square(300, 300), square(600, 300))
    reviewer = enter(visit, room, "reviewer", query="?layers=suggestions")
    drawn(reviewer.page, 4)
    card, count = reviewer.see("suggestion-card"), reviewer.see("label-count").first
    expect(count).to_have_text("2")
    reviewer.click((LEFTS[0] + 60, TOP + 60))
    expect(card).to_have_attribute("data-state", "open")
    expect(card).to_contain_text("Tumour")
    expect(card).to_contain_text("score 0.70")
    reviewer.press("a")
    expect(card).to_have_attribute("data-state", "accepted")
    expect(reviewer.see("suggestion-verdict")).to_contain_text("accepted by")
    expect(count).to_have_text("2 drawn + 1 accepted")
    # With the select tool the same click selects, and a digit gives the suggestion another label.
    reviewer.take("select")
    reviewer.click((LEFTS[1] + 60, TOP + 60))
    expect(card).to_have_attribute("data-state", "open")
    reviewer.press("2")
    expect(card).to_have_attribute("data-state", "relabelled")
    expect(reviewer.see("label-count").nth(1)).to_have_text("0 drawn + 1 accepted")
    reviewer.press("r")
    expect(card).to_have_attribute("data-state", "rejected")
    reviewer.press("Shift+Digit4")
    expect(reviewer.see("suggestion-verdict")).to_contain_text("Artefact")
    expect(reviewer.see("label-count").nth(1)).to_have_text("0")
    wait_for(lambda: room.states()["rejected"] == 1)
    drawn(reviewer.page, 3)
    # One step back takes the reason along; the next ones go to what was decided before.
    reviewer.press("u")
    expect(card).to_have_attribute("data-state", "relabelled")
    reviewer.press("Control+z", "u")
    expect(reviewer.see("suggestion-undo")).to_be_disabled()
    wait_for(lambda: room.states()["open"] == 4)
    expect(count).to_have_text("2")
    reviewer.press("Escape")
    expect(card).to_be_hidden()
    # The keys are the viewer's again.
    reviewer.press("r")
    expect(reviewer.see("tool-rectangle")).to_have_attribute("aria-pressed", "true")


def test_accepted_suggestions_are_seen_with_the_annotations_and_layers_are_remembered(visit, room):
    verdict = {"kind": "accepted", "indices": [0, 1, 2]}
    answer = room.installation.client("reviewer").post(f"/object-sets/{room.set_id}/verdicts", json=verdict)
    assert answer.status_code == 201, answer.json()
    annotator = enter(visit, room)
    page = annotator.page
    expect(annotator.see("label-count").first).to_have_text("0 drawn + 3 accepted")
    drawn(page, 3)
    annotator.click((LEFTS[0] + 60, TOP + 60))
    expect(annotator.see("suggestion-verdict")).to_contain_text("accepted by")
    # Who does not review looks on: no buttons, and the keys stay the viewer's.
    expect(annotator.see("suggestion-accept")).to_have_count(0)
    annotator.press("s")
    drawn(page, 4)
    annotator.open_slide(room.project["id"], room.slide)
    drawn(page, 4)
    annotator.press("a")
    page.wait_for_url("**layers=-annotations**")
    annotator.open_slide(room.project["id"], room.other)
    page.wait_for_url("**layers=-annotations%2Csuggestions**")
    # The address wins, and is not remembered.
    annotator.open_slide(room.project["id"], room.slide, query="?layers=annotations")
    drawn(page, 3)
    annotator.open_slide(room.project["id"], room.slide)
    page.wait_for_url("**layers=-annotations%2Csuggestions**")
    # They go with the person into another browser, and back.
    elsewhere = enter(visit, room)
    elsewhere.page.wait_for_url("**layers=-annotations%2Csuggestions**")
    elsewhere.press("a")
    elsewhere.page.wait_for_url("**layers=suggestions**")
    annotator.open_slide(room.project["id"], room.other)
    page.wait_for_url("**layers=suggestions**")


def test_shapes_of_others_are_read_only_and_can_be_copied(visit, room):
    room.draw("manager", square(300, 300, 400))
    board = enter(visit, room)
    expect(board.see("row-lock")).to_have_count(1)
    board.press("v")
    board.click((500, 500))
    expect(board.see("locked-card")).to_contain_text("Read-only")
    expect(board.see("selected-author")).to_contain_text("Drawn by")
    expect(board.see("chosen-edit-delete")).to_be_disabled()
    board.press("Delete", "2")
    board.drag((300, 300), (600, 600))
    board.expect_saved()
    assert len(room.stored()) == 1
    board.see("keep-copy").click()
    expect(board.rows).to_have_count(2)
    expect(board.see("locked-card")).to_be_hidden()
    board.drag((500, 500), (700, 900))
    board.save()
    theirs, mine = sorted(room.stored(), key=lambda row: row["author"]["username"], reverse=True)
    assert theirs["geometry"] == square(300, 300, 400)
    assert mine["author"]["username"] == "annotator"
    assert mine["geometry"]["coordinates"][0][0] == pytest.approx([500, 700], abs=8)
    board.press("Control+z", "Control+z")
    expect(board.rows).to_have_count(1)


def test_the_slide_is_moved_by_select_and_by_arrows_and_shapes_are_selected_by_a_box(visit, room):
    board = enter(visit, room)
    board.press("1", "r")
    board.drag_box(300, 300, 200, 200)
    board.drag_box(700, 300, 200, 200)
    board.press("v", "Escape")
    board.page.keyboard.down("Shift")
    board.drag((250, 250), (950, 550))
    board.page.keyboard.up("Shift")
    expect(board.page.get_by_role("option", selected=True)).to_have_count(2)
    before = board.place(0, 0)
    board.drag((1200, 900), (1300, 1000))
    after = board.place(0, 0)
    assert after[0] > before[0] + 20
    expect(board.page.get_by_role("option", selected=True)).to_have_count(2)
    board.click((1500, 1200))
    expect(board.page.get_by_role("option", selected=True)).to_have_count(0)
    steps = []
    for key in ("ArrowRight", "Shift+ArrowRight", "ArrowDown"):
        start = board.place(0, 0)
        board.press(key)
        steps.append((start[0] - board.place(0, 0)[0], start[1] - board.place(0, 0)[1]))
    assert steps[0][0] > 20
    assert steps[1][0] > 3 * steps[0][0]
    assert steps[2][1] > 20
    # A slider that has the focus keeps its arrows.
    board.page.get_by_role("tab", name="Image").click()
    slider = board.page.get_by_role("slider", name="Brightness")
    slider.focus()
    start = board.place(0, 0)
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", "1.05")
    assert board.place(0, 0) == start


def test_the_brush_extends_the_selected_shape_and_elsewhere_starts_another(visit, room):
    board = enter(visit, room)
    board.press("1", "b")
    expect(board.see("tool-hint")).to_contain_text("Start inside the selected shape to extend it")
    board.drag((400, 400), (700, 400))
    expect(board.rows).to_have_count(1)
    board.drag((700, 400), (700, 700))
    board.drag((1200, 400), (1200, 700))
    expect(board.rows).to_have_count(2)
    # The first is no longer selected: starting in it draws a third.
    board.drag((500, 400), (500, 700))
    expect(board.rows).to_have_count(3)
    board.save()


RECORD = """() => {
  window.canvasCalls = { strokes: new Set(), texts: new Set() };
  const { stroke, fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.stroke = function (...args) {
    window.canvasCalls.strokes.add(this.strokeStyle);
    return stroke.apply(this, args);
  };
  CanvasRenderingContext2D.prototype.fillText = function (...args) {
    window.canvasCalls.texts.add(args[0]);
    return fillText.apply(this, args);
  };
}"""


def test_the_brush_shows_a_ring_of_two_tones_and_its_size_in_micrometres(visit, room):
    board = enter(visit, room)
    board.press("1", "b")
    board.page.evaluate(RECORD)
    board.page.mouse.move(*board.place(900, 900))

    def size() -> float:
        """Return the diameter in µm beside the ring."""
        texts = board.page.evaluate("() => [...window.canvasCalls.texts]")
        [text] = [text for text in texts if text.startswith("Ø")]
        number, unit = text.removeprefix("Ø ").split(" ")
        assert unit == "µm"
        return float(number)

    board.page.wait_for_function("() => window.canvasCalls.texts.size > 0")
    tones = board.page.evaluate("() => [...window.canvasCalls.strokes]")
    assert {"rgba(0, 0, 0, 0.85)", "#ffffff"} <= set(tones)
    before = size()
    # 24 px on the screen to each side, 0.25 µm/px.
    per_px = (board.place(1000, 0)[0] - board.place(0, 0)[0]) / 1000
    assert before == pytest.approx(48 / per_px * 0.25, rel=0.02)
    board.page.evaluate("() => window.canvasCalls.texts.clear()")
    board.press("BracketRight")
    board.page.wait_for_function("() => window.canvasCalls.texts.size > 0")
    assert size() == pytest.approx(before * 1.25, rel=0.02)


def test_shapes_are_copied_cut_and_pasted_also_across_slides(visit, room):
    board = enter(visit, room)
    page = board.page
    board.press("2", "r")
    board.drag_box(300, 300, 200, 200)
    board.press("v", "Control+c", "Control+v")
    expect(board.rows).to_have_count(2)
    board.press("Control+v")
    expect(board.rows).to_have_count(3)
    board.press("Control+z")
    expect(board.rows).to_have_count(2)
    board.press("Control+a", "Control+x")
    expect(board.rows).to_have_count(0)
    board.save()
    board.open_slide(room.project["id"], room.other, query="?x=1500&y=1500&zoom=1")
    board.press("Control+v")
    expect(board.rows).to_have_count(2)
    board.save()
    pasted = room.stored(room.other)
    assert {row["label_id"] for row in pasted} == {room.project["labels"][1]["id"]}
    # They would be out of sight at their old place.
    middle = [row["geometry"]["coordinates"][0][0][0] for row in pasted]
    assert all(1200 < x < 1600 for x in middle)
    text = page.evaluate("() => navigator.clipboard.readText()")
    assert [feature["geometry"]["type"] for feature in json.loads(text)["features"]] == ["Polygon"] * 2
    many = {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": square(9, 9)}] * 1001}
    page.evaluate("(text) => navigator.clipboard.writeText(text)", json.dumps(many))
    board.press("Control+v")
    expect(page.get_by_text("At most 1,000 shapes")).to_be_visible()
    page.evaluate("() => navigator.clipboard.writeText('no shapes')")
    board.press("Control+v")
    expect(page.get_by_text("The clipboard holds no shapes")).to_be_visible()
    expect(board.rows).to_have_count(2)


def colours_at(visitor: Visitor, x: float, y: float) -> np.ndarray:
    """Return the colours (n, 3) of the screen within 4 px of a place of the slide."""
    left, top = visitor.place(x, y)
    clip = {"x": left - 4, "y": top - 4, "width": 8, "height": 8}
    picture = Image.open(io.BytesIO(visitor.page.screenshot(clip=clip))).convert("RGB")
    return np.asarray(picture, dtype=int).reshape(-1, 3)


def shows(visitor: Visitor, x: float, y: float, colour: str) -> bool:
    """Return whether a line of a label's colour passes a place of the slide."""
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return bool((np.abs(colours_at(visitor, x, y) - wanted).max(axis=1) < 40).any())


def edge_share(visitor: Visitor, left: float, colour: str) -> float:
    """Return the share of the left edge of a suggestion on which its line is drawn in a colour."""
    x, top = visitor.place(left, TOP + 20)
    bottom = visitor.place(left, TOP + 100)[1]
    clip = {"x": x - 3, "y": top, "width": 6, "height": bottom - top}
    picture = Image.open(io.BytesIO(visitor.page.screenshot(clip=clip))).convert("RGB")
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    # A thin line is blended with the tissue beneath.
    near = np.abs(np.asarray(picture, dtype=int) - wanted).max(axis=2) < 100
    return float(near.any(axis=1).mean())


def test_accepted_suggestions_have_a_solid_outline_and_open_ones_a_dashed_one(visit, room):
    verdict = {"kind": "accepted", "indices": [0]}
    answer = room.installation.client("reviewer").post(f"/object-sets/{room.set_id}/verdicts", json=verdict)
    assert answer.status_code == 201, answer.json()
    annotator = enter(visit, room, query=f"?layers=suggestions&x=800&y={TOP + 60}&zoom=0.7")
    drawn(annotator.page, 4)
    shares = sorted(edge_share(annotator, left, LABELS["Tumour"]) for left in LEFTS)
    assert shares[-1] > 0.95
    assert all(0.4 < share < 0.9 for share in shares[:-1]), shares


def test_the_nucleus_of_an_imported_cell_is_drawn(visit, room):
    cell = {
        "type": "Feature",
        "geometry": square(400, 400, 400),
        "nucleusGeometry": square(500, 500, 150),
        "properties": {"objectType": "cell", "classification": {"name": "Tumour"}},
    }
    content = json.dumps({"type": "FeatureCollection", "features": [cell]}).encode()
    answer = room.installation.client("reviewer").post(
        f"/slides/{room.slide}/import",
        files={"file": ("cell.geojson", content)},
        data={"become": "annotations"},
    )
    assert answer.status_code < 300, answer.json()
    board = enter(visit, room, "reviewer")
    expect(board.rows).to_have_count(1)
    wait_for(lambda: shows(board, 400, 600, LABELS["Tumour"]))
    assert shows(board, 500, 570, LABELS["Tumour"])
    assert not shows(board, 450, 450, LABELS["Tumour"])
    # It moves along with its cell.
    board.press("v")
    board.drag((700, 700), (1100, 700))
    board.save()
    wait_for(lambda: shows(board, 900, 570, LABELS["Tumour"]))
    assert not shows(board, 500, 570, LABELS["Tumour"])


def test_suggestions_accepted_in_an_older_round_are_outlined(visit, room):
    reviewer = room.installation.client("reviewer")
    for number, top in enumerate((1500, 1200)):
        features = [
            {
                "type": "Feature",
                "geometry": square(left, top),
                "properties": {"classification": {"name": "Stroma"}, "measurements": {"score": 0.7}},
            }
            for left in LEFTS
        ]
        content = json.dumps({"type": "FeatureCollection", "features": features}).encode()
        files = {"file": (f"round-{number}.geojson", content)}
        answer = reviewer.post(f"/slides/{room.other}/import", files=files, data={"become": "objects"})
        assert answer.status_code == 202, answer.json()
        room.installation.client("manager").wait_for_jobs(room.project["id"])
    _, older = reviewer.get(f"/slides/{room.other}/object-sets").json()["results"]
    verdict = {"kind": "accepted", "indices": [0]}
    assert reviewer.post(f"/object-sets/{older['id']}/verdicts", json=verdict).status_code == 201
    [accepted] = reviewer.get(f"/object-sets/{older['id']}/objects", params={"indices": "0"}).json()[
        "results"
    ]
    x, y = accepted["bounds"]["x"], accepted["bounds"]["y"] + 60
    board = visit("annotator")
    board.arrive()
    board.open_slide(room.project["id"], room.other)
    expect(board.see("label-count").nth(1)).to_have_text("0 drawn + 1 accepted")
    wait_for(lambda: shows(board, x, y, LABELS["Stroma"]))
    beside = next(left for left in LEFTS if left != x)
    assert not shows(board, beside, y, LABELS["Stroma"])
    # A verdict elsewhere takes the outline away at once.
    rows = reviewer.get(f"/object-sets/{older['id']}/verdicts").json()["results"]
    assert reviewer.post(f"/verdicts/{rows[0]['id']}/undo", json={}).status_code < 300
    wait_for(lambda: not shows(board, x, y, LABELS["Stroma"]))
