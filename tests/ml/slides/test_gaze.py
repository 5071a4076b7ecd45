"""Viewing records become boxes for review, with consent only."""

from __future__ import annotations

import json

import numpy as np
import pytest
from shapely.geometry import Point, shape

from ml.__main__ import main
from ml.contracts import DataError
from ml.slides import write_phantom
from ml.slides.gaze import GazeRules, find_fixations, magnification_of, propose_boxes, read_stream

ZOOM = magnification_of(0.5, None)


def look(x, y, milliseconds, *, start=0.0, scale=1.0, noise=2.0):
    """Return samples at 100 Hz of an eye that fixates a place of the slide, in the middle of the screen."""
    rng = np.random.default_rng(int(x + y))
    view = {"x": x - 500 * scale, "y": y - 400 * scale, "scale": scale}
    return [
        {"t": start + t, "x": 500 + rng.normal(0, noise), "y": 400 + rng.normal(0, noise), "viewport": view}
        for t in range(0, milliseconds, 10)
    ]


def stream(*looks, **more):
    samples, start = [], 0.0
    for part in looks:
        samples += [{**sample, "t": sample["t"] + start} for sample in part]
        start = samples[-1]["t"] + 10
    return {"consent": True, "samples": samples, **more}


def fixations(document, **rules):
    return find_fixations(read_stream(document), ZOOM, GazeRules(**rules))


def test_a_look_is_found_where_the_eye_rested():
    [one, two] = fixations(
        stream(look(2000, 1000, 400), look(3000, 1500, 60), look(800, 700, 200, scale=2.0))
    )
    assert (one.x, one.y) == pytest.approx((2000, 1000), abs=2)
    assert (one.duration, one.zoom, two.zoom) == (390, 20, 10)
    # As long and twice as near weighs twice as much.
    assert one.weight == pytest.approx(0.39 * 2)


@pytest.mark.parametrize(
    "samples",
    [
        look(900, 900, 500, noise=200.0),
        look(900, 900, 500, scale=8.0),
        [{**sample, "x": sample["x"] + 5 * n} for n, sample in enumerate(look(900, 900, 500))],
        [{**sample, "x": None} for sample in look(900, 900, 500)],
        [{**sample, "t": 20 * sample["t"] * 10} for sample in look(900, 900, 100)],
    ],
    ids=["scattered", "from afar", "following", "lost eye", "gaps"],
)
def test_samples_without_a_fixation_are_left_out(samples):
    assert [item for item in fixations(stream(samples)) if item.duration > 150] == []


def test_a_moved_slide_ends_a_look():
    assert len(fixations(stream(look(900, 900, 300), look(950, 900, 300)))) == 2


def test_boxes_lie_where_one_looked_longest():
    document = stream(look(500, 500, 1500), look(3000, 3000, 110), look(2500, 900, 1200))
    boxes = propose_boxes(fixations(document), (4000, 4000), GazeRules())
    assert len(boxes) == 2
    for box, place in zip(boxes, ((500, 500), (2500, 900)), strict=True):
        left, top = box.bounds.x, box.bounds.y
        assert left < place[0] < left + box.bounds.width < left + 300
        assert top < place[1] < top + box.bounds.height
    assert (boxes[0].weight, boxes[0].seconds) == (1.0, pytest.approx(1.49))
    assert propose_boxes([], (4000, 4000), GazeRules()) == []


@pytest.mark.parametrize("consent", [None, False, "true", 1])
def test_nothing_is_read_without_consent(consent):
    with pytest.raises(DataError, match="consent") as refused:
        read_stream({"samples": look(1, 1, 100), "consent": consent})
    assert refused.value.code == "no_consent"


@pytest.mark.parametrize(
    "sample",
    [
        7,
        {},
        {"t": 0, "x": 1, "y": 1, "viewport": {"x": 0, "y": 0, "scale": 0}},
        {"t": 0, "x": float("nan"), "y": 1, "viewport": {"x": 0, "y": 0, "scale": 1}},
    ],
)
def test_a_broken_recording_is_refused(sample):
    with pytest.raises(DataError) as refused:
        read_stream({"consent": True, "samples": [sample]})
    assert refused.value.code == "bad_stream"


def test_a_slide_without_resolution_is_told():
    with pytest.raises(DataError, match="how near"):
        magnification_of(None, None)


def test_the_tool_writes_proposals_on_tissue(tmp_path, capsys):
    slide, out = tmp_path / "slide.tif", tmp_path / "boxes.geojson"
    truth = write_phantom(slide, width=2048, height=2048, seed=3)
    place = truth.regions[0][1].representative_point()
    recording = tmp_path / "stream.json"
    recording.write_text(json.dumps(stream(look(place.x, place.y, 2000), look(4, 4, 2000))))
    given = ["run", "gaze", f"{recording}", "--slide", f"{slide}", "--out", f"{out}", "--label", "Tumour"]
    assert main(given) == 0
    [box] = json.loads(out.read_text())["features"]
    assert shape(box["geometry"]).contains(Point(place))
    assert box["properties"]["metadata"]["source"] == "gaze"
    assert box["properties"]["metadata"]["weight"] < 1
    assert main(given) == 2
    recording.write_text("{}")
    assert main([*given[:6], f"{tmp_path / 'other.geojson'}"]) == 2
