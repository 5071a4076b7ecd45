"""Live painting: strokes teach, the view comes first, a new stroke supersedes, nobody sees another's."""

from __future__ import annotations

import errno
import io
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone
from PIL import Image
from shapely.geometry import Point, mapping

from ml.contracts import CancelledError
from ml.slides import write_phantom
from server.annotations.models import Annotation
from server.core.files.leftovers import sweep_storage
from server.jobs.models import JobEvent
from server.painting.models import Painting

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

SIDE = 2048
VIEW = {"view": {"x": 0, "y": 0, "width": 600, "height": 400}}


@pytest.fixture(autouse=True)
def messages(monkeypatch):
    """Keep the messages to the worker instead of sending them."""
    sent = []
    monkeypatch.setattr("server.painting.services._send", lambda painting: sent.append(str(painting.pk)))
    return sent


@pytest.fixture
def project(project_factory):
    return project_factory(manager="mia", annotator="ann")


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    path = tmp_path_factory.mktemp("phantom") / "slide.tif"
    write_phantom(path, width=SIDE, height=SIDE, seed=3)
    return path


@pytest.fixture
def slide(project, ready_slide, phantom):
    return ready_slide(project, phantom)


@pytest.fixture
def stroke(user_factory):
    """Draw a round stroke of a label."""

    def draw(slide, label, x, y, radius=60):
        shape = Point(x, y).buffer(radius)
        left, top, right, bottom = shape.bounds
        return Annotation.objects.create(
            slide=slide, label=label, shape="brush", geometry=mapping(shape), author=user_factory("ann"),
            min_x=left, min_y=top, max_x=right, max_y=bottom, area_px=shape.area,
        )  # fmt: skip

    return draw


@pytest.fixture
def ask(api, user_factory):
    """Ask for a painting and let the worker work; return the answer to a reader."""
    from server.painting.live import paint_newest

    def ask(slide, username="ann"):
        client = api(user_factory(username))
        asked = client.post(f"/api/v1/slides/{slide.pk}/painting", VIEW, format="json")
        assert asked.status_code == 202, asked.content
        assert asked.json()["state"] == "waiting"
        paint_newest(asked.json()["id"])
        return client.get(f"/api/v1/slides/{slide.pk}/painting").json()

    return ask


def picture(api, user, painting, part):
    answer = api(user).get(f"/api/v1/paintings/{painting['id']}/{part['name']}.png")
    assert answer.status_code == 200
    return np.array(Image.open(io.BytesIO(answer.content)))


def test_strokes_of_two_labels_paint_the_whole_slide(
    project, slide, label_factory, stroke, ask, api, user_factory
):
    first, second = label_factory(project, "Left"), label_factory(project, "Right")
    tissue = sorted((x, y) for x in range(300, SIDE, 300) for y in range(300, SIDE, 300))
    stroke(slide, first, *tissue[8])
    stroke(slide, second, *tissue[-9])
    painting = ask(slide)
    assert (painting["state"], painting["progress"], painting["message"]) == ("painted", 1, None)
    [whole] = painting["parts"]
    assert painting["labels"] == [str(first.pk), str(second.pk)]
    assert (whole["row"], whole["column"]) == (0, 0)
    assert whole["columns"] * whole["step"] >= slide.width
    cells = picture(api, user_factory("ann"), painting, whole)
    assert cells.shape == (whole["rows"], whole["columns"], 3)
    painted = cells[:, :, 0] != 255
    assert painted.any()
    assert set(np.unique(cells[:, :, 0])) <= {0, 1, 255}
    for label, (x, y) in ((0, tissue[8]), (1, tissue[-9])):
        row, column = int(y / whole["step_y"]), int(x / whole["step"])
        assert cells[row, column, 0] == label
        assert cells[row, column, 1] > 127
    areas = {area["label_id"]: area for area in painting["areas"]}
    assert sum(area["cells"] for area in areas.values()) == painted.sum()
    assert sum(area["share"] for area in areas.values()) == pytest.approx(1)
    cell = whole["step"] * whole["step_y"] * slide.mpp_x**2 / 1e6
    assert areas[str(first.pk)]["mm2"] == pytest.approx(areas[str(first.pk)]["cells"] * cell)


def test_the_view_is_told_before_the_rest(project, slide, label_factory, stroke, ask):
    stroke(slide, label_factory(project, "A"), 400, 400)
    stroke(slide, label_factory(project, "B"), 1500, 1500)
    ask(slide)
    news = [event.data for event in JobEvent.objects.order_by("pk") if event.data.get("topic") == "painting"]
    parts = [each["part"] for each in news if each["part"]]
    assert parts[0]["row"] == parts[0]["column"] == 0
    assert parts[0]["rows"] < parts[-1]["rows"]
    assert [each["state"] for each in news][-1] == "painted"


