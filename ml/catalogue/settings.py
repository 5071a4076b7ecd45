"""What a setting of a recipe carries, so that forms and the command line can show it. Free of torch."""

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
    """Return a dataclass field that carries what a form needs to show it."""
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
