"""Serializers prepared once per class: the REST framework copies and binds every field on each use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from django.db.models import Manager
from rest_framework import serializers

Convert = Callable[[Any], Any]
Serializer = serializers.BaseSerializer[Any]

_PLAIN: Final[dict[type, Convert]] = {
    serializers.UUIDField: str,
    serializers.CharField: str,
    serializers.IntegerField: int,
    serializers.FloatField: float,
}


def represent(serializer: type[Serializer], item: Any) -> dict[str, Any]:
    """Return the JSON values of one object, equal to ``serializer(item).data``."""
    values: dict[str, Any] = _prepared(_key(serializer))(item)
    return values


def represent_all(serializer: type[Serializer], items: Iterable[Any] | None) -> list[dict[str, Any]]:
    """Return the JSON values of several objects, equal to ``serializer(items, many=True).data``.

    None, which a view without pages would give, counts as no object.
    """
    convert = _prepared(_key(serializer))
    return [convert(item) for item in items or ()]


def validate(serializer: type[Serializer], data: Any) -> dict[str, Any]:
    """Return the validated values of a request body; raises ValidationError as ``is_valid`` does."""
    values: dict[str, Any] = _shared(_key(serializer)).run_validation(data)
    return values


def _key(serializer: type[Serializer]) -> Any:
    """Return the class as a hashable key, which the type checker does not see in it."""
    return serializer


@cache
def _shared(serializer: Any) -> Serializer:
    # Validation and conversion keep nothing on the instance, so that threads may share it.
    shared: Serializer = serializer()
    return shared


@cache
def _prepared(serializer: Any) -> Convert:
    return _convert_nested(_shared(serializer))


def _convert_nested(serializer: Any) -> Convert:
    """Return the conversion of a serializer; a custom ``to_representation`` is used as it is."""
    if isinstance(serializer, serializers.ListSerializer):
        child = _convert_nested(serializer.child)
        return lambda items: [child(item) for item in (items.all() if isinstance(items, Manager) else items)]
    if type(serializer).to_representation is not serializers.Serializer.to_representation:
        whole: Convert = serializer.to_representation
        return whole
    fields = [(field.field_name, _read(field), _convert(field)) for field in serializer._readable_fields]  # noqa: SLF001 - what to_representation walks

    def convert(item: Any) -> dict[str, Any]:
        values = {}
        for name, read, converted in fields:
            try:
                value = read(item)
            except serializers.SkipField:
                continue
            values[name] = None if value is None else converted(value)
        return values

    return convert


def _read(field: Any) -> Convert:
    """Return a function that reads a field's value from an object."""
    if len(field.source_attrs) != 1:
        attribute: Convert = field.get_attribute
        return attribute
    [name] = field.source_attrs

    def read(item: Any) -> Any:
        try:
            value = item[name] if isinstance(item, dict) else getattr(item, name)
        except (AttributeError, KeyError):
            return field.get_attribute(item)
        return field.get_attribute(item) if callable(value) and not isinstance(value, Manager) else value

    return read


def _convert(field: Any) -> Convert:
    if isinstance(field, serializers.BaseSerializer):
        return _convert_nested(field)
    if isinstance(field, serializers.JSONField) and not field.binary:
        return lambda value: value
    if type(field) is serializers.DateTimeField:
        return lambda value: _isoformat(field, value)
    plain: Convert = _PLAIN.get(type(field), field.to_representation)
    return plain


def _isoformat(field: Any, value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is UTC:
        return value.isoformat().removesuffix("+00:00") + "Z"
    return field.to_representation(value)
