"""Files of other programs are read into rows: classes, nested objects, shapes, exclusions."""

from __future__ import annotations

import math

import pytest
import shapely
from shapely.geometry import mapping, shape

from server.exchange.formats.classes import parse_class, read_class, shorten_name
from server.exchange.formats.colours import read_colour
from server.exchange.formats.shapes import ForeignShape, UnreadRow
from tests.server.exchange.rows import feature, reasons_of, ring, rows_of, shapes_of, square
from tests.server.exchange.test_foreign import asap

pytestmark = pytest.mark.one_database

# --- Classes and colours


@pytest.mark.parametrize(
    ("properties", "name"),
    [
        ({"classification": {"name": "Tumor"}}, "Tumor"),
        ({"classification": "Tumor"}, "Tumor"),
        ({"classification": '{"name": "Tumor", "color": [200, 0, 0]}'}, "Tumor"),
        ({"classification": "{'name': 'Tumor', 'color': [200, 0, 0]}"}, "Tumor"),
        ({"classification": '"Tumor"'}, "Tumor"),
        ({"classification": {"names": ["Tumor", "Positive"]}}, "Tumor: Positive"),
        ({"classification": ["Tumor", "Positive"]}, "Tumor: Positive"),
        ({"classification": '["Tumor", "Positive"]'}, "Tumor: Positive"),
        ({"classification": [{"name": "Tumor"}]}, "Tumor"),
        ({"classification": {"name": 0}}, "0"),
        ({"classification": 0}, "0"),
        ({"classification": 0.0}, "0"),
        ({"classification": 2.5}, "2.5"),
        ({"classification": "0"}, "0"),
        ({"class": 7}, "7"),
        ({"class_id": 3}, "3"),
        ({"cls": "Stroma"}, "Stroma"),
        ({"pathClass": "Stroma"}, "Stroma"),
        ({"Class": "Stroma"}, "Stroma"),
        ({"label": "Stroma"}, "Stroma"),
        ({"label": {"value": "Stroma"}}, "Stroma"),
        ({"group": "Stroma"}, "Stroma"),
        ({"group": "Stroma", "label": {"value": "a remark"}}, "Stroma"),
        ({"group": "default", "label": {"value": "Stroma"}}, "Stroma"),
        ({"type": 3, "type_prob": 0.5}, "3"),
        ({"classification": "", "label": "Stroma"}, "Stroma"),
        ({"classification": ""}, None),
        ({"classification": " "}, None),
        ({"classification": {}}, None),
        ({"classification": []}, None),
        ({"classification": None}, None),
        ({"classification": {"name": ""}}, None),
        ({"classification": math.nan}, None),
        ({"name": "a note"}, None),
    ],
)
def test_a_class_is_read_wherever_a_program_puts_it(properties, name):
    [row] = shapes_of([feature(**properties)])
    assert row.label == name
    assert row.note == (
        "a note" if "name" in properties else "a remark" if "remark" in str(properties) else ""
    )


@pytest.mark.parametrize(
    ("colour", "hexadecimal"),
    [
        ([255, 0, 128], "#ff0080"), ([255, 0, 128, 40], "#ff0080"), ([1.0, 0.0, 0.5], "#ff0080"),
        ([1, 0, 0.5, 0.3], "#ff0080"), ([1, 0, 0], "#010000"), ([200.0, 0.0, 0.0], "#c80000"),
        (-65536, "#ff0000"), (0xFF00FF00, "#00ff00"), (0x0000FF, "#0000ff"), ("-65536", "#ff0000"),
        ("#0f8", "#00ff88"), ("#00FF88", "#00ff88"), ("#00ff8840", "#00ff88"), ("0x00ff88", "#00ff88"),
        ("0xff00ff88", "#00ff88"), ("00ff88", "#00ff88"), ("rgb(0, 255, 136)", "#00ff88"),
        ("rgba(0,255,136,0.5)", "#00ff88"), ("rgb(0% 100% 0%)", "#00ff00"),
        ({"r": 0, "g": 255, "b": 136}, "#00ff88"),
        ([256, 0, 0], None), ([1, 2], None), ("nonsense", None), ("rgb(a, b, c)", None), (math.nan, None),
        (10**30, None), (True, None), (None, None), ([True, 0, 0], None), ("rgb(1)", None),
    ],
)  # fmt: skip
def test_colours_are_read_in_every_form(colour, hexadecimal):
    assert read_colour(colour) == hexadecimal
    assert read_class({"classification": {"name": "a", "color": colour}}) == ("a", hexadecimal)
    assert read_class({"class": "a", "color": colour}) == ("a", hexadecimal)