def test_a_later_stroke_lies_over_an_earlier_one(
    project, slide, label_factory, stroke, ask, api, user_factory
):
    first, second = label_factory(project, "A"), label_factory(project, "B")
    stroke(slide, first, 500, 500, radius=150)
    stroke(slide, second, 1500, 1500, radius=150)
    before = ask(slide)
    stroke(slide, second, 500, 500, radius=150)
    stroke(slide, first, 1500, 1500, radius=150)
    after = ask(slide)
    for painting, expected in ((before, 0), (after, 1)):
        [whole] = painting["parts"]
        cells = picture(api, user_factory("ann"), painting, whole)
        assert cells[int(500 / whole["step_y"]), int(500 / whole["step"]), 0] == expected


@pytest.mark.parametrize(("strokes", "code"), [(0, "nothing_marked_yet"), (1, "one_label_outlined")])
def test_too_few_strokes_are_told(project, slide, label_factory, stroke, ask, settings, strokes, code):
    label = label_factory(project, "A")
    for _ in range(strokes):
        stroke(slide, label, 500, 500)
    painting = ask(slide)
    assert (painting["state"], painting["message"]["code"]) == ("refused", code)
    assert painting["parts"] == []
    # The slide is described meanwhile, so that the next stroke is quick.
    assert list(settings.STORAGE_ROOT.glob(f"features/{slide.sha256}/efficientnet-lite0-*/maps-*/0-0.npy"))


def test_strokes_on_another_slide_teach_where_it_is_described(
    project, slide, label_factory, stroke, ask, ready_slide, tmp_path
):
    stroke(slide, label_factory(project, "A"), 500, 500)
    stroke(slide, label_factory(project, "B"), 1500, 1500)
    write_phantom(tmp_path / "next.tif", width=1024, height=1024, seed=4)
    other = ready_slide(project, tmp_path / "next.tif")
    assert ask(other)["message"]["code"] == "nothing_marked_yet"
    assert ask(slide)["state"] == "painted"
    assert ask(other)["state"] == "painted"


def test_a_new_request_ends_the_one_that_is_painted(project, slide, label_factory, stroke, ask, monkeypatch):
    """The worker looks between blocks, and sends no news of the older request after that."""
    from server.painting import live

    stroke(slide, label_factory(project, "A"), 500, 500)
    stroke(slide, label_factory(project, "B"), 1500, 1500)
    monkeypatch.setattr(live, "LOOK_SECONDS", 0)
    shown = []

    def part(painting, cells, count, original=live._part):
        shown.append(painting.number)
        Painting.objects.filter(pk=painting.pk).update(number=painting.number + 1, state="waiting")
        return original(painting, cells, count)

    monkeypatch.setattr(live, "_part", part)
    painting = ask(slide)
    assert len(shown) == 1
    assert (painting["number"], painting["state"], painting["parts"]) == (2, "waiting", [])


def test_a_stopped_painting_ends(project, slide, label_factory, stroke, ask, api, user_factory, monkeypatch):
    from server.painting import live

    stroke(slide, label_factory(project, "A"), 500, 500)
    stroke(slide, label_factory(project, "B"), 1500, 1500)
    painting = ask(slide)
    address = f"/api/v1/slides/{slide.pk}/painting"
    assert api(user_factory("ann")).delete(address).status_code == 204
    monkeypatch.setattr(live, "_paint", lambda _painting: pytest.fail("painted after the stop"))
    live.paint_newest(painting["id"])
    report = live._Progress(Painting(pk=painting["id"], number=painting["number"], slide=slide))
    report._looked = 0
    with pytest.raises(CancelledError):
        report(0.5, None)


def test_one_message_waits_for_several_strokes(slide, api, user_factory, messages):
    """All requests of one painting go under one id, which the broker keeps once."""
    for number in (1, 2, 3):
        asked = api(user_factory("ann")).post(f"/api/v1/slides/{slide.pk}/painting", VIEW, format="json")
        assert asked.json()["number"] == number
    assert len(set(messages)) == 1


