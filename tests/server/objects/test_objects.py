"""Object sets and heat maps: written, visible to members only, tiled under a grant, immutable."""

from __future__ import annotations

import io
import uuid

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from ml.contracts import HeatMap as Grid
from server.audit.models import AuditRecord
from server.core.files.storage import storage_path
from server.jobs.models import JobEvent
from server.objects import services
from server.objects.models import HeatMap, ObjectSet
from tests.server.fetching import fetch

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture
def place(project_factory, slide_factory, label_factory):
    project = project_factory(annotator="ann", reviewer="rob", manager="mia")
    labels = [label_factory(project), label_factory(project, "Stroma", "#0072b2")]
    return {"project": project, "slide": slide_factory(project, "a"), "labels": labels}


@pytest.fixture
def ann(api, user_factory, place):
    return api(user_factory("ann"))


@pytest.fixture
def shown(suggest, place, ann):
    """The API's answer for a set of 300 suggestions."""
    rng = np.random.default_rng(1)
    made = suggest(place["slide"], place["labels"], rng.random(300), numbers=rng.integers(0, 2, 300))
    return ann.get(f"{API}/object-sets/{made.pk}").json()


def table(answer):
    assert answer.status_code == 200, answer.content
    return pa.ipc.open_stream(answer.content).read_all()


def tiles_of(shown, z):
    count = 1 << z
    for x in range(count):
        for y in range(count):
            answer = fetch(shown["tiles"].format(z=z, x=x, y=y))
            if answer.status_code == 200:
                yield table(answer)


def test_a_set_tells_what_is_in_it(shown, place):
    assert (shown["state"], shown["count"], shown["decided_count"]) == ("ready", 300, 0)
    assert [label["name"] for label in shown["labels"]] == ["Tumour", "Stroma"]
    assert shown["slide_id"] == str(place["slide"].pk)
    assert shown["tile0"] > 0


def test_the_deepest_tiles_hold_every_object_exactly_once(shown):
    tables = list(tiles_of(shown, shown["levels"]))
    # Behind a tile's own rows come guests that only reach into it.
    own = [
        index for part in tables for index in part["index"].to_pylist()[: int(part.schema.metadata[b"own"])]
    ]
    assert sorted(own) == list(range(300))


