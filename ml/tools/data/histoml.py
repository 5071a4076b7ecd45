"""``histoml``: export of annotations to HistoML beside GeoJSON, and import."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ml.contracts import DataError
from ml.formats.histoml import SlideFacts, keyed_by_uuid, read_histoml, write_histoml
from ml.messages import Message
from ml.slides import open_slide
from ml.storage.hashing import content_hash

ENDINGS = (".rdf", ".xml", ".owl")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the tool."""
    parser.add_argument("source", type=Path, help="GeoJSON to export, or HistoML (.rdf) to import")
    parser.add_argument("--slide", type=Path, help="the slide; needed for the export")
    parser.add_argument("--outlines", type=Path, help="GeoJSON with the outlines; needed for the import")
    parser.add_argument("--out", type=Path, required=True, help="new .rdf, or on import new .geojson")
    parser.add_argument(
        "--code", action="append", default=[], metavar="LABEL=CODE", help="SNOMED CT or NCIt code of a label"
    )


def run(options: argparse.Namespace) -> None:
    """Export to ``out`` and, beside it, GeoJSON under the same UUIDs; or import, the reverse."""
    if options.out.exists():
        raise DataError(Message("out_file_exists", out=str(options.out)), code="not_new")
    if options.source.suffix.lower() in ENDINGS:
        bring_in(options.source, options.outlines, options.out)
    else:
        bring_out(options.source, options.slide, options.out, dict(map(code_of, options.code)))


def bring_out(source: Path, slide: Path | None, out: Path, codes: dict[str, str]) -> None:
    """Write ``out`` and the GeoJSON of the same name beside it."""
    if slide is None:
        raise DataError(Message("shapes_without_slide"), code="no_slide")
    outlines = out.with_suffix(".geojson")
    if outlines.exists():
        raise DataError(
            Message("outlines_file_exists", file=str(outlines)),
            code="not_new",
        )
    features = keyed_by_uuid(features_of(source))
    with open_slide(slide) as reader:
        known = reader.resolution
        facts = SlideFacts(
            content_hash(slide),
            reader.width,
            reader.height,
            mpp=known.x if known else None,
            mpp_y=known.y if known else None,
            magnification=reader.magnification,
        )
    text = write_histoml(features, facts, codes)
    out.write_text(text, encoding="utf-8")
    outlines.write_text(as_geojson(features), encoding="utf-8")
    sys.stdout.write(f"{len(features)} shapes are described in {out}; their outlines are in {outlines}.\n")


def bring_in(source: Path, outlines: Path | None, out: Path) -> None:
    """Write the outlines with the properties of the RDF."""
    if outlines is None:
        raise DataError(
            Message("outlines_not_named"),
            code="no_outlines",
        )
    features, missing = read_histoml(source.read_bytes(), features_of(outlines))
    out.write_text(as_geojson(features), encoding="utf-8")
    lost = f" {len(missing)} described outlines are not in {outlines}." if missing else ""
    sys.stdout.write(f"{len(features)} shapes are in {out}.{lost}\n")


def features_of(path: Path) -> list[dict[str, Any]]:
    """Return the features of a GeoJSON file; raises DataError(``bad_geojson``)."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(Message("file_not_json", file=str(path), reason=error), code="bad_geojson") from error
    features = document.get("features", [document]) if isinstance(document, dict) else document
    if not isinstance(features, list) or not all(isinstance(item, dict) for item in features):
        raise DataError(Message("json_without_features", file=str(path)), code="bad_geojson")
    return features


def as_geojson(features: list[dict[str, Any]]) -> str:
    """Return the text of a FeatureCollection."""
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, indent=1)


def code_of(text: str) -> tuple[str, str]:
    """Return (label, code); raises DataError(``bad_code``)."""
    label, equals, code = text.rpartition("=")
    if not equals or not label or not code:
        raise DataError(
            Message("code_pair_malformed", pair=text),
            code="bad_code",
        )
    return label, code
