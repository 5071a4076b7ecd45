"""Work on geometry is bounded, and done before the transaction: others write meanwhile."""

from __future__ import annotations

import threading
import uuid

import numpy as np
import pytest
import shapely
from django.db import connections
from shapely.geometry import Polygon, mapping

from ml.contracts import DataError
from ml.formats.geometry_budget import BudgetSpentError, GeometryBudget
from ml.formats.outlines import read_outlines
from ml.formats.valid_areas import MOST_CROSSINGS, TangledError, mend_area, subtract_areas
from server.annotations import geometry as kept_geometry
from server.annotations.models import Annotation, Region
from server.core.services import LockedWorkError, nothing_written, service
from tests.server.review.conftest import suggest  # noqa: F401 - a fixture

API = "/api/v1"
SQUARE = {"type": "Polygon", "coordinates": [[[10, 10], [90, 10], [90, 90], [10, 90], [10, 10]]]}
BOW = {"type": "Polygon", "coordinates": [[[10, 10], [90, 90], [90, 10], [10, 90], [10, 10]]]}


def zigzag(count: int, side: float = 900) -> dict:
    ys = np.random.default_rng(0).uniform(0, side, count).tolist()
    points = [[0 if number % 2 else side, y] for number, y in enumerate(ys)]
    return {"type": "Polygon", "coordinates": [[*points, points[0]]]}


def comb(teeth: int, *, upright: bool) -> Polygon:
    """Return an area whose teeth cross those of the other direction everywhere."""
    xs = np.repeat(np.arange(teeth) * 4.0, 4) + np.tile([0, 0, 2, 2], teeth)
    ys = np.tile([0, 1000.0, 1000.0, 0], teeth)
    points = np.concatenate([np.stack([xs, ys], axis=1), [[4.0 * teeth, 0], [4.0 * teeth, -5], [0, -5]]])
    return Polygon(points if upright else points[:, ::-1])


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", reviewer="rob", manager="mia")


@pytest.fixture
def slide(project, slide_factory):
    return slide_factory(project)


def new(geometry, shape="polygon"):
    return {"id": str(uuid.uuid4()), "shape": shape, "geometry": geometry}


def post(client, path, body, status):
    answer = client.post(f"{API}{path}", body, format="json")
    assert answer.status_code == status, answer.content[:1000]
    return answer.json()


@pytest.fixture
def spend_little(monkeypatch):
    """Limit each request to so many crossings."""

    def limit(crossings: int) -> None:
        monkeypatch.setattr("ml.formats.geometry_budget.MOST_CROSSINGS_IN_ALL", crossings)
        defaults = list(GeometryBudget.__init__.__defaults__)
        defaults[2] = crossings
        monkeypatch.setattr(GeometryBudget.__init__, "__defaults__", tuple(defaults))

    return limit


@pytest.mark.django_db
def test_a_tangled_outline_is_refused_by_every_way_in(api, user_factory, slide, suggest, label_factory):  # noqa: F811
    client = api(user_factory("mia"))
    tangled = zigzag(1001)
    drawn = post(client, f"/slides/{slide.pk}/annotations", new(SQUARE), 201)
    made = suggest(slide, [label_factory(slide.project, "other")], [0.4, 0.6])
    asked = [
        (f"slides/{slide.pk}/annotations", new(tangled)),
        (f"slides/{slide.pk}/annotations/batch", {"changes": [{"op": "create", **new(tangled)}]}),
        (f"slides/{slide.pk}/regions", {"id": str(uuid.uuid4()), "geometry": tangled}),
        (f"object-sets/{made.pk}/verdicts", {"kind": "accepted", "filter": {"within": tangled}}),
        (f"object-sets/{made.pk}/verdicts/redraw", {"index": 0, "annotation": new(tangled)}),
    ]
    answers = [post(client, f"/{path}", body, 422) for path, body in asked]
    changed = client.patch(
        f"{API}/annotations/{drawn['id']}", {"revision": 1, "geometry": tangled}, format="json"
    )
    for answer in [*answers, changed.json()]:
        assert answer["message"]["code"] == "outline_tangled"
    assert Annotation.objects.get().revision == 1
    assert not Region.objects.exists()


@pytest.mark.django_db
def test_the_changes_of_a_request_share_a_budget(api, user_factory, slide, spend_little):
    client = api(user_factory("mia"))
    changes = [{"op": "create", **new(BOW)} for _ in range(4)]
    spend_little(3)
    refused = post(client, f"/slides/{slide.pk}/annotations/batch", {"changes": changes}, 422)
    assert refused["message"]["code"] == "geometry_too_tangled"
    assert not Annotation.objects.exists()
    spend_little(4)
    post(client, f"/slides/{slide.pk}/annotations/batch", {"changes": changes}, 200)
    assert Annotation.objects.count() == 4


def test_a_budget_counts_points_and_time():
    budget = GeometryBudget(points_read=10, points_made=10)
    budget.read(10)
    budget.make(10)
    for spend in (budget.read, budget.make):
        with pytest.raises(BudgetSpentError, match="too many points"):
            spend(1)
    now = [0.0]
    timed = GeometryBudget(seconds=5, clock=lambda: now[0])
    timed.read(1)
    now[0] = 6
    with pytest.raises(BudgetSpentError, match="takes too long"):
        timed.read(1)


