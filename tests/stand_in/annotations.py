"""Small annotation files as ASAP, QuPath, DSA, NDP.view, MIDOG++ and wsireg write them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from shapely.geometry import Point, box, mapping

# Level-0 pixels of a slide of 46,000 x 33,000.
X, Y = 21_000.0, 14_000.0


def write_annotations(folder: Path) -> None:
    """Write one folder a program."""
    for name, write in (
        ("asap", write_asap),
        ("geojson-qupath", write_qupath),
        ("dsa", write_dsa),
        ("wsireg", write_wsireg),
        ("ndpa", write_ndpa),
        ("midogpp", write_midogpp),
    ):
        (folder / name).mkdir(parents=True)
        write(folder / name)


def write_json(path: Path, document: object) -> None:
    path.write_text(json.dumps(document), encoding="utf-8")


def ring(radius: float, count: int, x: float = X, y: float = Y) -> list[list[float]]:
    """Return a closed uneven ring of ``count`` corners, rounded to hundredths."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    reach = radius * (1 + 0.15 * np.cos(3 * angle))
    corners = np.stack([x + reach * np.cos(angle), y + reach * np.sin(angle)], axis=1).round(2).tolist()
    return [*corners, corners[0]]


def write_asap(folder: Path) -> None:
    """Write a dot, a set of five points and a polygon."""
    shapes = {
        "dot": ("Dot", [[X, Y]]),
        "pointset": ("PointSet", [[X + 31.5 * number, Y + 7.25 * number**2] for number in range(5)]),
        "polygon": ("Polygon", ring(130, 7)[:-1]),
    }
    for name, (kind, places) in shapes.items():
        coordinates = "".join(
            f'<Coordinate Order="{number}" X="{x:.4f}" Y="{y:.4f}" />' for number, (x, y) in enumerate(places)
        )
        head = f'<Annotation Name="Annotation 0" Type="{kind}" PartOfGroup="None" Color="#F4FA58">'
        (folder / f"asap-{name}.xml").write_text(
            f'<?xml version="1.0"?>\n<ASAP_Annotations><Annotations>{head}'
            f"<Coordinates>{coordinates}</Coordinates></Annotation></Annotations>"
            "<AnnotationGroups /></ASAP_Annotations>\n",
            encoding="utf-8",
        )


def write_qupath(folder: Path) -> None:
    """Write one feature a drawing tool of QuPath, and a polygon with a hole."""
    outer = box(X, Y, X + 900, Y + 700)
    steps = [[X + 4 * number, Y + 3.5 * (number % 9)] for number in range(40)]
    shapes = {
        "holed.geojson": mapping(outer.difference(Point(X + 400, Y + 300).buffer(120))),
        "qupath-brush.json": polygon(ring(60, 90)),
        "qupath-ellipse.json": polygon(ring(45, 64)),
        "qupath-line.json": {"type": "LineString", "coordinates": [[X, Y + 0.5], [X + 210.25, Y - 90.75]]},
        "qupath-multipoint.json": {
            "type": "MultiPoint",
            "coordinates": [[X, Y], [X + 22.5, Y + 10.25], [X - 8.75, Y + 41.5]],
        },
        "qupath-point.json": {"type": "Point", "coordinates": [X + 12.5, Y + 3.25]},
        "qupath-polygon.json": polygon(ring(300, 21)),
        "qupath-polyline.json": {"type": "LineString", "coordinates": steps},
        "qupath-rectangle.json": mapping(outer),
        "qupath-wand.json": polygon(np.rint(ring(25, 30)).tolist()),
    }
    for name, geometry in shapes.items():
        title = name.split(".", maxsplit=1)[0].removeprefix("qupath-")
        properties = {"name": title, "isLocked": False, "measurements": []}
        document = {
            "type": "Feature",
            "id": "PathAnnotationObject",
            "geometry": geometry,
            "properties": properties,
        }
        write_json(folder / name, document)


def polygon(corners: list[list[float]]) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [corners]}


def write_dsa(folder: Path) -> None:
    """Write an annotation with a rectangle and a point, and GeoJSON whose places have a z."""
    look = {"fillColor": "rgba(0, 0, 0, 0.5)", "lineColor": "rgb(0, 0, 0)", "lineWidth": 2}
    elements = [
        {"type": "rectangle", "center": [X, Y, 0], "width": 420.5, "height": 210.25, "rotation": 0, **look},
        {"type": "point", "center": [X + 900.5, Y, 0], **look},
    ]
    write_json(
        folder / "sample_annotation.json", {"name": "Phantom", "description": "", "elements": elements}
    )
    features = [
        {
            "type": "Feature",
            "geometry": polygon([[x, y, 0] for x, y in ring(20, 24, X + 80 * number)]),
            "properties": {"label": {"value": "phantom"}},
        }
        for number in range(4)
    ]
    write_json(folder / "sample.geojson", {"type": "FeatureCollection", "features": features})


def write_wsireg(folder: Path) -> None:
    """Write a bare list of features."""
    features = [
        {"type": "Feature", "geometry": polygon(ring(70, 30, 300 + 250 * n, 400)), "properties": {}}
        for n in range(3)
    ]
    write_json(folder / "polygons.geojson", features)


def write_ndpa(folder: Path) -> None:
    """Write a closed and an open line, a pin, a shape of an unknown type; and a file that breaks off."""
    corners = [(-420_000, -610_000), (-330_000, -610_000), (-330_000, -450_000), (-420_000, -450_000)]
    view = "<ndpviewstate id='{0}'><title>{1}</title><details>{2}</details>{3}</ndpviewstate>"
    states = [
        ("1", "Carcinoma", "A square of the phantom", freehand(corners, closed=1)),
        ("2", "Border", "A line of the phantom", freehand([(-90_000, -80_000), (20_000, 60_000)], closed=0)),
        ("3", "Place", "", "<annotation type='pin' color='#0000ff'><x>70000</x><y>-520000</y></annotation>"),
        ("4", "Unknown", "", "<annotation type='unknown' color='#999999' />"),
    ]
    content = "<annotations>" + "".join(view.format(*state) for state in states) + "</annotations>"
    (folder / "annotations_mixed.ndpa").write_text(content, encoding="utf-8")
    (folder / "annotations_malformed.ndpa").write_text(content[: len(content) // 2], encoding="utf-8")


def freehand(places: list[tuple[int, int]], *, closed: int) -> str:
    points = "".join(f"<point><x>{x}</x><y>{y}</y></point>" for x, y in places)
    return (
        f"<annotation type='freehand' color='#ff0000'><closed>{closed}</closed>"
        f"<pointlist>{points}</pointlist></annotation>"
    )


def write_midogpp(folder: Path) -> None:
    """Write COCO with squares of 50 px around two kinds of figures on two images."""
    names = {1: "mitotic figure", 2: "hard negative"}
    annotations = [
        {
            "id": number,
            "image_id": 1 + number % 2,
            "category_id": 1 + number % 3 % 2,
            "bbox": [100 * number, 80 * number, 100 * number + 50, 80 * number + 50],
        }
        for number in range(1, 12)
    ]
    document = {
        "info": {"description": "Figures of no real slide"},
        "images": [
            {"id": number, "file_name": f"{number:03}.tiff", "width": 7000, "height": 5000}
            for number in (1, 2)
        ],
        "categories": [{"id": number, "name": name} for number, name in names.items()],
        "annotations": annotations,
    }
    write_json(folder / "MIDOG++.json", document)
