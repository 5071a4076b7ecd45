"""Typed inputs of services and jobs, read from JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import Enum
from typing import Any, Final, Self


@dataclass(frozen=True, slots=True)
class JsonInput:
    """Input whose fields a subclass declares under the names of the JSON values."""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the input with these values; values of no field are ignored."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in names})


@dataclass(frozen=True, slots=True)
class JobInput(JsonInput):
    """Input of one kind of job, stored in its row."""

    def to_json(self) -> dict[str, Any]:
        """Return the values to store in the row of a job, without those that are None."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class Unset(Enum):
    """Type of the mark of a field that a change leaves as it is."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChanges(JsonInput):
    """New values of some fields of a row; a subclass declares the fields, ``UNSET`` by default.

    ``seen`` has the values of these fields that the person saw, as JSON; None where the client sends none.
    """

    seen: Mapping[str, Any] | None = None

    def new_values(self) -> dict[str, Any]:
        """Return the new values by field, without the fields that stay as they are."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "seen"}
        return {name: value for name, value in values.items() if value is not UNSET}