def test_a_repaired_area_has_no_more_points_than_its_crossings_allow():
    fine, k = Polygon(zigzag(101)["coordinates"][0]), MOST_CROSSINGS
    made = mend_area(fine)
    assert made.is_valid
    assert shapely.get_num_coordinates(made) <= 3 * (101 + 2 * k)


def test_combs_that_cross_are_not_cut_out_of_each_other():
    one, other = comb(200, upright=True), comb(200, upright=False)
    with pytest.raises(TangledError):
        subtract_areas(one, [other], GeometryBudget())
    few = comb(10, upright=False)
    assert subtract_areas(comb(10, upright=True), [few], GeometryBudget()).is_valid


def asap(rings, groups):
    rows = [
        f'<Annotation Name="a" Type="Polygon" PartOfGroup="{group}"><Coordinates>'
        + "".join(f'<Coordinate Order="{n}" X="{x}" Y="{y}"/>' for n, (x, y) in enumerate(ring))
        + "</Coordinates></Annotation>"
        for ring, group in zip(rings, groups, strict=True)
    ]
    return f"<ASAP_Annotations><Annotations>{''.join(rows)}</Annotations></ASAP_Annotations>".encode()


def box(x, y, side):
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def test_a_thousand_exclusions_are_joined_by_an_index(monkeypatch):
    """Each outline is compared only with the exclusions near it."""
    compared = []
    touches = shapely.touches
    monkeypatch.setattr(
        shapely, "touches", lambda one, others: compared.append(len(others)) or touches(one, others)
    )
    places = [(x * 100, y * 100) for x in range(32) for y in range(32)]
    rings = [box(x, y, 90) for x, y in places] + [box(x + 10, y + 10, 20) for x, y in places]
    features = read_outlines(asap(rings, ["Tumor"] * len(places) + ["Exclusion"] * len(places)))
    assert [len(item["geometry"]["coordinates"]) for item in features] == [2] * len(places)
    assert sum(compared) == len(places)


def test_outlines_that_share_all_exclusions_are_refused_by_their_points(monkeypatch):
    monkeypatch.setattr("ml.formats.outlines.GeometryBudget", lambda: GeometryBudget(points_made=20_000))
    rings = [box(n * 0.01, 0, 4000) for n in range(30)] + [
        box(x * 100 + 20, y * 100 + 20, 20) for x in range(32) for y in range(32)
    ]
    with pytest.raises(DataError, match="too many points"):
        read_outlines(asap(rings, ["Tumor"] * 30 + ["Exclusion"] * 1024))


def test_geometry_inside_a_service_is_a_defect(db):
    @service
    def slow(*, geometry):
        nothing_written()
        return kept_geometry.keep_shape(geometry, "polygon", (100, 100))

    with pytest.raises(LockedWorkError):
        slow(geometry=SQUARE)


WAYS = ("annotations", "batch", "regions", "verdict", "redraw", "update", "import")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", WAYS)
def test_another_person_writes_while_geometry_is_checked(
    way,
    api,
    user_factory,
    slide,
    suggest,  # noqa: F811
    label_factory,
    monkeypatch,
):
    """In the middle of the check of a geometry a second connection writes, on SQLite to the one file."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    client, ann = api(user_factory("mia")), user_factory("ann")
    drawn = post(client, f"/slides/{slide.pk}/annotations", new(SQUARE), 201)
    made = suggest(slide, [label_factory(slide.project, "other")], [0.4, 0.6])
    written = []

    def write_elsewhere():
        try:
            answer = api(ann).post(f"{API}/slides/{slide.pk}/annotations", new(SQUARE), format="json")
            written.append(answer.status_code)
        finally:
            connections.close_all()

    valid = kept_geometry.is_valid_area

    def check(area):
        if threading.current_thread() is threading.main_thread() and not written:
            other = threading.Thread(target=write_elsewhere)
            other.start()
            other.join(20)
        return valid(area)

    monkeypatch.setattr(kept_geometry, "is_valid_area", check)
    if way == "annotations":
        post(client, f"/slides/{slide.pk}/annotations", new(BOW), 201)
    elif way == "batch":
        post(
            client, f"/slides/{slide.pk}/annotations/batch", {"changes": [{"op": "create", **new(BOW)}]}, 200
        )
    elif way == "regions":
        post(client, f"/slides/{slide.pk}/regions", {"id": str(uuid.uuid4()), "geometry": BOW}, 201)
    elif way == "verdict":
        whole = {"within": mapping(shapely.box(-1, -1, 20_000, 20_000))}
        post(client, f"/object-sets/{made.pk}/verdicts", {"kind": "accepted", "filter": whole}, 201)
    elif way == "redraw":
        post(client, f"/object-sets/{made.pk}/verdicts/redraw", {"index": 0, "annotation": new(BOW)}, 201)
    elif way == "update":
        body = {"revision": 1, "geometry": BOW}
        assert client.patch(f"{API}/annotations/{drawn['id']}", body, format="json").status_code == 200
    else:
        text = b'{"type": "Feature", "properties": {}, "geometry": %s}' % str(BOW).replace("'", '"').encode()
        body = {"file": SimpleUploadedFile("a.geojson", text)}
        answer = client.post(f"{API}/slides/{slide.pk}/import", body, format="multipart")
        assert answer.json()["created"] == 1
    assert written == [201]