def test_tiles_may_be_cached_for_ever_and_revalidated(shown):
    address = shown["tiles"].format(z=0, x=0, y=0)
    first = fetch(address)
    assert "immutable" in first.headers["cache-control"]
    again = fetch(address, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert fetch(address, method="POST").status_code == 405


def test_tiles_need_the_grant_of_their_own_set(shown, suggest, place, ann):
    other = suggest(place["slide"], place["labels"], [0.5], name="other")
    their = ann.get(f"{API}/object-sets/{other.pk}").json()["tiles"].partition("grant=")[2]
    bare = shown["tiles"].partition("grant=")[0].format(z=0, x=0, y=0)
    viewer = ann.get(f"{API}/slides/{place['slide'].pk}/viewer").json()["grant"]
    for grant in ("", "x", their, viewer, "0.0", "é"):
        answer = fetch(f"{bare}grant={grant}")
        assert (answer.status_code, answer.json()["code"]) == (403, "grant_refused"), grant


@pytest.mark.parametrize("place_of_tile", ["99/0/0", "0/1/0", "0/0/1", "0/0/-1", "x/0/0", "9999999/1/1"])
def test_tiles_that_are_not_there(shown, place_of_tile):
    address = shown["tiles"].replace("{z}/{x}/{y}", place_of_tile)
    assert fetch(address).status_code == 404


def test_names_that_are_no_folder_of_a_set(shown):
    from server.slides.tiles.grants import issue_grant

    for name in ("%2e%2e", "x", f"{uuid.uuid4()}", f"{uuid.uuid4()}.1"):
        grant = issue_grant(name)[0]
        assert fetch(f"/object-tiles/{name}/0/0/0.arrow?grant={grant}").status_code == 404


def test_a_set_is_seen_by_members_only(shown, api, user_factory, place):
    for username, status in (("ann", 200), ("rob", 200), ("stranger", 404)):
        client = api(user_factory(username))
        assert client.get(f"{API}/object-sets/{shown['id']}").status_code == status
        assert client.get(f"{API}/slides/{place['slide'].pk}/object-sets").status_code == status


def test_a_set_that_is_being_written_has_no_tiles_yet(place, user_factory, ann):
    made = services.begin_object_set(
        actor=user_factory("rob"), slide=place["slide"], name="later", source="model", labels=[]
    )
    body = ann.get(f"{API}/object-sets/{made.pk}").json()
    assert (body["state"], body["tiles"]) == ("writing", None)
    objects = ann.get(f"{API}/object-sets/{made.pk}/objects?indices=")
    assert objects.json() == {"results": []}
    assert ann.get(f"{API}/object-sets/{made.pk}/objects/at?x=1&y=1").json()["code"] == "object_set_not_ready"


def test_finishing_twice_changes_nothing_and_superseded_sets_step_back(suggest, place, user_factory, ann):
    rob = user_factory("rob")
    old = suggest(place["slide"], place["labels"], [0.5, 0.6])
    again = services.finish_object_set(
        actor=rob, object_set=old, key="object-sets/other", count=9, summary={}
    )
    assert (again.count, again.storage_key) == (2, old.storage_key)
    new = suggest(place["slide"], place["labels"], [0.5], name="model v2")
    services.supersede_object_sets(actor=rob, slide=place["slide"], sets=[old])
    address = f"{API}/slides/{place['slide'].pk}/object-sets"
    assert [row["id"] for row in ann.get(address).json()["results"]] == [str(new.pk), str(old.pk)]
    current = ann.get(address, {"current": "true"}).json()["results"]
    assert [row["id"] for row in current] == [str(new.pk)]


def test_a_heat_map_grows_and_its_older_versions_stay(suggest, place, ann, api, user_factory):
    made = suggest(place["slide"], place["labels"], [0.5])
    for value in (0.25, 1.0):
        values = np.full((3, 4), value, dtype=np.float32)
        values[0, 0] = np.nan
        grid = Grid(kind="probability", x=0.0, y=0.0, step=256.0, values=values, label=0)
        services.grow_heat_map(
            object_set=made, name="Probability: Tumour", label_id=str(place["labels"][0].pk), grid=grid
        )
    assert HeatMap.objects.count() == 1
    [shown] = ann.get(f"{API}/object-sets/{made.pk}").json()["heat_maps"]
    assert (shown["version"], shown["rows"], shown["columns"], shown["step"]) == (2, 3, 4, 256.0)

    def grey(address):
        answer = ann.get(address)
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
        assert "immutable" in answer["Cache-Control"]
        return np.asarray(Image.open(io.BytesIO(answer.content)))

    now, before = grey(shown["png"]), grey(shown["png"].replace("version=2", "version=1"))
    assert (now.shape, now[0, 0], now[1, 1]) == ((3, 4), 255, 254)
    assert before[1, 1] == round(0.25 * 254)
    bare = shown["png"].partition("?")[0]
    assert np.array_equal(grey(bare), now)
    for version in ("0", "3", "-1", "x", "²", "9" * 40, "../v1"):
        assert ann.get(bare, {"version": version}).status_code == 404, version
    assert api(user_factory("stranger")).get(bare).status_code == 404


def test_a_slide_with_every_kind_of_verdict_is_deleted_with_its_files(
    suggest, place, api, user_factory, home
):
    """Redrawn and undone verdicts refer to rows that are deleted with the slide."""
    from tests.server.slides.imports.test_import import with_commit

    mia = api(user_factory("mia"))
    made = suggest(place["slide"], place["labels"], [0.4, 0.5, 0.6])
    address = f"{API}/object-sets/{made.pk}/verdicts"
    square = {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 0]]]}
    drawn = {"id": str(uuid.uuid4()), "shape": "polygon", "geometry": square}
    assert mia.post(f"{address}/redraw", {"index": 0, "annotation": drawn}, format="json").status_code == 201
    given = mia.post(address, {"kind": "accepted", "indices": [1]}, format="json").json()
    assert mia.post(f"{API}/verdicts/{given['id']}/undo").status_code == 201
    grid = Grid(kind="uncertainty", x=0.0, y=0.0, step=256.0, values=np.zeros((1, 1), np.float32), label=None)
    services.grow_heat_map(object_set=made, name="Uncertainty", label_id=None, grid=grid)
    folder = storage_path(made.storage_key)
    assert folder.is_dir()
    answer = with_commit(lambda: mia.delete(f"{API}/slides/{place['slide'].pk}"))
    assert answer.status_code == 204
    assert ObjectSet.objects.count() == 0
    left = [path for path in (home / "storage").rglob("*") if path.is_file()]
    assert left == []


@pytest.fixture
def brought(suggest, place):
    """A ready imported set."""
    made = suggest(place["slide"], place["labels"], [0.4, 0.5, 0.6], name="cells.parquet")
    ObjectSet.objects.filter(pk=made.pk).update(source=ObjectSet.Source.FILE)
    return made


