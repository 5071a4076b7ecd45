"""Facets of a label (type, grade, a yes-or-no property), parsed from one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml.contracts import DataError
from ml.messages import Message

NOTHING = {"", "-"}
FLAGS = {"no": 0, "yes": 1}
MOST_GRADES = 9


@dataclass(frozen=True, slots=True)
class Facets:
    """``types`` are names; per class ``type_of`` is an index, ``grade_of`` 0.. or None, ``flag_of`` as well.

    ``grades`` counts the grades. A class is incomplete when it leaves open what another of its type says.
    """

    types: tuple[str, ...]
    grades: int
    type_of: tuple[int, ...]
    grade_of: tuple[int | None, ...]
    flag_of: tuple[int | None, ...]

    @property
    def incomplete(self) -> tuple[bool, ...]:
        """Return for each class whether a facet is unstated."""
        graded = {kind for kind, grade in zip(self.type_of, self.grade_of, strict=True) if grade is not None}
        flagged = {kind for kind, flag in zip(self.type_of, self.flag_of, strict=True) if flag is not None}
        return tuple(
            (grade is None and kind in graded) or (flag is None and kind in flagged)
            for kind, grade, flag in zip(self.type_of, self.grade_of, self.flag_of, strict=True)
        )


def parse_facets(text: str, classes: Sequence[str]) -> Facets:
    """Read ``label=type/grade/property; ...``: grade 1 to 9 or ``-``, property ``yes``, ``no`` or ``-``.

    A type that is not named is a type of its own. Raises DataError(``bad_config``) naming the entry.
    """
    facets: dict[str, tuple[str, int | None, int | None]] = {name: (name, None, None) for name in classes}
    for entry in filter(None, (piece.strip() for piece in text.split(";"))):
        label, equals, rest = (piece.strip() for piece in entry.partition("="))
        if not equals or label not in facets:
            message = Message(
                "facets_unknown",
                entry=entry,
                known=", ".join(classes),
            )
            raise DataError(message, code="bad_config")
        facets[label] = _read(entry, rest, label)
    types = tuple(dict.fromkeys(kind for kind, _, _ in facets.values()))
    grades = [grade for _, grade, _ in facets.values() if grade is not None]
    lowest = min(grades, default=1)
    return Facets(
        types,
        max(grades, default=0) - lowest + 1 if grades else 0,
        tuple(types.index(kind) for kind, _, _ in facets.values()),
        tuple(None if grade is None else grade - lowest for _, grade, _ in facets.values()),
        tuple(flag for _, _, flag in facets.values()),
    )


def _read(entry: str, rest: str, label: str) -> tuple[str, int | None, int | None]:
    kind, grade, flag, *more = ([piece.strip() for piece in rest.split("/")] + ["", "", ""])[:4]
    known = grade in NOTHING or (grade.isdigit() and 1 <= int(grade) <= MOST_GRADES)
    if any(more) and more[0] not in NOTHING:
        known = False
    if not known or (flag not in NOTHING and flag not in FLAGS):
        message = Message(
            "facets_malformed",
            entry=entry,
        )
        raise DataError(message, code="bad_config")
    return (
        label if kind in NOTHING else kind,
        None if grade in NOTHING else int(grade),
        None if flag in NOTHING else FLAGS[flag],
    )
