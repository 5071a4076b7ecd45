"""``drift``: slides whose stain differs from a model's training slides."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ml.contracts import DataError
from ml.evaluation.drift import Domain, learn_domain, slide_numbers
from ml.messages import Message
from ml.slides import open_slide


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the tool."""
    parser.add_argument("slides", type=Path, nargs="*", help="slides to judge")
    parser.add_argument("--train", type=Path, nargs="+", help="slides that were learned from")
    parser.add_argument(
        "--domain", type=Path, required=True, help="JSON that is written with --train, else read"
    )


def run(options: argparse.Namespace) -> None:
    """Learn the domain, judge slides, or both; prints one line of JSON for each slide."""
    if options.train:
        rows = []
        for path in options.train:
            with open_slide(path) as reader:
                rows.append(slide_numbers(reader))
        learn_domain(rows).write(options.domain)
    elif not options.slides:
        raise DataError(
            Message("drift_slides_not_named"),
            code="nothing_to_do",
        )
    domain = Domain.read(options.domain)
    for path in options.slides:
        with open_slide(path) as reader:
            numbers = slide_numbers(reader)
        report = {
            "slide": path.name,
            "distance": round(domain.distance(numbers), 3),
            "limit": round(domain.limit, 3),
            "outside": domain.is_outside(numbers),
        }
        sys.stdout.write(json.dumps(report) + "\n")