def test_long_names_stay_two_and_short_ones_stay_as_they_are():
    one, other = ("x" * 120 + end for end in "ab")
    assert shorten_name(one) != shorten_name(other)
    assert len(shorten_name(one)) <= 100
    assert shorten_name(one) == parse_class({"name": one})[0] == shorten_name(f" {one} ")
    assert shorten_name("y" * 100) == "y" * 100


def test_a_class_name_holds_no_hidden_character_and_never_merges_with_another():
    hidden = shorten_name("Tumour\u202e")
    assert hidden != "Tumour"
    assert hidden.startswith("Tumour… ")
    assert shorten_name("Tumour\r\ncentre\t") == "Tumour centre"
    assert shorten_name("E\u0301") == "\u00c9"
    assert shorten_name("می‌خواهم") == "می‌خواهم"
    assert shorten_name("\u200b\u202e") is None


def test_the_cases_of_classes_and_colours(case_file):
    def read(case, name):
        return [(row.label, row.colour) for row in shapes_of(case_file(case, name).read_bytes(), name)]

    assert read("14-class-as-json-text", "class-text.geojson") == [("Tumor", "#c80000")]
    assert [name for name, _ in read("15-class-named-zero", "zero.geojson")] == ["0", "1"]
    assert [name for name, _ in read("15-class-named-zero", "number-and-list.geojson")] == [
        "7",
        "Tumor: Positive",
    ]
    assert [colour for _, colour in read("16-class-colours", "colours.geojson")] == ["#ff0000", "#00ff00"]
    long = [name for name, _ in read("31-long-class-names", "long.geojson")]
    assert len(set(long)) == len(long) == 2


# --- Objects within objects, many parts


def test_child_objects_come_in_at_any_depth_with_their_parent():
    deep = feature(square(30, 30, 5), classification="Nucleus")
    middle = {**feature(square(20, 20, 20), childObjects=[deep]), "id": "middle"}
    top = {**feature(square(0, 0, 90), childObjects=[middle, feature(square(60, 60, 5))]), "id": "top"}
    rows = shapes_of([feature(), top])
    assert [(row.row, row.id, row.parent_id) for row in rows] == [
        (0, None, None), (1, "top", None), (1, "middle", "top"), (1, None, "middle"), (1, None, "top"),
    ]  # fmt: skip
    assert shapes_of({"root": {"properties": {"objectType": "root", "childObjects": [top]}}})[0].id == "top"


def test_the_nucleus_of_a_cell_is_kept_or_named():
    nucleus = square(20, 20, 10)
    cell = {**feature(objectType="cell"), "nucleusGeometry": {**nucleus, "plane": {"z": 0}}}
    assert shapes_of([cell])[0].nucleus == nucleus
    broken = {**feature(), "nucleusGeometry": {"type": "Point", "coordinates": [1, 1]}}
    assert reasons_of([broken]) == [(0, "row_nucleus_no_area")]
    assert len(shapes_of([broken])) == 1


def test_many_part_geometries_come_apart():
    lines = {"type": "MultiLineString", "coordinates": [[[0, 0], [9, 9]], [[5, 5], [9, 0]]]}
    points = {"type": "MultiPoint", "coordinates": [[1, 1], [2, 2], [3, 3]]}
    nested = {"type": "GeometryCollection", "geometries": [points, square(), {"type": "GeometryCollection",
              "geometries": [lines, {"type": "Sphere"}]}]}  # fmt: skip
    rows = rows_of([feature(nested, classification="a")])
    assert [row.shape for row in rows[:-1]] == ["point"] * 3 + ["rectangle", "line", "line"]
    assert {row.label for row in rows[:-1]} == {"a"}
    assert rows[-1].reason.code == "row_shape_not_drawn"
    assert reasons_of([feature({"type": "MultiPoint", "coordinates": []})]) == [(0, "row_no_shape")]


def test_the_cases_of_nested_objects_and_parts(case_file):
    nested = shapes_of(case_file("17-nested-child-objects", "hierarchy.geojson").read_bytes())
    assert [row.label for row in nested] == ["Region", "Nucleus", "Nucleus", "Nucleus"]
    parts = shapes_of(case_file("18-many-part-geometries", "lines-and-points.geojson").read_bytes())
    assert [row.shape for row in parts] == ["line", "line", "rectangle", "point", "point"]


# --- Ellipses, rectangles, holes


