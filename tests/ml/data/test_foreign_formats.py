"""NDPA of Hamamatsu and COCO become features in level-0 pixels."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from shapely.geometry import Polygon, box, shape

from ml.contracts import DataError
from ml.formats.coco import MOST_RUNS, is_coco, read_coco
from ml.formats.markup import parse_xml
from ml.formats.ndpa import GlassPlace, is_ndpa, read_ndpa
from ml.formats.outlines import REASON

PLACE = GlassPlace(offset=(1_000_000.0, -2_000_000.0), mpp=(0.5, 0.25), size=(2000, 4000))


def ndpa(*states):
    return parse_xml(f"<annotations>{''.join(states)}</annotations>".encode())


def state(inner, kind="freehand", title="Tumor"):
    head = f'<ndpviewstate id="1"><title>{title}</title><details>seen</details>'
    return f'{head}<annotation type="{kind}" color="#ff0000">{inner}</annotation></ndpviewstate>'


def points(*places):
    pairs = "".join(f"<point><x>{x}</x><y>{y}</y></point>" for x, y in places)
    return f"<pointlist>{pairs}</pointlist>"


def test_places_on_the_glass_become_pixels_by_offset_and_both_resolutions():
    # The centre of the scan lies at its offset; 100 µm beside it are 200 pixels across and 400 down.
    assert PLACE.pixel_of((1_000_000, -2_000_000)) == (1000, 2000)
    assert PLACE.pixel_of((1_100_000, -1_900_000)) == (1200, 2400)


def test_every_kind_of_ndpa_is_read_or_named():
    ring = points((1_000_000, -2_000_000), (1_100_000, -2_000_000), (1_100_000, -1_900_000))
    line = "<x1>1000000</x1><y1>-2000000</y1><x2>1050000</x2><y2>-2000000</y2>"
    root = ndpa(
        state(f"<closed>1</closed>{ring}"),
        state(f"<closed>0</closed>{ring}"),
        state("<x>1000000</x><y>-2000000</y><radius>50000</radius>", "circle"),
        state("<x>1000000</x><y>-2000000</y>", "pin", title=""),
        state(line, "linearmeasure"),
        state("", "unknown"),
        state("<x>nan</x><y>1</y>", "pin"),
    )
    assert is_ndpa(root)
    features = list(read_ndpa(root, PLACE))
    shapes = [one["geometry"] and shape(one["geometry"]) for one in features]
    assert shapes[0].equals(Polygon([(1000, 2000), (1200, 2000), (1200, 2400)]))
    assert features[0]["properties"]["classification"] == {"name": "Tumor"}
    assert (features[0]["properties"]["name"], features[0]["properties"]["lineColor"]) == ("seen", "#ff0000")
    assert (shapes[1].geom_type, shapes[1].length) == ("LineString", 600)
    assert shapes[2].bounds == pytest.approx((900, 1800, 1100, 2200))
    assert (shapes[3].x, shapes[3].y) == (1000, 2000)
    assert "classification" not in features[3]["properties"]
    assert shapes[4].length == 100
    assert features[5][REASON].code == "row_shape_not_drawn"
    assert shapes[6] is None


def coco(*annotations, images=1, **more):
    named = [{"id": number, "file_name": f"folder/slide-{number}.tiff"} for number in range(images)]
    categories = [{"id": 7, "name": "mitosis"}, {"id": 8, "name": "imposter"}]
    return {"images": named, "categories": categories, "annotations": list(annotations), **more}


def read(document, slide=None):
    return list(read_coco(json.loads(json.dumps(document)), slide))


def packed(lengths):
    """Pack run lengths as COCO's maskApi does."""
    text = ""
    for number, length in enumerate(lengths):
        value = length - (lengths[number - 2] if number > 2 else 0)
        while True:
            bits, value = value & 0x1F, value >> 5
            more = value != (-1 if bits & 0x10 else 0)
            text += chr((bits | 0x20 if more else bits) + 48)
            if not more:
                break
    return text


def runs_of(mask):
    flat = mask.ravel(order="F").astype(np.int8)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat, [0]])))
    return np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()


MASK = np.zeros((40, 60), bool)
MASK[5:30, 10:20] = MASK[10:20, 18:50] = True
MASK[12:15, 12:16] = False


@pytest.mark.parametrize("pack", [False, True])
def test_a_mask_in_run_lengths_becomes_its_outline(pack):
    runs = runs_of(MASK)
    counts = packed(runs) if pack else runs
    [feature] = read(coco({"segmentation": {"size": [40, 60], "counts": counts}, "category_id": 7}))
    area = shape(feature["geometry"])
    assert area.area == MASK.sum()
    y, x = np.mgrid[:40, :60]
    assert (shapely.contains_xy(area, x + 0.5, y + 0.5) == MASK).all()
    assert len(area.interiors) == 1


def test_polygons_boxes_classes_and_scores_are_read():
    ring = [0, 0, 10, 0, 10, 10]
    features = read(
        coco(
            {"segmentation": [ring], "category_id": 7, "score": 0.5},
            {"segmentation": [ring, [20, 20, 30, 20, 30, 30]], "category_id": 9},
            {"segmentation": [], "bbox": [5, 6, 10, 20], "category_id": 8},
            {"segmentation": ring},
            {"category_id": 7},
            {"segmentation": [[1, 2, 3]], "category_id": 7},
            {"segmentation": {"size": [9, 9], "counts": [0, 9999]}},
        )
    )
    shapes = [one["geometry"] for one in features]
    assert [one and one.get("type") for one in shapes[:4]] == [
        "Polygon",
        "MultiPolygon",
        "Polygon",
        "Polygon",
    ]
    assert shape(shapes[2]).equals(box(5, 6, 15, 26))
    assert features[0]["properties"] == {"score": 0.5, "classification": {"name": "mitosis"}}
    assert [one["properties"].get("classification") for one in features[1:4]] == [
        {"name": "9"}, {"name": "imposter"}, None,
    ]  # fmt: skip
    assert (features[4][REASON].code, shapes[5], shapes[6]) == ("row_coco_no_outline", {}, {})


def test_a_mask_of_very_many_runs_is_named():
    counts = [1, 1] * (MOST_RUNS + 1)
    [feature] = read(coco({"segmentation": {"size": [4 * MOST_RUNS, 1], "counts": counts}}))
    assert feature[REASON].code == "row_mask_too_large"


def test_of_several_images_that_of_the_slide_is_read():
    document = coco(*[{"image_id": number % 2, "bbox": [number, 0, 5, 5]} for number in range(5)], images=2)
    assert is_coco(document)
    for slide in ("slide-1", "SLIDE-1.svs"):
        assert [one["row"] for one in read(document, slide)] == [1, 3]
    for slide in ("other", None):
        with pytest.raises(DataError) as error:
            read(document, slide)
        assert error.value.detail.code == "coco_without_slide"


def test_the_real_file_of_midog_is_read(data):
    path = data / "annotations" / "midogpp" / "MIDOG++.json"
    document = json.loads(path.read_bytes())
    features = list(read_coco(document, "001"))
    mine = [one for one in document["annotations"] if one["image_id"] == 1]
    assert len(features) == len(mine) > 0
    assert {one["geometry"]["type"] for one in features} == {"Polygon"}
