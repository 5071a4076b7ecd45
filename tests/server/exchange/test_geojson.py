"""Import of GeoJSON by QuPath and others, and its export unchanged; invalid rows are refused one by one."""

from __future__ import annotations

import gzip
import io
import json
import zipfile

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from shapely.geometry import shape

from ml.messages import Message
from server.annotations.models import Annotation
from server.projects.models import Label

pytestmark = pytest.mark.django_db

API = "/api/v1"
QUPATH = (
    "holed.geojson", "qupath-brush.json", "qupath-ellipse.json", "qupath-line.json", "qupath-multipoint.json",
    "qupath-point.json", "qupath-polygon.json", "qupath-polyline.json", "qupath-rectangle.json",
    "qupath-wand.json",
)  # fmt: skip


@pytest.fixture
def slide(project, slide_factory):
    """A slide as large as that of the QuPath files."""
    return slide_factory(project, "big", width=46_000, height=33_000)


def bring(client, slide, content, status=200, *, create_labels=True, name="file.geojson", become="auto"):
    if not isinstance(content, bytes):
        content = json.dumps(content).encode()
    file = io.BytesIO(content)
    file.name = name
    answer = client.post(
        f"{API}/slides/{slide.pk}/import",
        {"file": file, "create_labels": str(create_labels).lower(), "become": become},
        format="multipart",
    )
    assert answer.status_code == status, answer.content[:2000]
    return answer.json()


def export(client, slide, **query):
    answer = client.get(f"{API}/slides/{slide.pk}/export.geojson", query)
    assert answer.status_code == 200
    return json.loads(answer.content)["features"]


def feature(geometry, **properties):
    return {"type": "Feature", "id": "x", "geometry": geometry, "properties": properties}


def square(x=100, y=100, side=50):
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


def essence(features):
    """Return the content that must survive, geometry, class, colour and name, in any order."""
    rows = [
        json.dumps([f["geometry"], f["properties"].get("classification"), f["properties"].get("name")])
        for f in features
    ]
    return sorted(rows)


@pytest.mark.parametrize("name", QUPATH)
def test_a_file_of_qupath_comes_in_and_goes_out_the_same(name, mia, project, slide, slide_factory, data):
    content = (data / "annotations" / "geojson-qupath" / name).read_bytes()
    result = bring(mia, slide, content)
    assert result["skipped"] == []
    source = json.loads(content)
    wanted = shape(source["geometry"])
    parts = shapely.get_parts(wanted) if wanted.geom_type == "MultiPoint" else [wanted]
    assert result["created"] == len(parts)
    exported = export(mia, slide)
    kept = [shape(f["geometry"]) for f in exported]
    assert all(any(k.equals_exact(p, 0.01) or k.equals(p) for k in kept) for p in parts), name
    # Once more into another slide of the same size: nothing is lost on the way.
    twin = slide_factory(project, "twin", width=46_000, height=33_000)
    assert bring(mia, twin, {"type": "FeatureCollection", "features": exported})["created"] == len(parts)
    assert essence(export(mia, twin)) == essence(exported)


def test_holes_and_multi_polygons_survive(mia, slide):
    hole = [[20, 20], [40, 20], [40, 40], [20, 40], [20, 20]]
    outer = [[0, 0], [100, 0], [100, 100], [0, 100], [0, 0]]
    far = [[500, 500], [600, 500], [600, 600], [500, 500]]
    several = {"type": "MultiPolygon", "coordinates": [[outer, hole], [far]]}
    classification = {"name": "Tumor", "color": [200, 0, 10]}
    bring(mia, slide, [feature(several, classification=classification, name="a note")])
    [out] = export(mia, slide)
    assert shape(out["geometry"]).equals(shape(several))
    assert out["geometry"]["type"] == "MultiPolygon"
    assert len(out["geometry"]["coordinates"][0]) == 2
    assert out["properties"]["classification"] == classification
    assert (out["properties"]["name"], out["properties"]["objectType"]) == ("a note", "annotation")


def test_the_same_file_twice_adds_nothing(mia, slide):
    content = [feature(square()), feature(square(x=300)), feature(square())]
    first = bring(mia, slide, content)
    assert (first["created"], first["already_there"]) == (2, 1)
    again = bring(mia, slide, content)
    assert (again["created"], again["already_there"]) == (0, 3)
    assert Annotation.objects.count() == 2


def test_a_file_whose_annotations_were_deleted_brings_them_back(mia, slide):
    content = [feature(square())]
    bring(mia, slide, content)
    annotation = Annotation.objects.get()
    assert mia.delete(f"{API}/annotations/{annotation.pk}?revision=1").status_code == 204
    assert bring(mia, slide, content)["created"] == 1
    assert len(export(mia, slide)) == 1