def test_rectangles_and_ellipses_come_in_as_such():
    circle = mapping(shapely.Point(50, 50).buffer(20))
    boxed = feature(square(), type="ellipse", width=40, height=40, rotation=0)
    rows = shapes_of(
        [
            feature(),
            feature({**circle, "isEllipse": True}),
            feature(circle, isEllipse=True),
            feature(circle, metadata={"shape": "brush"}),
            feature(metadata={"shape": "polygon"}),
            boxed,
            feature({"type": "Polygon", "coordinates": [[[0, 0], [9, 1], [8, 9], [-1, 8], [0, 0]]]}),
        ]
    )
    assert [row.shape for row in rows] == [
        "rectangle", "ellipse", "ellipse", "brush", "polygon", "ellipse", "polygon",
    ]  # fmt: skip
    assert set(rows[1].geometry) == {"type", "coordinates"}
    # The Digital Slide Archive writes an ellipse as its box.
    assert shape(rows[5].geometry).area == pytest.approx(math.pi * 20 * 20, rel=0.01)


def test_a_hole_outside_its_ring_is_named_and_one_inside_stays():
    inside, outside, across = ring(20, 20, 5), ring(500, 500, 5), ring(45, 45, 20)
    content = [
        feature({"type": "Polygon", "coordinates": [ring(10, 10, 40), inside]}),
        feature({"type": "Polygon", "coordinates": [ring(10, 10, 40), outside, inside]}),
        feature(
            {"type": "MultiPolygon", "coordinates": [[ring(10, 10, 40), across], [ring(90, 90, 9), outside]]}
        ),
    ]
    assert reasons_of(content) == [(1, "row_hole_outside"), (2, "row_hole_outside")]
    assert len(shapes_of(content)) == 3


# --- XML


def xml_ring(x, y, side):
    return "".join(f'<Vertex X="{px}" Y="{py}"/>' for px, py in ring(x, y, side)[:4])


def aperio(*layers):
    def region(kind, vertices, negative, text):
        told = f'Type="{kind}" NegativeROA="{negative}" Text="{text}"'
        return f"<Region {told}><Attributes/><Vertices>{vertices}</Vertices></Region>"

    parts = [
        f'<Annotation Name="{name}" LineColor="{colour}"><Attributes>'
        f'<Attribute Name="Description" Value="{value}"/>'
        f"</Attributes><Regions>{''.join(region(*row) for row in rows)}</Regions></Annotation>"
        for name, value, colour, rows in layers
    ]
    return f"<Annotations>{''.join(parts)}</Annotations>".encode()


def test_an_empty_description_of_aperio_is_no_class():
    row = ("0", xml_ring(10, 10, 40), 0, "Mitosis")
    rows = shapes_of(
        aperio(("", "", "65280", [row]), ("", "Tumor", "-16776961", [row]), ("Layer", "x", "255", [row])),
        "a.xml",
    )
    assert [(row.label, row.note) for row in rows] == [
        (None, "Mitosis"),
        ("Tumor", "Mitosis"),
        ("Layer", "Mitosis"),
    ]
    # A Windows colour has red in its lowest byte, also when it is negative: 0xFF0000FF is red.
    assert [row.colour for row in rows[1:]] == ["#ff0000", "#ff0000"]


def test_types_of_aperio_become_rectangle_and_ellipse():
    corners = '<Vertex X="40" Y="40"/><Vertex X="90" Y="80"/>'
    rows = shapes_of(aperio(("a", "", "1", [("1", corners, 0, ""), ("2", corners, 0, "")])), "a.xml")
    assert [row.shape for row in rows] == ["rectangle", "ellipse"]
    assert shape(rows[1].geometry).bounds == pytest.approx((40, 40, 90, 80))


@pytest.mark.parametrize("negative_layer", [0, 1, 2])
def test_a_negative_region_cuts_across_layers_and_partly(negative_layer):
    layers = [["a", "", "1", []], ["b", "", "1", []], ["c", "", "1", []]]
    layers[0][3].append(("0", xml_ring(0, 0, 100), 0, ""))
    layers[1][3].append(("0", xml_ring(200, 0, 100), 0, ""))
    # One hole reaches over the edge of both.
    across = "".join(f'<Vertex X="{x}" Y="{y}"/>' for x, y in ((90, 0), (210, 0), (210, 10), (90, 10)))
    layers[negative_layer][3].append(("0", across, 1, ""))
    layers[2][3].append(("0", xml_ring(500, 500, 10), 1, ""))
    rows = rows_of(aperio(*layers), "a.xml")
    assert [shape(row.geometry).area for row in rows[:2]] == [9900, 9900]
    assert [row.reason.code for row in rows[2:]] == ["row_exclusion_alone"]