def test_two_messages_of_one_request_are_painted_once(
    project, slide, label_factory, stroke, ask, monkeypatch
):
    """As when a broker delivers twice, or two strokes came before the worker was free."""
    from server.painting import live

    stroke(slide, label_factory(project, "A"), 500, 500)
    stroke(slide, label_factory(project, "B"), 1500, 1500)
    begun = []

    def again(painting, cells, count, original=live._part):
        begun.append(count)
        if len(begun) == 1:
            live.paint_newest(str(painting.pk))
        return original(painting, cells, count)

    monkeypatch.setattr(live, "_part", again)
    painting = ask(slide)
    assert (painting["number"], painting["state"]) == (1, "painted")
    assert begun == sorted(set(begun))


def test_a_request_whose_worker_died_is_painted_when_the_page_asks_again(
    project, slide, label_factory, stroke, ask
):
    stroke(slide, label_factory(project, "A"), 500, 500)
    stroke(slide, label_factory(project, "B"), 1500, 1500)
    ask(slide)
    Painting.objects.update(state="painting")
    assert ask(slide)["state"] == "painted"


def test_a_painting_is_its_persons_own(project, slide, label_factory, stroke, ask, api, user_factory):
    stroke(slide, label_factory(project, "A"), 500, 500)
    stroke(slide, label_factory(project, "B"), 1500, 1500)
    painting = ask(slide, "ann")
    name = painting["parts"][0]["name"]
    manager = api(user_factory("mia"))
    assert manager.get(f"/api/v1/slides/{slide.pk}/painting").status_code == 404
    assert manager.get(f"/api/v1/paintings/{painting['id']}/{name}.png").status_code == 404
    own = api(user_factory("ann"))
    for wrong in ("9-9", "..", "1-0x", "%2e%2e%2fsecret"):
        assert own.get(f"/api/v1/paintings/{painting['id']}/{wrong}.png").status_code == 404


@pytest.mark.parametrize(
    "view", [{}, {"x": 0, "y": 0, "width": 0, "height": 5}, {"x": "NaN", "y": 0, "width": 1, "height": 1},
             {"x": 1e300, "y": 0, "width": 1, "height": 1}],
)  # fmt: skip
def test_a_view_without_sense_is_refused(slide, api, user_factory, view):
    answer = api(user_factory("ann")).post(
        f"/api/v1/slides/{slide.pk}/painting", {"view": view}, format="json"
    )
    assert answer.status_code == 400


def test_a_slide_that_is_not_ready_is_refused(project, slide_factory, api, user_factory):
    slide = slide_factory(project, state="importing")
    answer = api(user_factory("ann")).post(f"/api/v1/slides/{slide.pk}/painting", VIEW, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "cannot_paint")


def test_pictures_of_older_requests_are_deleted(project, slide, label_factory, stroke, ask, settings):
    stroke(slide, label_factory(project, "A"), 500, 500)
    stroke(slide, label_factory(project, "B"), 1500, 1500)
    for _ in range(4):
        painting = ask(slide)
    kept = {path.stem.partition("-")[0] for path in settings.STORAGE_ROOT.glob("paintings/*/*.png")}
    assert kept == {"3", "4"}
    assert painting["number"] == 4
    # Those that a page may show stay, however old; with the slide they go.
    sweep_storage(timezone.now() + timedelta(days=365))
    assert set(settings.STORAGE_ROOT.glob("paintings/*")) == {
        settings.STORAGE_ROOT / "paintings" / painting["id"]
    }
    slide.delete()
    sweep_storage(timezone.now() + timedelta(days=365))
    assert list(settings.STORAGE_ROOT.glob("paintings/*")) == []


def test_a_full_disk_is_told_and_leaves_no_half_picture(
    project, slide, label_factory, stroke, ask, settings, monkeypatch
):
    stroke(slide, label_factory(project, "A"), 500, 500)
    stroke(slide, label_factory(project, "B"), 1500, 1500)

    def full(path, _content):
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(Path, "write_bytes", full)
        painting = ask(slide)
    assert (painting["state"], painting["message"]["code"]) == ("refused", "disk_full")
    assert [path for path in settings.STORAGE_ROOT.glob("paintings/*/*") if path.suffix != ".png"] == []
    assert ask(slide)["state"] == "painted"


def test_a_failure_is_told_and_the_next_request_paints(
    project, slide, label_factory, stroke, ask, monkeypatch
):
    from server.painting import live

    stroke(slide, label_factory(project, "A"), 500, 500)
    stroke(slide, label_factory(project, "B"), 1500, 1500)
    with monkeypatch.context() as broken:
        broken.setattr(live, "_areas", lambda *_: 1 / 0)
        assert ask(slide)["message"]["code"] == "painting_failed"
    assert ask(slide)["state"] == "painted"