def test_a_set_brought_by_mistake_is_taken_back_with_its_files(brought, place, api, user_factory):
    from tests.server.slides.imports.test_import import with_commit

    rob, address = api(user_factory("rob")), f"{API}/object-sets/{brought.pk}/withdrawal"
    tiles = rob.get(f"{API}/object-sets/{brought.pk}").json()["tiles"].format(z=0, x=0, y=0)
    assert fetch(tiles).status_code == 200
    assert api(user_factory("ann")).post(address).status_code == 403
    assert with_commit(lambda: rob.post(address)).json() == {"deleted": True}
    assert not ObjectSet.objects.exists()
    assert not storage_path(brought.storage_key).exists()
    assert rob.get(f"{API}/projects/{place['project'].pk}/review/queue").json()["results"] == []
    assert rob.post(address).status_code == 404
    assert AuditRecord.objects.filter(action="object_set.withdraw", details__deleted=True).count() == 1
    assert JobEvent.objects.filter(data__topic="object_sets", data__slide_id=str(place["slide"].pk)).exists()


def test_verdicts_outlive_the_set(brought, place, api, user_factory):
    rob, address = api(user_factory("rob")), f"{API}/object-sets/{brought.pk}"
    given = {"kind": "accepted", "indices": [1]}
    assert rob.post(f"{address}/verdicts", given, format="json").status_code == 201
    assert rob.post(f"{address}/withdrawal").json() == {"deleted": False}
    assert rob.post(f"{address}/withdrawal").json() == {"deleted": False}
    assert storage_path(brought.storage_key).is_dir()
    assert rob.get(address).json()["decided_count"] == 1
    shown = rob.get(f"{API}/slides/{place['slide'].pk}/object-sets", {"current": "true"}).json()
    assert shown["results"] == []
    assert AuditRecord.objects.filter(action="object_set.withdraw", details__deleted=False).count() == 1


def test_suggestions_of_a_model_and_unfinished_sets_are_not_taken_back(suggest, place, api, user_factory):
    rob = api(user_factory("rob"))
    made = suggest(place["slide"], place["labels"], [0.4])
    refused = rob.post(f"{API}/object-sets/{made.pk}/withdrawal")
    assert (refused.status_code, refused.json()["code"]) == (422, "object_set_not_brought")
    unfinished = services.begin_object_set(
        actor=user_factory("rob"), slide=place["slide"], name="b", source="file", labels=[]
    )
    refused = rob.post(f"{API}/object-sets/{unfinished.pk}/withdrawal")
    assert (refused.status_code, refused.json()["code"]) == (422, "object_set_not_ready")


@pytest.fixture
def crowd(suggest, place, ann):
    """A set of 5,000: its first tile is served as cells."""
    rng = np.random.default_rng(2)
    made = suggest(place["slide"], place["labels"], rng.random(5000), numbers=rng.integers(0, 2, 5000))
    return ann.get(f"{API}/object-sets/{made.pk}").json()


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip", "gzip"),
        ("identity", None),
        ("zstd;q=0, gzip", "gzip"),
        ("", None),
    ],
)
def test_tiles_are_packed_as_the_client_can_unpack(crowd, accepted, encoding):
    """The same table in every encoding; httpx unpacks gzip, pyarrow the rest."""
    address = crowd["tiles"].format(z=0, x=0, y=0)
    plain = fetch(address, headers={"Accept-Encoding": "identity"})
    answer = fetch(address, headers={"Accept-Encoding": accepted})
    assert answer.headers.get("content-encoding") == encoding
    assert (answer.headers["vary"], answer.headers["etag"] == plain.headers["etag"]) == (
        "accept-encoding",
        encoding is None,
    )
    content = answer.content
    if content[:4] == b"\x28\xb5\x2f\xfd":  # httpx without zstandard leaves it packed
        content = pa.Codec("zstd").decompress(content, len(plain.content), asbytes=True)
    assert content == plain.content
    if encoding:
        assert int(answer.headers["content-length"]) < len(plain.content) / 2


def test_limits_change_the_counts_of_cells_and_their_address(crowd):
    address = crowd["tiles"].format(z=0, x=0, y=0)
    whole, some = (table(fetch(address + more)) for more in ("", "&min_score=0.5&max_uncertainty=0.25"))
    assert whole.schema.metadata[b"kind"] == b"cells"
    assert sum(whole["count"].to_pylist()) == 5000
    wanted = np.random.default_rng(2).random(5000).astype(np.float32)
    assert sum(some["count"].to_pylist()) == ((wanted >= 0.5) & (1 - wanted <= 0.25)).sum()
    assert fetch(address).headers["etag"] != fetch(address + "&min_score=0.5").headers["etag"]
    answer = fetch(address + "&min_score=nan")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_limit")


def test_a_client_may_know_which_tiles_are_cells(crowd, shown):
    def listed(told):
        return table(fetch(told["tiles"].replace("{z}/{x}/{y}.arrow", "index.arrow"))).to_pylist()

    assert listed(crowd)[0] == {"z": 0, "x": 0, "y": 0, "count": 5000}
    assert listed(shown) == []
