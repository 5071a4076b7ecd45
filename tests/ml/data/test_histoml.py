"""Annotations as HistoML and back, checked with an independent RDF library."""

from __future__ import annotations

import json

import pytest
import rdflib
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import mapping

from ml.__main__ import main
from ml.contracts import DataError
from ml.formats.histoml import (
    HISTO,
    Origin,
    SlideFacts,
    entity_class,
    keyed_by_uuid,
    read_histoml,
    write_histoml,
)
from ml.slides import write_phantom

SLIDE = SlideFacts("a" * 64, 4000, 3000, mpp=0.5, magnification=20.0, scanner="aperio")
# The query of the official tumour-immune use case: where is stroma that is part of a tumour?
TUMOUR_IMMUNE = f"""PREFIX histo: <{HISTO}>
SELECT ?s WHERE {{ ?tumor a histo:Tumor ; histo:hasComponent ?stroma .
                   ?stroma a histo:Stroma ; histo:segmentation ?s . }}"""


def feature(geometry, label=None, note=None, **more):
    properties = {"objectType": "annotation"}
    properties |= {"classification": {"name": label, "color": [1, 2, 3]}} if label else {}
    properties |= {"name": note} if note else {}
    return {
        "type": "Feature",
        "geometry": json.loads(json.dumps(mapping(geometry))),
        "properties": properties,
        **more,
    }


@pytest.fixture
def features():
    return keyed_by_uuid(
        [
            feature(shapely.box(0, 0, 1000, 1000), "Tumor", "a <note> & \n more"),
            feature(shapely.box(100, 100, 400, 400), "Tumour stroma"),
            feature(shapely.Point(150, 150), "Lymphocyte"),
            feature(shapely.box(2000, 2000, 2100, 2100), "Stroma"),
            feature(shapely.LineString([(0, 0), (5, 5)])),
            {**feature(shapely.box(0, 0, 3000, 2500)), "properties": {"name": "finished", "isLocked": True}},
        ]
    )  # fmt: skip


def test_exported_features_are_imported_unchanged(features):
    rdf = write_histoml(features, SLIDE)
    assert read_histoml(rdf.encode(), features) == (features, ())
    # Also where the GeoJSON keeps nothing but outlines: labels and notes are the RDF's to tell.
    bare = [{**item, "properties": {}} for item in features[:5]]
    features_read, missing = read_histoml(rdf.encode(), bare)
    assert missing == ()
    for wanted, got in zip(features, features_read, strict=False):
        label = wanted["properties"].get("classification", {}).get("name")
        assert got["properties"].get("classification", {}).get("name") == label
        assert got["properties"].get("name") == wanted["properties"].get("name")


@pytest.mark.parametrize("form", ["xml", "pretty-xml"])
def test_rdf_of_another_library_is_read_the_same(form, features):
    graph = rdflib.Graph().parse(data=write_histoml(features, SLIDE), format="xml")
    rdf = graph.serialize(format=form).encode()
    assert read_histoml(rdf, features) == (features, ())


def test_the_official_query_finds_the_stroma_of_the_tumour(features):
    graph = rdflib.Graph().parse(data=write_histoml(features, SLIDE), format="xml")
    assert [str(row.s) for row in graph.query(TUMOUR_IMMUNE)] == [features[1]["id"]]
    cells = (
        f"PREFIX h: <{HISTO}> SELECT ?s WHERE "
        "{ ?x a h:Stroma ; h:hasCell ?c . ?c a h:StromaCell ; h:segmentation ?s }"
    )
    assert [str(row.s) for row in graph.query(cells)] == [features[2]["id"]]


def test_sizes_codes_and_origins_are_told_and_the_patient_is_not(features):
    origin = {features[0]["id"]: Origin("mia", "2026-11-24T09:00:00Z", "nuclei 3")}
    rdf = write_histoml(features, SLIDE, {"Tumor": "108369006", "Stroma": "C25194"}, origin)
    graph = rdflib.Graph().parse(data=rdf, format="xml")
    [row] = graph.query(
        f"PREFIX h: <{HISTO}> SELECT ?value ?uri ?who ?unit WHERE {{ ?x h:segmentation '{features[0]['id']}'"
        "^^xsd:string ; h:hasAttribute/h:hasQuantification ?q ; h:hasXref/h:uri ?uri ; "
        "h:hasEvidence/h:dataSource/h:displayName ?who . ?q h:hasValue ?value ; h:unitType/h:uri ?unit }"
    )
    assert float(row.value) == 1000 * 1000 * 0.25
    assert str(row.unit).endswith("UO_0010001")
    assert (str(row.uri), str(row.who)) == ("http://snomed.info/id/108369006", "mia")
    assert "NCIT_C25194" in rdf
    assert "proposed by nuclei 3" in rdf
    assert not any(word in rdf for word in ("patient", "finished"))


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("Tumor", "Tumor"), ("Invasive carcinoma", "Tumor"), ("Stroma", "Stroma"),
        ("Normal gland", "NormalEntity"), ("Lymphocytes", "StromaCell"), ("Epithelium", "Parenchyma"),
        ("Tumour cell", "NeoplasticCell"), ("Mitosis", "NeoplasticCellularComponent"),
        ("Normal nucleus", "NormalCellularComponent"), ("Necrosis", "Substance"),
        ("Region 7", "PhysicalEntity"), (None, "PhysicalEntity"),
    ],
)  # fmt: skip
def test_a_label_finds_its_class(label, kind):
    assert entity_class(label) == kind


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_survives_but_what_xml_cannot_write(label, note):
    item = keyed_by_uuid([feature(shapely.Point(1, 1), label, note)])
    [read], _ = read_histoml(write_histoml(item, SLIDE).encode(), [{**item[0], "properties": {}}])
    said = read["properties"].get("name", "")
    assert said == "".join(c for c in note if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff"))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<a/>", b"no xml", b"<rdf:RDF", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"\xff\xfe\x00",
        b'<?xml version="1.0" encoding="nonsense"?><a/>',
        b"<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>" + b"<r:a>" * 500 + b"</r:a>" * 500
        + b"</r:RDF>",
    ],
)  # fmt: skip
def test_a_file_other_than_histoml_is_refused(content):
    with pytest.raises(DataError, match=r"XML|RDF") as refused:
        read_histoml(content, [])
    assert refused.value.code == "bad_xml"


def test_an_outline_that_is_not_there_is_told(features):
    assert read_histoml(write_histoml(features, SLIDE).encode(), features[1:])[1] == (features[0]["id"],)


def test_the_tool_goes_there_and_back(tmp_path, capsys, features):
    slide, source = tmp_path / "slide.tif", tmp_path / "source.geojson"
    write_phantom(slide, width=512, height=512, seed=1)
    source.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    rdf, back = tmp_path / "out.rdf", tmp_path / "back.geojson"
    assert main(["run", "histoml", f"{source}", "--slide", f"{slide}", "--out", f"{rdf}"]) == 0
    outlines = rdf.with_suffix(".geojson")
    assert main(["run", "histoml", f"{rdf}", "--outlines", f"{outlines}", "--out", f"{back}"]) == 0
    assert json.loads(back.read_text())["features"] == features
    assert main(["run", "histoml", f"{rdf}", "--outlines", f"{outlines}", "--out", f"{back}"]) == 2
    assert main(["run", "histoml", f"{source}", "--out", f"{tmp_path / 'x.rdf'}"]) == 2
    assert "--slide" in capsys.readouterr().err
