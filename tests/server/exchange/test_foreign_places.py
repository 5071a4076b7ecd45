"""Import of NDPA and COCO by the same reader; exports state sizes in micrometres."""

from __future__ import annotations

import json
import math
from xml.etree import ElementTree as ET

import pytest

from server.annotations.models import Annotation
from server.exchange.formats import archives
from server.exchange.formats.files import read_file
from server.exchange.imports import services
from tests.server.exchange.test_geojson import API, export, square
from tests.server.exchange.test_import_identity import draw, send

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

AREA, LENGTH = "Area µm^2", "Length µm"


@pytest.fixture
def scan(project, slide_factory):
    return slide_factory(
        project, "scan", width=4000, height=4000, mpp_x=0.9, mpp_y=0.9, file_mpp_x=0.5, file_mpp_y=0.5,
        source_key="slides/scan.ndpi",
    )  # fmt: skip


def test_real_ndpa_comes_in_where_the_place_on_the_glass_is_known(mia, scan, data, monkeypatch):
    monkeypatch.setattr(archives, "read_centre_offset", lambda _path: (0.0, -300_000.0))
    # In this process, where the place is known.
    monkeypatch.setattr(
        services, "read_rows_of_file", lambda *file, slide: list(read_file(*file, slide=slide))
    )
    content = (data / "annotations" / "ndpa" / "annotations_mixed.ndpa").read_bytes()
    report = send(mia, scan, content, name="scan.ndpi.ndpa", create_labels=True)
    assert (report["created"], [row["row"] for row in report["skipped"]]) == (3, [3])
    state = ET.fromstring(content).find("ndpviewstate")
    tumour = Annotation.objects.get(label__name=state.findtext("title"))
    x, y = (float(state.findtext(f".//point/{axis}")) for axis in "xy")
    # By the resolution of the scanner, 500 nm a pixel, not by the corrected one.
    assert tumour.geometry["coordinates"][0][0] == [2000 + x / 500, 2000 + (y + 300_000) / 500]
    assert tumour.note == state.findtext("details")


def test_ndpa_is_refused_where_the_place_on_the_glass_is_not_known(mia, project, real_slide, data):
    slide = real_slide(project, data / "slides" / "cmu-1-small-region.svs")
    content = (data / "annotations" / "ndpa" / "annotations_mixed.ndpa").read_bytes()
    answer = send(mia, slide, content, name="a.ndpa", status=422)
    assert answer["message"]["code"] == "ndpa_without_place"
    broken = (data / "annotations" / "ndpa" / "annotations_malformed.ndpa").read_bytes()
    assert send(mia, slide, broken, name="a.ndpa", status=422)["message"]["code"] == "xml_broken"


def test_coco_comes_in_as_annotations_and_names_what_it_cannot_read(mia, slide):
    content = json.dumps(
        {
            "images": [{"id": 1, "file_name": "slide.png"}, {"id": 2, "file_name": "other.png"}],
            "categories": [{"id": 5, "name": "Nucleus"}],
            "annotations": [
                {"image_id": 2, "category_id": 5, "bbox": [1, 1, 5, 5]},
                {"image_id": 1, "category_id": 5, "segmentation": [[10, 10, 90, 10, 90, 90]]},
                {"image_id": 1, "category_id": 5},
            ],
        }
    ).encode()
    report = send(mia, slide, content, name="coco.json", create_labels=True)
    assert (report["created"], [row["row"] for row in report["skipped"]]) == (1, [2])
    assert Annotation.objects.get().label.name == "Nucleus"


def test_exports_state_sizes_by_both_sides_of_a_pixel_and_reading_them_back_keeps_none(
    mia, project, slide_factory
):
    oblong = slide_factory(project, "oblong", width=2000, height=2000, mpp_x=0.5, mpp_y=0.25)
    draw(mia, oblong, geometry=square(100, 100, 200))
    draw(mia, oblong, shape="line", geometry={"type": "LineString", "coordinates": [[0, 0], [60, 160]]})
    features = export(mia, oblong)
    measured = {one["geometry"]["type"]: one["properties"]["measurements"] for one in features}
    assert measured["Polygon"] == {AREA: 200 * 200 * 0.125}
    assert measured["LineString"] == {LENGTH: pytest.approx(math.hypot(30, 40))}
    unknown = slide_factory(project, "unknown", width=2000, height=2000, mpp_x=None, mpp_y=None)
    content = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    assert send(mia, oblong, content)["already_there"] == 2
    assert send(mia, unknown, content)["created"] == 2
    assert not any("measurements" in one["properties"] for one in export(mia, unknown))
    assert mia.get(f"{API}/slides/{unknown.pk}/export.geojson").status_code == 200


def test_measurements_of_other_programs_stay(mia, slide):
    feature = {
        "type": "Feature", "geometry": square(), "properties": {"measurements": {AREA: 7.5, "Solidity": 0.5}},
    }  # fmt: skip
    send(mia, slide, json.dumps(feature).encode())
    [exported] = export(mia, slide)
    assert exported["properties"]["measurements"]["Solidity"] == 0.5
    assert exported["properties"]["measurements"][AREA] == pytest.approx(50 * 50 * 0.25)
