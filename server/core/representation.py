"""Serializers prepared once per class: the REST framework copies and binds every field on each use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any, Final

from django.db.models import Manager, Model
from rest_framework import serializers

Convert = Callable[[Any], Any]
# Representations of related rows by serializer and id, with the rows, so that no id is used again.
Known = dict[tuple[int, int], tuple[Any, Any]]
ConvertNested = Callable[[Any, Known], Any]
Serializer = serializers.BaseSerializer[Any]

_PLAIN: Final[dict[type, Convert]] = {
    serializers.UUIDField: str,
    serializers.CharField: str,
    serializers.IntegerField: int,
    serializers.FloatField: float,
}
# Values of exactly this type are their own representation.
_UNCHANGED: Final[dict[type, type]] = {
    serializers.CharField: str,
    serializers.ChoiceField: str,
    serializers.IntegerField: int,
    serializers.FloatField: float,
    serializers.BooleanField: bool,
}


def represent(serializer: type[Serializer], item: Any) -> dict[str, Any]:
    """Return the JSON values of one object, equal to ``serializer(item).data``."""
    values: dict[str, Any] = _prepared(_key(serializer))(item, {})
    return values


def represent_all(serializer: type[Serializer], items: Iterable[Any] | None) -> list[dict[str, Any]]:
    """Return the JSON values of several objects, equal to ``serializer(items, many=True).data``.

    None, which a view without pages would give, counts as no object. Objects that refer to the same row,
    as slides to their case, share its values.
    """
    convert = _prepared(_key(serializer))
    known: Known = {}
    return [convert(item, known) for item in items or ()]


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
def _prepared(serializer: Any) -> ConvertNested:
    return _convert_nested(_shared(serializer))


def _convert_nested(serializer: Any) -> ConvertNested:
    """Return the conversion of a serializer; a custom ``to_representation`` is used as it is."""
    if isinstance(serializer, serializers.ListSerializer):
        child = _convert_nested(serializer.child)
        return lambda items, known: [
            child(item, known) for item in (items.all() if isinstance(items, Manager) else items)
        ]
    if type(serializer).to_representation is not serializers.Serializer.to_representation:
        whole: Convert = serializer.to_representation
        return lambda item, _known: whole(item)
    fields = [_Field(field) for field in serializer._readable_fields]  # noqa: SLF001 - what to_representation walks

    def convert(item: Any, known: Known) -> dict[str, Any]:
        values = {}
        for field in fields:
            try:
                values[field.name] = field.represent(item, known)
            except serializers.SkipField:
                continue
        return values

    return convert


class _Field:
    """Reader and conversion of one field of a serializer."""

    def __init__(self, field: Any) -> None:
        self.name: str = field.field_name
        self._field = field
        self._attribute = ".".join(field.source_attrs)
        self._read: Convert = attrgetter(self._attribute) if self._attribute else lambda item: item
        self._unchanged = _UNCHANGED.get(type(field))
        self._nested = _convert_nested(field) if isinstance(field, serializers.BaseSerializer) else None
        self._convert = _conversion(field)

    def represent(self, item: Any, known: Known) -> Any:
        """Return the JSON value of this field of an object; raises SkipField for a missing one."""
        try:
            value = item[self._attribute] if type(item) is dict else self._read(item)
        except (AttributeError, KeyError):
            # A default, an optional field, or a path through dictionaries.
            value = self._field.get_attribute(item)
        if value is None or type(value) is self._unchanged:
            return value
        if callable(value) and not isinstance(value, Manager):
            value = self._field.get_attribute(item)
        if value is None:
            return None
        return self._convert(value) if self._nested is None else self._represent_row(value, known)

    def _represent_row(self, value: Any, known: Known) -> Any:
        """Return the values of a nested object, of a row those that an earlier object gave."""
        assert self._nested is not None  # noqa: S101 - the caller has looked
        if not isinstance(value, Model):
            return self._nested(value, known)
        key = id(self), id(value)
        if key not in known:
            known[key] = value, self._nested(value, known)
        return known[key][1]


def _conversion(field: Any) -> Convert:
    if isinstance(field, serializers.JSONField) and not field.binary:
        return lambda value: value
    if type(field) is serializers.DateTimeField:
        return lambda value: _isoformat(field, value)
    if isinstance(field, serializers.SerializerMethodField):
        method: Convert = getattr(field.parent, field.method_name)
        return method
    plain: Convert = _PLAIN.get(type(field), field.to_representation)
    return plain


def _isoformat(field: Any, value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is UTC:
        return value.isoformat().removesuffix("+00:00") + "Z"
    return field.to_representation(value)
