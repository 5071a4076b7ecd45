"""Choices of the user who imports a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self


class Target(StrEnum):
    """Targets of a class besides the id of a label.

    A new label, no label, its shapes left out, or its own name in an object set, where a class need not be a
    label; annotations then take the label of that name.
    """

    NEW = "new"
    NONE = "none"
    SKIP = "skip"
    OWN = "own"


class Outside(StrEnum):
    """Treatment of a shape that reaches beyond the slide: kept whole, or clipped at the edge."""

    KEEP = "keep"
    CUT = "cut"


class Version(StrEnum):
    """Version to keep when an annotation changed both here and in the file."""

    HERE = "here"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Options of one import.

    Parameters
    ----------
    create_labels
        Classes that the project lacks become labels, if the person may add labels. In an object set they
        keep their own names, unless ``mapping`` makes them new labels.
    mapping
        Class name of the file to the id of a label, or a value of ``Target``. Classes that are not
        named are matched by their name.
    outside
        Keep or cut shapes that reach beyond the slide. Shapes wholly outside are always left out.
    strict
        Refuse the whole file when one row cannot be kept.
    scale
        Factor from the coordinates of the file to level-0 pixels.
    conflicts
        Version that counts when an annotation changed here after the file was exported.

    """

    create_labels: bool = False
    mapping: Mapping[str, str] = field(default_factory=dict)
    outside: Outside = Outside.KEEP
    strict: bool = False
    scale: float = 1.0
    conflicts: Version = Version.HERE

    def to_json(self) -> dict[str, Any]:
        """Return the options as JSON values, for the input of a job."""
        return {
            "create_labels": self.create_labels,
            "mapping": dict(self.mapping),
            "outside": str(self.outside),
            "strict": self.strict,
            "scale": self.scale,
            "conflicts": str(self.conflicts),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the options in the input of a job, with defaults for missing ones."""
        return cls(
            create_labels=bool(values.get("create_labels", False)),
            mapping=dict(values.get("mapping") or {}),
            outside=Outside(values.get("outside", Outside.KEEP)),
            strict=bool(values.get("strict", False)),
            scale=float(values.get("scale", 1.0)),
            conflicts=Version(values.get("conflicts", Version.HERE)),
        )
