"""Files of other programs are read in any container: encodings, gzip, archives, tables."""

from __future__ import annotations

import gzip
import io
import json
import math
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from server.exchange.errors import BadForeignFileError, BadObjectFileError, NotGeoJsonError
from server.exchange.formats.archives import SlideName
from server.exchange.formats.files import read_file
from server.exchange.formats.shapes import ForeignShape
from tests.server.exchange.rows import NAME, feature, rows_of, shapes_of, square

pytestmark = pytest.mark.one_database

# --- Text and packing


COLLECTION = {"type": "FeatureCollection", "features": [feature(classification="Tümor"), feature(square(60))]}


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode(),
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode("utf-16-be"),
        lambda text: text.encode("utf-32"),
        lambda text: gzip.compress(text.encode()),
        lambda text: gzip.compress(text.encode("utf-16")),
    ],
)
@pytest.mark.parametrize("name", ["a.geojson", "a.gz", "a.txt", "a"])
def test_texts_are_read_in_every_encoding_by_their_content(encode, name):
    text = json.dumps(COLLECTION, ensure_ascii=False)
    assert [row.label for row in shapes_of(encode(text), name)] == ["Tümor", None]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(COLLECTION["features"]),
        "\n".join(json.dumps(item) for item in COLLECTION["features"]),
        "".join(f"\x1e{json.dumps(item)}\n" for item in COLLECTION["features"]),
        "\x1e" + json.dumps(COLLECTION) + "\n",
        json.dumps(COLLECTION["features"][0]) + json.dumps(COLLECTION["features"][1]["geometry"]),
        "\n" * 3000 + json.dumps(COLLECTION),
        json.dumps({"type": "GeometryCollection", "geometries": [square(), square(60)]}),
        json.dumps([square(), feature()]),
    ],
)
def test_every_form_of_geojson_is_read(text):
    assert len(shapes_of(text.encode())) == 2


@pytest.mark.parametrize("item", [feature(), square(), {"type": "Point", "coordinates": [1, 2]}])
def test_a_single_feature_or_geometry_is_read(item):
    assert len(shapes_of(item)) == 1


def test_a_line_that_breaks_off_comes_after_the_rows_before():
    rows = read_file(
        b'{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}\n{"type"', NAME
    )
    assert isinstance(next(rows), ForeignShape)
    with pytest.raises(NotGeoJsonError):
        list(rows)


def test_an_archive_gives_the_file_of_the_slide():
    def packed(**files):
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w") as archive:
            for name, content in files.items():
                archive.writestr(f"{name}.geojson", json.dumps(content))
        return sink.getvalue()

    other = {"type": "FeatureCollection", "slide": {"sha256": "b" * 64}, "features": [feature()] * 3}
    mine = {"type": "FeatureCollection", "slide": {"sha256": "a" * 64}, "features": [feature()]}
    assert len(shapes_of(packed(one=mine), "a.zip")) == 1
    assert len(shapes_of(packed(one=mine, two=other), "a.bin", slide=SlideName("b" * 64, "two"))) == 3
    plain = {"type": "FeatureCollection", "features": [feature()] * 2}
    assert len(shapes_of(packed(One=plain, two=plain), "a.zip", slide=SlideName("c" * 64, "one"))) == 2
    stranger = SlideName("c" * 64, "three")
    for files, reason in (
        ({"one": mine, "two": other}, "no file for the slide three"),
        ({"one": mine}, "no file for the slide three"),
        ({"one": plain, "two": plain}, "several slides"),
    ):
        with pytest.raises(BadForeignFileError, match=reason):
            rows_of(packed(**files), "a.zip", slide=stranger)


def test_the_case_of_a_packed_file(case_file):
    name = "shapes.geojson.gz"
    assert len(shapes_of(case_file("25-gzip-as-annotations", name).read_bytes(), name)) == 1


# --- Tables


def wkb(*shapes):
    return pa.array(shapely.to_wkb(np.array(shapes, dtype=object)), pa.binary())


def parquet(**columns):
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


BOXES = shapely.box(10, 10, 20, 20), shapely.box(30, 30, 40, 40), shapely.box(50, 50, 60, 60)


@pytest.mark.parametrize("name", ["geom", "shape", "wkb_geometry", "geometry"])
def test_the_one_column_of_wkb_is_taken_whatever_its_name(name):
    content = parquet(**{"label": ["a", "b", "c"], "thumbnail": [b"x", b"y", b"z"], name: wkb(*BOXES)})
    assert [row.label for row in shapes_of(content, "a.parquet")] == ["a", "b", "c"]


def test_a_table_without_shapes_names_all_of_its_columns():
    with pytest.raises(BadObjectFileError, match="label, thumbnail"):
        rows_of(parquet(label=["a"], thumbnail=[b"x"]), "a.parquet")
    with pytest.raises(BadObjectFileError, match="one, other"):
        rows_of(parquet(one=wkb(BOXES[0]), other=wkb(BOXES[1])), "a.parquet")


@pytest.mark.parametrize(
    ("column", "names"),
    [
        (pa.array(["a", None, ""]), ["a", None, None]),
        (pa.array([0, 1, None]), ["0", "1", None]),
        (pa.array([0.0, 2.5, math.nan]), ["0", "2.5", None]),
        (pa.array([["Tumor", "Positive"], ["Tumor"], None]), ["Tumor: Positive", "Tumor", None]),
        (pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"]),
        (pa.array([{"name": "a"}, {"name": None}, None]), ["a", None, None]),
        (pa.array(['{"name": "Tumor", "color": [200, 0, 0]}', "b", "c"]), ["Tumor", "b", "c"]),
        (pa.array(["x" * 120 + "a", "x" * 120 + "b", "c"]), None),
    ],
)
def test_the_class_of_a_table_is_text_number_list_or_dictionary(column, names):
    rows = shapes_of(parquet(Class=column, geometry=wkb(*BOXES)), "a.parquet")
    assert [row.label for row in rows] == names if names else len({row.label for row in rows}) == 3
    assert rows[0].colour == ("#c80000" if names and names[0] == "Tumor" and names[1] == "b" else None)


@pytest.mark.parametrize(
    "name",
    ["score", "probability", "Confidence", "PROB", "Detection probability", "type_prob", "class-probability"],
)
def test_a_score_is_read_under_its_usual_names_by_every_reader(name):
    table = parquet(**{"geometry": wkb(*BOXES), name: [0.1, 0.5, 0.9]})
    assert [row.score for row in shapes_of(table, "a.parquet")] == pytest.approx([0.1, 0.5, 0.9])
    texts = [
        feature(**{name: 0.5}),
        feature(measurements={name: 0.5, "Area": 3}),
        feature(measurements=[{"name": name, "value": 0.5}]),
    ]
    assert [row.score for row in shapes_of(texts)] == [0.5] * 3


@pytest.mark.parametrize("value", [math.nan, "high", 85, -0.1, True, [0.5], "85%", math.inf])
def test_a_bad_number_is_marked_in_its_row_only(value):
    rows = shapes_of([feature(measurements={"probability": value}), feature(probability=0.7), feature()])
    assert math.isnan(rows[0].score)
    assert [row.score for row in rows[1:]] == [0.7, None]


def test_the_cases_of_tables(case_file):
    name = "probability.parquet"
    rows = shapes_of(case_file("23-probability-in-tables", name).read_bytes(), name)
    assert [row.score for row in rows] == pytest.approx([0.1, 0.5, 0.9])
    name = "geom-column.parquet"
    assert len(shapes_of(case_file("26-table-message", name).read_bytes(), name)) == 3
