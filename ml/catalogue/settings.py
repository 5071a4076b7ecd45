"""Dataclass fields that describe a setting to forms and to the command line. Free of torch."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def setting(
    default: Any,
    title: str,
    description: str,
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Return a dataclass field with the metadata that a form shows."""
    return field(
        default=default,
        metadata={
            "title": title,
            "description": description,
            "unit": unit,
            "minimum": minimum,
            "maximum": maximum,
            "choices": choices,
        },
    )