def test_exclusions_of_asap_cut_partly_and_alone_they_are_shapes():
    content = asap(
        ("Tumor", (0, 0, 100)), ("Exclusion", (90, 90, 50)), ("_2", (400, 400, 10)), ("Other", (95, 0, 10)),
        ("Exclusion", (95, 0, 10)),
    )  # fmt: skip
    rows = rows_of(content, "a.xml")
    by_label = {row.label: shape(row.geometry).area for row in rows if isinstance(row, ForeignShape)}
    assert by_label == {"Tumor": 100 * 100 - 10 * 10 - 5 * 10, "Exclusion": 100}
    assert [(row.row, row.reason.code) for row in rows if isinstance(row, UnreadRow)] == [
        (3, "row_all_excluded")
    ]


def test_the_cases_in_xml(case_file):
    [row] = shapes_of(case_file("13-aperio-empty-description", "layer.xml").read_bytes(), "layer.xml")
    assert (row.label, row.note, row.shape) == (None, "Mitosis", "ellipse")
    [row] = shapes_of(case_file("19-asap-exclusion-alone", "exclusion.xml").read_bytes(), "exclusion.xml")
    assert (row.label, row.colour) == ("Exclusion", "#64fe2e")


# --- Digital Slide Archive


BOX = {"center": [50, 40, 0], "width": 20, "height": 10}
ELEMENTS = [
    {"type": "rectangle", **BOX, "rotation": 0, "lineColor": "rgb(0,255,0)"},
    {"type": "rectangle", **BOX, "rotation": 0.5, "group": "Tumor"},
    {"type": "ellipse", **BOX, "label": {"value": "Stroma"}},
    {"type": "circle", "center": [50, 40, 0], "radius": 10, "group": "Tumor", "label": {"value": "odd"}},
    {"type": "point", "center": [5, 6, 0], "id": "5f"},
    {"type": "polyline", "closed": True, "points": [[0, 0, 0], [90, 0, 0], [90, 90, 0]],
     "holes": [[[80, 10, 0], [85, 10, 0], [85, 20, 0]]]},
    {"type": "polyline", "closed": False, "points": [[0, 0, 0], [90, 0, 0]]},
    {"type": "heatmap", "points": [[1, 2, 0, 3]]},
    {"type": "circle", "center": [50, 40, 0]},
]  # fmt: skip


@pytest.mark.parametrize("wrap", [
    lambda annotation: annotation,
    lambda annotation: {"_id": "1", "annotation": annotation, "itemId": "2"},
    lambda annotation: [{"annotation": annotation}],
])  # fmt: skip
def test_annotations_of_the_digital_slide_archive_come_in(wrap):
    rows = rows_of(wrap({"description": "", "elements": ELEMENTS, "name": "Layer"}))
    shapes = [row for row in rows if isinstance(row, ForeignShape)]
    assert [(row.shape, row.label, row.note) for row in shapes] == [
        ("rectangle", "Layer", ""), ("polygon", "Tumor", ""), ("ellipse", "Stroma", ""),
        ("ellipse", "Tumor", "odd"), ("point", "Layer", ""), ("polygon", "Layer", ""), ("line", "Layer", ""),
    ]  # fmt: skip
    assert shapes[0].colour == "#00ff00"
    assert [shape(row.geometry).area for row in shapes[:2]] == pytest.approx([200, 200])
    assert len(shapes[5].geometry["coordinates"]) == 2
    assert [row.reason.code for row in rows if isinstance(row, UnreadRow)] == [
        "row_shape_not_drawn", "row_no_shape",
    ]  # fmt: skip


def test_real_files_of_other_programs_are_read(data):
    folder = data / "annotations"
    expected = {
        "dsa/sample_annotation.json": 2, "dsa/sample.geojson": 42, "asap/asap-dot.xml": 1,
        "asap/asap-pointset.xml": 5, "asap/asap-polygon.xml": 1, "wsireg/polygons.geojson": 3,
    }  # fmt: skip
    counts = {name: len(shapes_of((folder / name).read_bytes(), name)) for name in expected}
    assert {name: count > 0 for name, count in counts.items()} == dict.fromkeys(expected, True)
    assert counts["dsa/sample_annotation.json"] == 2
    assert all(not reasons_of((folder / name).read_bytes(), name) for name in expected)
