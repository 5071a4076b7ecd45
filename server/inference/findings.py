"""Findings of a model for a whole slide, as JSON in the run's row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ml.contracts import SlideFinding

MOST_EVIDENCE: Final = 24


def finding_document(finding: SlideFinding, labels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the finding with label names; ``labels`` are in the order of its probabilities."""
    return {
        "probabilities": [
            {
                "label_id": label["label_id"],
                "name": label["name"],
                "colour": label["colour"],
                "value": float(value),
            }
            for label, value in zip(labels, finding.probability, strict=True)
        ],
        "uncertainty": float(finding.uncertainty),
        "refer": bool(finding.refer),
        "evidence": [
            {"x": box.x, "y": box.y, "width": box.width, "height": box.height, "weight": float(weight)}
            for box, weight in finding.evidence[:MOST_EVIDENCE]
        ],
        "risk": None if finding.risk is None else float(finding.risk),
    }