def test_exported_shapes_are_recognised_on_their_slide(mia, slide):
    """Finished regions too, which are no annotations."""
    import uuid

    bring(
        mia,
        slide,
        [feature(square(), classification="Tumor"), feature({"type": "Point", "coordinates": [5, 5]})],
    )
    body = {"id": str(uuid.uuid4()), "geometry": square(side=400)}
    mia.post(f"{API}/slides/{slide.pk}/regions", body, format="json")
    exported = export(mia, slide)
    assert len(exported) == 3
    result = bring(mia, slide, {"type": "FeatureCollection", "features": exported})
    assert (result["created"], result["already_there"]) == (0, 3)
    assert Annotation.objects.count() == 2


def test_a_colour_of_older_versions_and_names_of_derived_classes(mia, slide):
    bring(
        mia,
        slide,
        [
            feature(square(), classification={"name": "Stroma", "colorRGB": -6895466}),
            feature(square(300), classification={"names": ["Tumor", "Positive"]}),
            feature(square(500), classification="Necrosis"),
        ],
    )
    colours = dict(Label.objects.values_list("name", "colour"))
    assert colours["Stroma"] == "#96c896"
    assert {"Tumor: Positive", "Necrosis"} < set(colours)


def test_labels_are_made_only_when_asked(mia, slide, label_factory, project):
    label_factory(project, "Tumour")
    content = [
        feature(square(), classification={"name": "Tumour"}),
        feature(square(300), classification="New"),
    ]
    result = bring(mia, slide, content, create_labels=False)
    assert (result["created"], result["labels_created"]) == (1, [])
    assert [(row["row"], row["reason"]["text"]) for row in result["skipped"]] == [
        (1, "The project has no label 'New'.")
    ]
    result = bring(mia, slide, content)
    assert (result["created"], result["labels_created"]) == (1, ["New"])


def test_making_labels_needs_a_manager(api, user_factory, slide):
    content = [feature(square(), classification="New")]
    ann = api(user_factory("ann"))
    result = bring(ann, slide, [*content, feature(square(300))])
    assert (result["created"], result["labels_created"]) == (1, [])
    assert "'New'" in result["skipped"][0]["reason"]["text"]
    assert Label.objects.count() == 0


ODD = {
    "nan": '{"type": "Polygon", "coordinates": [[[NaN, 0], [9, 0], [9, 9], [0, 0]]]}',
    "infinity": '{"type": "Point", "coordinates": [Infinity, 1]}',
    "huge": '{"type": "Point", "coordinates": [1e300, 1]}',
    "huge integer": '{"type": "Point", "coordinates": [1' + "0" * 400 + ", 1]}",
    "outside": '{"type": "Point", "coordinates": [46001, 33001]}',
    "left of it": '{"type": "Polygon", "coordinates": [[[-9, -9], [-1, -9], [-1, -1], [-9, -9]]]}',
    "text": '{"type": "Point", "coordinates": ["1", "2"]}',
    "nothing": '{"type": "Point", "coordinates": []}',
    "no coordinates": '{"type": "Polygon"}',
    "null": '{"type": "Polygon", "coordinates": null}',
    "flat": '{"type": "Polygon", "coordinates": [1, 2, 3]}',
    "too deep": '{"type": "Polygon", "coordinates": [[[[[1]]]]]}',
    "two points": '{"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}',
    "no area": '{"type": "Polygon", "coordinates": [[[0, 0], [9, 9], [4, 4], [0, 0]]]}',
    "no length": '{"type": "LineString", "coordinates": [[5, 5], [5, 5]]}',
    "one number": '{"type": "Point", "coordinates": [5]}',
    "a list as type": '{"type": ["Polygon"], "coordinates": []}',
    "another type": '{"type": "Sphere", "coordinates": [1, 2]}',
    "points that are none": '{"type": "MultiPoint", "coordinates": 7}',
    "collection of none": '{"type": "GeometryCollection", "geometries": 7}',
    "no geometry": "null",
    "a number": "7",
}


@pytest.mark.parametrize("what", sorted(ODD))
def test_a_row_that_makes_no_sense_is_named_and_not_written(what, mia, slide):
    good = json.dumps(feature(square()))
    content = f'[{good}, {{"type": "Feature", "geometry": {ODD[what]}, "properties": null}}]'
    result = bring(mia, slide, content.encode())
    assert result["created"] == 1
    assert [item["row"] for item in result["skipped"]] == [1]
    assert result["skipped"][0]["reason"]["text"].endswith(".")
    assert Annotation.objects.count() == 1


