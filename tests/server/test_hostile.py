"""Numbers and texts that no database stores and no array holds, in every parameter that takes one."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from tests.conftest import ROOT
from tests.server.review.conftest import suggest  # noqa: F401 - a fixture
from tests.server.test_access import TABLE, routes, world  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

API = "/api/v1"
HUGE = "9" * 40
# Half a surrogate pair arrives as its three bytes.
HALF = "\ud800".encode("utf-8", "surrogatepass")
WORDS = ("", "\0", HALF, "x", "%_'\"\\", "-1", HUGE, HUGE * 9, "1e400", "nan", "-inf", "٣")
# Places in the queue that were never given out: a list of null, infinities, an object.
PLACES = ("W251bGxd", "WzFlNDAwLCAxZTQwMCwgMV0=", "e30=", "!!")


def parameters_by_address():
    """Return the names of the query parameters of each URL in the schema."""
    schema = json.loads((ROOT / "frontend" / "src" / "sync" / "openapi.json").read_text())
    return {
        path: [row["name"] for row in methods["get"].get("parameters", []) if row["in"] == "query"]
        for path, methods in schema["paths"].items()
        if "get" in methods
    }


@pytest.fixture
def client(api, user_factory):
    made = api(user_factory("manager"))
    made.raise_request_exception = False
    return made


def test_no_parameter_of_an_address_breaks_the_server(world, client, suggest, label_factory):  # noqa: F811
    from server.slides.models import Slide

    slide = Slide.objects.get(pk=world["slide_id"])
    made = suggest(slide, [label_factory(slide.project, "other")], [0.4, 0.6])
    ids = {**world, "set_id": made.pk}
    parameters, asked = parameters_by_address(), 0
    for method, name in sorted(TABLE):
        if method != "get":
            continue
        [wanted] = [keys for other, _, keys in routes() if other == name]
        address = reverse(name, kwargs={key: ids[key] for key in wanted})
        template = address
        for key in wanted:
            template = template.replace(str(ids[key]), f"{{{key}}}")
        names = parameters.get(template, [])
        asked += len(names)
        for parameter in names:
            for word in (*WORDS, *(PLACES if parameter == "after" else ())):
                query = {**({"x": 1, "y": 1} if {"x", "y"} <= set(names) else {}), parameter: word}
                answer = client.get(address, query)
                assert answer.status_code < 500, (name, query)
                if answer.streaming:
                    b"".join(answer.streaming_content)
    assert asked > 60


def test_no_number_in_a_path_breaks_the_server(world, client, suggest, label_factory):  # noqa: F811
    from server.slides.models import Slide

    slide = Slide.objects.get(pk=world["slide_id"])
    made = suggest(slide, [label_factory(slide.project, "other")], [0.4, 0.6])
    numbered = [(name, keys) for name, _, keys in routes() if {"index", "x", "y", "z"} & set(keys)]
    assert numbered
    for name, keys in numbered:
        for number in (2, 2**31, 2**63, int(HUGE)):
            ids = {key: number if key in {"index", "x", "y", "z"} else made.pk for key in keys}
            answer = client.get(reverse(name, kwargs=ids))
            assert answer.status_code < 500, (name, number)
            assert number < 2**31 or answer.status_code == 404, (name, number)


BODIES = [
    ("annotations", {"id": "{new}", "shape": "polygon",
                     "geometry": {"type": ["Polygon"], "coordinates": []}}),
    ("annotations", {"id": "{new}", "shape": "point",
                     "geometry": {"type": "Point", "coordinates": [10**400, 1]}}),
    ("annotations", {"id": "{new}", "shape": "point", "geometry": {"type": "Point", "coordinates": [5, 5]},
                     "note": "a\0b"}),
    ("annotations", {"id": "{new}", "shape": "point", "geometry": [[[]]]}),
    ("annotation-batch", {"changes": [{"op": "delete", "id": "{new}", "revision": 10**40}]}),
    ("annotation-batch", {"changes": "all"}),
    ("regions", {"id": "{new}", "geometry": {"type": "Polygon", "coordinates": {"a": 1}}}),
    ("labels", {"name": "\ud800", "colour": "#000000"}),
    ("labels", {"name": "a", "colour": "#000000", "key": 10**40}),
    ("rounds", {"recipe": "descriptors", "seed": 10**40}),
    ("rounds", {"recipe": "\0", "config": {"a\0": "\0"}}),
    ("check-round", {"recipe": "descriptors", "config": {"patch": 1e300}}),
    ("check-round", {"recipe": "descriptors", "config": {"patch": [1]}}),
    ("verdicts", {"kind": "accepted", "indices": [10**40]}),
    ("verdicts", {"kind": "accepted", "indices": [4294967295]}),
    ("verdicts", {"kind": "accepted", "filter": {"min_score": 1e308, "within": {"type": "Polygon"}}}),
    ("verdicts", {"kind": "accepted", "filter": {"within": {"type": ["Polygon"]}}}),
    ("redraw", {"index": 10**40, "annotation": {"id": "{new}", "shape": "point", "geometry": {}}}),
    ("skip", {"object_set_id": "{set_id}", "index": 10**40}),
    ("tokens", {"name": "a\0", "expires_at": "0001-01-01T00:00:00Z"}),
    ("tokens", {"name": "a", "expires_at": "99999-01-01"}),
    ("preferences", {"key_map": {"a": {"b": 1}}}),
    ("project", {"name": "a\ud800"}),
    ("slide", {"name": "a\0", "resolution": {"x": 1e-300, "y": 1e300}}),
    ("slide", {"resolution": {"x": "nan", "y": "inf"}}),
    ("slide", {"resolution": [0.5]}),
    ("predictions", {"model_version_id": "{version_id}", "slide_ids": ["{slide_id}"],
                     "region": {"type": "Polygon", "coordinates": [[[10**400, 0], [1, 1], [2, 0]]]}}),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BODIES)))
def test_no_body_breaks_the_server(number, world, client, suggest, label_factory):  # noqa: F811
    from server.slides.models import Slide

    name, body = BODIES[number]
    slide = Slide.objects.get(pk=world["slide_id"])
    made = suggest(slide, [label_factory(slide.project, "other")], [0.4, 0.6])
    ids = {**world, "set_id": made.pk, "new": "00000000-0000-4000-8000-000000000001"}
    text = json.dumps(body)
    for key in ("new", "set_id", "version_id", "slide_id"):
        text = text.replace(f"{{{key}}}", str(ids[key]))
    [wanted] = [keys for other, _, keys in routes() if other == name]
    method = "patch" if name in {"preferences", "project", "slide"} else "post"
    address = reverse(name, kwargs={key: ids[key] for key in wanted})
    answer = getattr(client, method)(address, text, content_type="application/json")
    assert 400 <= answer.status_code < 500, answer.content
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[" * 100_000,
        '{"a": NaN}',
        '"\\ud800"',
        "null",
        "7",
        "[]",
        '{"name": 1e999}',
        f'{{"key": {"9" * 5000}}}',
    ],
)
def test_a_body_that_is_no_object_is_refused(text, client, world):  # noqa: F811
    address = reverse("labels", kwargs={"project_id": world["project_id"]})
    answer = client.post(address, text, content_type="application/json")
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"


def test_an_address_that_does_not_exist_is_told_as_a_problem(client, world):  # noqa: F811
    for address in (f"{API}/nothing", f"{API}/slides/none", "/api/v9/slides"):
        answer = client.get(address)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert answer["Content-Type"] == "application/problem+json"
