"""GeoJSON geometries: the fields of serializers, and their part of the OpenAPI schema."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

_Schema = dict[str, Any]

_POSITION: Final[_Schema] = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}


def _list_of(items: _Schema) -> _Schema:
    return {"type": "array", "items": items}


_COORDINATES: Final[dict[str, _Schema]] = {
    "Point": _POSITION,
    "LineString": _list_of(_POSITION),
    "Polygon": _list_of(_list_of(_POSITION)),
    "MultiPolygon": _list_of(_list_of(_list_of(_POSITION))),
}


def _one_of(*types: str) -> _Schema:
    """Return the schema of a geometry of one of the types."""
    return {
        "oneOf": [
            {
                "type": "object",
                "properties": {"type": {"type": "string", "enum": [name]}, "coordinates": _COORDINATES[name]},
                "required": ["type", "coordinates"],
            }
            for name in types
        ]
    }


def component(name: str) -> _Schema:
    """Return a reference to a component of the OpenAPI schema."""
    return {"$ref": f"#/components/schemas/{name}"}


COMPONENTS: Final[dict[str, _Schema]] = {
    "Geometry": {**_one_of(*_COORDINATES), "description": "A GeoJSON geometry in level-0 pixels."},
    "Area": {**_one_of("Polygon", "MultiPolygon"), "description": "A GeoJSON area in level-0 pixels."},
    "Polygon": {**_one_of("Polygon"), "description": "A GeoJSON polygon in level-0 pixels."},
}


def add_components(result: _Schema, **_context: Any) -> _Schema:
    """Return the OpenAPI schema with the geometries; a hook of drf-spectacular."""
    schemas = {**result["components"]["schemas"], **COMPONENTS}
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    return result


@extend_schema_field(component("Geometry"))
class GeometryField(serializers.JSONField):
    """A GeoJSON geometry in level-0 pixels."""


@extend_schema_field(component("Area"))
class AreaField(serializers.JSONField):
    """A GeoJSON polygon or multipolygon in level-0 pixels."""


@extend_schema_field(component("Polygon"))
class PolygonField(serializers.JSONField):
    """A GeoJSON polygon in level-0 pixels."""
