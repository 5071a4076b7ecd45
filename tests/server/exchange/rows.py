"""Rows of the annotation file reader, and features to read."""

from __future__ import annotations

import json

from server.exchange.formats.files import read_file
from server.exchange.formats.shapes import ForeignShape, UnreadRow

NAME = "file.geojson"


def square(x=10, y=10, side=40):
    return {"type": "Polygon", "coordinates": [ring(x, y, side)]}


def ring(x, y, side):
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]


def feature(geometry=None, **properties):
    return {"type": "Feature", "geometry": geometry or square(), "properties": properties}


def rows_of(content, name=NAME, **options):
    if not isinstance(content, bytes):
        content = json.dumps(content).encode()
    return list(read_file(content, name, **options))


def shapes_of(content, name=NAME, **options):
    return [row for row in rows_of(content, name, **options) if isinstance(row, ForeignShape)]


def reasons_of(content, name=NAME, **options):
    return [
        (row.row, row.reason.code) for row in rows_of(content, name, **options) if isinstance(row, UnreadRow)
    ]
