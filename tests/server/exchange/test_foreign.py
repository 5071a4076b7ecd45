"""Export and import of HistoML, and import of ASAP and Aperio ImageScope outlines."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
import rdflib
from shapely.geometry import shape

from ml.formats.histoml import HISTO
from server.annotations.models import Annotation
from server.exchange.errors import BadForeignFileError
from server.exchange.formats.files import read_file
from tests.server.exchange.test_geojson import API, bring, essence, export, feature, square

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def slide(project, slide_factory):
    return slide_factory(project, "big", width=46_000, height=33_000)


def export_histoml(client, slide):
    answer = client.get(f"{API}/slides/{slide.pk}/export.histoml")
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def draw(mia, slide):
    rows = [
        feature(square(side=500), classification={"name": "Tumor", "color": [200, 0, 10]}, name="a note"),
        feature(square(150, 150, 100), classification="Stroma"),
        feature({"type": "Point", "coordinates": [5, 5]}),
    ]
    assert bring(mia, slide, rows)["created"] == 3


def test_histoml_goes_out_and_comes_in_the_same(mia, project, slide, slide_factory):
    draw(mia, slide)
    archive = export_histoml(mia, slide)
    # To its own slide nothing is added; on another slide everything is there, as it was.
    assert bring(mia, slide, archive, name="slide.histoml.zip")["already_there"] == 3
    twin = slide_factory(project, "twin", width=46_000, height=33_000)
    assert bring(mia, twin, archive, name="slide.histoml.zip")["created"] == 3
    assert essence(export(mia, twin)) == essence(export(mia, slide))


def test_histoml_states_areas_by_both_sides_of_oblong_pixels(mia, project, slide_factory):
    slide = slide_factory(project, "oblong", width=46_000, height=33_000, mpp_x=0.25, mpp_y=0.5)
    draw(mia, slide)
    with zipfile.ZipFile(io.BytesIO(export_histoml(mia, slide))) as archive:
        rdf = archive.read("annotations.rdf").decode()
    # Squares of 500 and of 100 pixels.
    assert f">{500 * 0.25 * 500 * 0.5:g}<" in rdf
    assert ">1250<" in rdf
    body = {"resolution": {"x": 0.5, "y": 0.5}}
    assert mia.patch(f"{API}/slides/{slide.pk}", body, format="json").status_code == 200
    with zipfile.ZipFile(io.BytesIO(export_histoml(mia, slide))) as archive:
        assert ">2500<" in archive.read("annotations.rdf").decode()


def test_histoml_answers_the_official_query_and_names_no_patient(mia, slide):
    draw(mia, slide)
    slide.case.pseudonym = "PAT-77"
    slide.case.save()
    slide.name = "Doe, Jane"
    slide.save()
    with zipfile.ZipFile(io.BytesIO(export_histoml(mia, slide))) as archive:
        rdf = archive.read("annotations.rdf").decode()
    graph = rdflib.Graph().parse(data=rdf, format="xml")
    query = (
        f"PREFIX histo: <{HISTO}> SELECT ?s WHERE "
        "{ ?tumor a histo:Tumor ; histo:hasComponent ?stroma . ?stroma histo:segmentation ?s }"
    )
    stroma = Annotation.objects.get(label__name="Stroma")
    assert [str(row.s) for row in graph.query(query)] == [str(stroma.pk)]
    assert not any(word in rdf for word in ("PAT-77", "Doe", "patient"))


def packed(**parts):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("_", "."), content)
    return sink.getvalue()


def test_an_entity_without_an_outline_is_named(mia, slide):
    draw(mia, slide)
    with zipfile.ZipFile(io.BytesIO(export_histoml(mia, slide))) as archive:
        rdf = archive.read("annotations.rdf")
    content = packed(annotations_rdf=rdf, annotations_geojson=json.dumps({"features": []}))
    result = bring(mia, slide, content, name="slide.zip")
    assert (result["created"], len(result["skipped"])) == (0, 3)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", b"no archive"), ("a.zip", packed(other_txt="x")), ("a.xml", b"<a/>"), ("a.xml", b"no xml"),
        ("a.zip", packed(annotations_rdf="<a/>", annotations_geojson='{"features": []}')),
        ("a.zip", packed(annotations_rdf="<a/>", annotations_geojson="[")),
        ("a.zip", packed(annotations_rdf="<a/>", annotations_geojson='{"features": [1]}')),
        ("a.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><ASAP_Annotations>&b;</ASAP_Annotations>'),
    ],
)  # fmt: skip
def test_a_file_of_another_format_is_refused_as_a_whole(name, content, mia, slide):
    assert bring(mia, slide, content, 422, name=name)["code"] == "bad_foreign_file"
    assert Annotation.objects.count() == 0


def test_an_archive_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr("server.exchange.formats.archives.MOST_UNPACKED", 1000)
    content = packed(annotations_rdf="x" * 2000, annotations_geojson="{}")
    with pytest.raises(BadForeignFileError, match="unpacks"):
        list(read_file(content, "a.zip"))


@pytest.mark.parametrize(
    ("name", "kinds"), [("dot", ["Point"]), ("pointset", ["Point"] * 5), ("polygon", ["Polygon"])]
)
def test_real_files_of_asap_come_in(name, kinds, mia, slide, data):
    content = (data / "annotations" / "asap" / f"asap-{name}.xml").read_bytes()
    result = bring(mia, slide, content, name=f"asap-{name}.xml")
    assert result["skipped"] == []
    assert [f["geometry"]["type"] for f in export(mia, slide)] == kinds


def asap(*rows):
    def place(number, x, y):
        return f'<Coordinate Order="{number}" X="{x}" Y="{y}" />'

    def drawn(group, corners):
        places = "".join(place(number, *corner) for number, corner in enumerate(corners))
        told = f'Name="a" Type="Polygon" PartOfGroup="{group}" Color="#F4FA58"'
        return f"<Annotation {told}><Coordinates>{places}</Coordinates></Annotation>"

    parts = "".join(drawn(group, square(*at)["coordinates"][0][:4]) for group, at in rows)
    return f"<ASAP_Annotations><Annotations>{parts}</Annotations></ASAP_Annotations>".encode()


def test_the_groups_of_camelyon_are_tumour_with_holes(mia, slide):
    content = asap(("_0", (0, 0, 100)), ("_2", (20, 20, 30)), ("_1", (500, 500, 50)), ("Other", (900, 0, 9)))
    bring(mia, slide, content, name="tumor_001.xml")
    areas = {
        round(shape(f["geometry"]).area): f["properties"]["classification"]["name"]
        for f in export(mia, slide)
    }
    assert areas == {100 * 100 - 30 * 30: "Tumor", 50 * 50: "Tumor", 81: "Other"}


def test_the_layers_of_aperio_are_labels(mia, slide):
    def region(kind, points, *, negative=0, text=""):
        vertices = "".join(f'<Vertex X="{x}" Y="{y}" Z="0" />' for x, y in points)
        told = f'Type="{kind}" NegativeROA="{negative}" Text="{text}"'
        return f"<Region {told}><Vertices>{vertices}</Vertices></Region>"

    ring = square(0, 0, 100)["coordinates"][0][:4]
    hole = square(10, 10, 20)["coordinates"][0][:4]
    regions = [
        region(0, ring, text="seen"), region(0, hole, negative=1), region(2, [(200, 200), (300, 260)]),
        region(4, [(0, 0), (50, 50)]), region(0, [("x", 1), (2, 2)]),
    ]  # fmt: skip
    layer = f'<Annotation Name="Tumour" LineColor="65280"><Regions>{"".join(regions)}</Regions></Annotation>'
    result = bring(mia, slide, f"<Annotations>{layer}</Annotations>".encode(), name="slide.xml")
    assert (result["created"], len(result["skipped"]), result["labels_created"]) == (3, 1, ["Tumour"])
    areas = sorted(round(shape(f["geometry"]).area, -1) for f in export(mia, slide))
    assert areas == [0, 4700, 9600]
    assert {tuple(f["properties"]["classification"]["color"]) for f in export(mia, slide)} == {(0, 255, 0)}
