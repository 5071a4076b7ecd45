"""Write a prediction of a slide: object set, heat maps, GeoJSON."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.contracts import Context, HeatMap, Recipe, Settings, SlideFinding, SlideReader
from ml.objectset import ObjectSet, ObjectSetWriter, objects_to_geojson, write_heat_map
from ml.slides.resolution import predict_square
from ml.storage.room import remove_on_failure


@dataclass(frozen=True, slots=True)
class Written:
    """Summary of a written prediction: object count, heat map names, finding of the whole slide."""

    objects: int
    heat_maps: tuple[str, ...]
    finding: SlideFinding | None = None


def write_prediction(
    recipe: Recipe[Settings], labels: tuple[str, ...], slide: SlideReader, out: Path, context: Context
) -> Written:
    """Predict on a slide and write ``objects/``, ``heat_maps/`` and ``objects.geojson`` below ``out``.

    A recipe that answers about the whole slide also gives ``finding.json``.

    Nothing is left of ``objects/`` when the run fails or is cancelled.
    """
    out.mkdir(parents=True, exist_ok=True)
    for left in out.glob(".objects.*"):
        # Of a run that was killed.
        shutil.rmtree(left)
    heat_maps: tuple[HeatMap, ...] = ()
    finding: SlideFinding | None = None
    with ObjectSetWriter(out / "objects", labels, slide.width, slide.height) as writer:
        for prediction in predict_square(recipe, slide, context):
            if prediction.objects is not None and len(prediction.objects):
                writer.append(prediction.objects)
            heat_maps, finding = prediction.heat_maps or heat_maps, prediction.finding or finding
        count = writer.close().count
    names = tuple(_name(item, labels) for item in heat_maps)
    with remove_on_failure(out / "heat_maps"):
        (out / "heat_maps").mkdir(exist_ok=True)
        for name, item in zip(names, heat_maps, strict=True):
            write_heat_map(out / "heat_maps", name, item)
    with (
        remove_on_failure(out / "objects.geojson"),
        (out / "objects.geojson").open("w", encoding="utf-8") as stream,
    ):
        objects_to_geojson(ObjectSet(out / "objects"), stream)
    if finding is not None:
        text = json.dumps(finding_document(finding, labels), indent=1, ensure_ascii=False)
        (out / "finding.json").write_text(text + "\n", encoding="utf-8")
    return Written(count, names, finding)


def finding_document(finding: SlideFinding, labels: tuple[str, ...]) -> dict[str, Any]:
    """Return a finding as JSON values; boxes are level-0 pixels."""
    probability = [float(value) for value in finding.probability]
    return {
        "label": labels[int(finding.probability.argmax())] if probability else None,
        "probability": dict(zip(labels, probability, strict=True)),
        "uncertainty": finding.uncertainty,
        "refer": finding.refer,
        "risk": finding.risk,
        "evidence": [
            {"x": box.x, "y": box.y, "width": box.width, "height": box.height, "weight": weight}
            for box, weight in finding.evidence
        ],
    }


def _name(item: HeatMap, labels: tuple[str, ...]) -> str:
    """Return a file name for any label: its number replaces characters that are not letters."""
    if item.label is None:
        return item.kind
    plain = "".join(c if c.isalnum() else "-" for c in labels[item.label]).strip("-").lower()
    return f"{item.kind}-{item.label}-{plain}" if plain.isascii() else f"{item.kind}-{item.label}"