@pytest.mark.parametrize(
    "properties",
    [
        {"classification": {"name": 7}}, {"classification": {"names": 7}},
        {"classification": {"name": ["a"]}},
        {"classification": {"name": "a", "color": [True, 0, 1]}}, {"classification": 7}, {"name": {"a": 1}},
        {"classification": {"name": "a", "colorRGB": 10**30}}, {"classification": {"name": " "}},
        {"classification": {"name": "x" * 500}}, {"classification": "a\0b"}, {"name": "a\0b\ud800"},
        {"classification": "\ud800"}, {"classification": {"name": "a", "color": [1.5, 2, 3]}}, [], "text",
    ],
)  # fmt: skip
def test_strange_properties_break_nothing(properties, mia, slide):
    row = {"type": "Feature", "id": 7, "geometry": square(), "properties": properties}
    result = bring(mia, slide, [row])
    assert result["created"] + len(result["skipped"]) == 1
    assert len(export(mia, slide)) == result["created"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "invalid"), (b"{", "not_geojson"), (b"\xff\xfe\x00", "not_geojson"), (b"7", "not_geojson"),
        (b'{"type": "Topology"}', "not_geojson"), (b"[" * 100_000, "not_geojson"),
        (b"[1" + b"0" * 5000 + b"]", "not_geojson"), (b'{"features": {"a": 1}}', "not_geojson"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_geojson_is_refused_as_a_whole(content, code, mia, slide):
    answer = bring(mia, slide, content, 400 if code == "invalid" else 422)
    assert answer["code"] == code
    assert Annotation.objects.count() == 0


def test_too_many_shapes_are_refused_with_both_numbers(mia, slide, monkeypatch):
    monkeypatch.setattr("server.exchange.formats.files.MOST_FEATURES", 3)
    many = [feature(square(x)) for x in range(4)]
    assert bring(mia, slide, many, 413, become="annotations")["code"] == "too_many_features"
    points = {"type": "MultiPoint", "coordinates": [[x, 1] for x in range(4)]}
    assert bring(mia, slide, [feature(points)], 413, become="annotations")["code"] == "too_many_features"
    assert Annotation.objects.count() == 0


def test_a_file_that_is_too_large_is_not_read(mia, slide, monkeypatch):
    monkeypatch.setattr("server.exchange.slide_files.MOST_BYTES", 10)
    assert bring(mia, slide, [feature(square())], 413, become="annotations")["code"] == "too_large"


def test_a_self_intersection_is_mended_and_counted(mia, slide):
    bow = {"type": "Polygon", "coordinates": [[[0, 0], [100, 100], [100, 0], [0, 100], [0, 0]]]}
    result = bring(mia, slide, [feature(bow)])
    assert (result["created"], result["mended"]) == (1, 1)
    [out] = export(mia, slide)
    kept = shape(out["geometry"])
    assert kept.is_valid
    assert kept.area == pytest.approx(5000)


def test_a_tangled_outline_is_a_row_of_the_report(mia, slide):
    ys = np.random.default_rng(0).uniform(0, 900, 1001).tolist()
    points = [[0 if number % 2 else 900, y] for number, y in enumerate(ys)]
    zigzag = {"type": "Polygon", "coordinates": [[*points, points[0]]]}
    result = bring(mia, slide, [feature(zigzag), feature(square())])
    assert (result["created"], [row["row"] for row in result["skipped"]]) == (1, [0])


@pytest.mark.parametrize("name", ["a.geojson.gz", "a.json", "a.bin"])
def test_a_packed_file_becomes_annotations(name, mia, slide):
    content = gzip.compress(json.dumps([feature(square())]).encode("utf-16"))
    assert bring(mia, slide, content, name=name, become="annotations")["created"] == 1


def test_a_shape_that_only_touches_the_edge_is_skipped(mia, slide):
    beyond = [square(46_000, 33_000), square(-50, 100), square(46_000, 100)]
    line = {"type": "LineString", "coordinates": [[46_000, 10], [46_100, 10]]}
    result = bring(mia, slide, [feature(each) for each in (*beyond, line, square(45_990, 32_990))])
    assert (result["created"], [row["row"] for row in result["skipped"]]) == (1, [0, 1, 2, 3])


def test_a_z_coordinate_is_left_behind(mia, slide, data):
    content = (data / "annotations" / "dsa" / "sample.geojson").read_bytes()
    result = bring(mia, slide, content)
    assert result["created"] > 0
    assert not any(shape(f["geometry"]).has_z for f in export(mia, slide))


def test_a_slide_without_pixels_takes_no_annotations(mia, project, slide_factory):
    failed = slide_factory(project, "failed", state="failed", failure=Message("verbatim", text="Broken."))
    assert bring(mia, failed, [feature(square())], 422)["code"] == "slide_not_ready"


def test_a_project_goes_out_as_one_archive(mia, project, slide, slide_factory):
    other = slide_factory(project, "big")
    slide_factory(project, "../evil/name")
    bring(mia, slide, [feature(square())])
    bring(mia, other, [feature(square()), feature(square(300))])
    answer = mia.get(f"{API}/projects/{project.pk}/export")
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        names = archive.namelist()
        assert len(names) == len(set(names)) == 3
        assert not any("/" in name or name.startswith(".") for name in names)
        sizes = sorted(len(json.loads(archive.read(name))["features"]) for name in names)
    assert sizes == [0, 1, 2]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
GEOMETRY = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["Point", "LineString", "Polygon", "MultiPolygon", "MultiPoint"]),
        "coordinates": JSON,
    }
)


@hypothesis_settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(geometry=JSON | GEOMETRY, properties=JSON)
def test_no_file_at_all_breaks_the_import(mia, slide, geometry, properties):
    row = {"type": "Feature", "geometry": geometry, "properties": properties}
    result = bring(mia, slide, json.dumps([row]).encode())
    assert result["created"] + result["already_there"] + len(result["skipped"]) >= 0
