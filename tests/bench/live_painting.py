"""From a stroke to the repainted view, through a running installation and its warm worker."""

from __future__ import annotations

import json
import queue
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from shapely.geometry import LineString, mapping, shape
from shapely.geometry.base import BaseGeometry

from tests.bench.harness import Figure, bench, data_folder

STROKES = 24
VIEW_AIM = 0.5
LABELS = {"Adenocarcinoma": "#d55e00", "Normal colon": "#0072b2"}
# A screen of 1440 x 900 that shows the slide at its own scale, and at a third of it.
VIEWS = {"paint.view": (1440, 900), "paint.view_wide": (4320, 2700)}


@bench("paint.view")
def measure_live_painting() -> Iterator[Figure]:
    """Draw strokes within the true regions of the mosaic."""
    from tests.e2e.conftest import Installation, import_slide, make_project

    with tempfile.TemporaryDirectory(prefix="coverslip-bench-") as home:
        installation = Installation(Path(home), {})
        installation.start()
        try:
            project = make_project(installation, "Painting", LABELS)
            slide = import_slide(installation, data_folder() / "slides/colorectal-mosaic.tif", project["id"])
            painter = _Painter(installation, project, slide)
            first = painter.repaint((1440, 900), 2)
            yield Figure(
                "paint.view_first", first[0], "s", note="nothing described: the view of the second stroke"
            )
            for name, size in VIEWS.items():
                turns = [painter.repaint(size, 1) for _ in range(STROKES)]
                views, wholes = zip(*turns, strict=True)
                note = f"p95 of {STROKES} strokes, median {statistics.median(views):.2f}; baseline: aim"
                yield Figure(name, float(np.percentile(views, 95)), "s", VIEW_AIM, note)
                yield Figure(
                    f"{name}.slide", statistics.median(wholes), "s", note="median until all is painted"
                )
        finally:
            installation.stop()


class _Painter:
    """A person who draws strokes and sees the slide repainted."""

    def __init__(self, installation: Any, project: dict[str, Any], slide: str) -> None:
        self._client, self._slide = installation.client("annotator"), slide
        self._labels = {label["name"]: label["id"] for label in project["labels"]}
        self._places = _places(np.random.default_rng(0))
        self._news: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._listen, args=(project["id"],), daemon=True).start()
        time.sleep(1)

    def repaint(self, size: tuple[int, int], strokes: int) -> tuple[float, float]:
        """Draw strokes; return the seconds until the view is repainted, and until the slide is."""
        for _ in range(strokes):
            name, stroke = next(self._places)
            began = time.perf_counter()
            body = {
                "id": str(uuid.uuid4()),
                "label_id": self._labels[name],
                "shape": "brush",
                "geometry": mapping(stroke),
            }
            self._client.post(f"/slides/{self._slide}/annotations", json=body).raise_for_status()
        x, y = stroke.centroid.x - size[0] / 2, stroke.centroid.y - size[1] / 2
        view = {"x": x, "y": y, "width": size[0], "height": size[1]}
        asked = self._client.post(f"/slides/{self._slide}/painting", json={"view": view})
        asked.raise_for_status()
        seen = 0.0
        while True:
            news = self._news.get(timeout=300)
            if news["number"] != asked.json()["number"]:
                continue
            if news["part"] and not seen:
                name = news["part"]["name"]
                self._client.get(f"/paintings/{news['id']}/{name}.png").raise_for_status()
                seen = time.perf_counter() - began
            if news["state"] == "painted":
                return seen, time.perf_counter() - began
            assert news["state"] != "refused", news

    def _listen(self, project: str) -> None:
        with self._client.stream("GET", f"/events?topic=project:{project}", timeout=None) as answer:
            for line in answer.iter_lines():
                message = json.loads(line[len("data: ") :]) if line.startswith("data: ") else {}
                if message.get("name") == "painting":
                    self._news.put(message["data"])


def _places(random: np.random.Generator) -> Iterator[tuple[str, BaseGeometry]]:
    """Yield short strokes within the true regions, of each label in turn."""
    truth = json.loads((data_folder() / "slides/colorectal-mosaic-truth.geojson").read_text())
    regions = {
        name: [
            shape(feature["geometry"])
            for feature in truth["features"]
            if feature["properties"]["classification"]["name"] == name
        ]
        for name in LABELS
    }
    while True:
        for name, shapes in regions.items():
            region = shapes[random.integers(len(shapes))]
            left, top, right, bottom = region.bounds
            stroke = None
            while stroke is None or not region.contains(stroke):
                x, y = random.uniform(left, right), random.uniform(top, bottom)
                stroke = LineString([(x - 70, y), (x + 70, y + random.uniform(-40, 40))]).buffer(25)
            yield name, stroke
