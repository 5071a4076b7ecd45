"""Match the classes of a file to the labels of a project."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from ml.messages import Message
from ml.storage.names import fold_name
from server.accounts.models import User
from server.exchange.errors import BadMappingError
from server.exchange.formats.shapes import ForeignShape
from server.exchange.imports.letter_case import CaseQuestion
from server.exchange.imports.options import ImportOptions, Target
from server.projects.models import Label, Project, Role
from server.projects.policies import reaches, role_in
from server.projects.selectors import labels_of

# Colour-blind-safe (Okabe and Ito, 2008), for labels without a colour in the file.
PALETTE: Final = ("#d55e00", "#0072b2", "#009e73", "#e69f00", "#56b4e9", "#cc79a7", "#f0e442")


@dataclass(slots=True)
class ClassMatch:
    """Match of one class of a file.

    ``label`` is None for a class without a label; ``target`` then says why: a new label, no label, or left
    out. ``is_chosen`` is True for a choice of the person, ``is_answered`` also where the choice is the
    class's own name. ``similar`` are labels, ``variants`` other classes
    of the file whose names differ from the class in letter case only; then the match ``is_guess``, and a
    question to the person where a shape depends on it. ``reason`` explains why shapes of the class are left
    out.
    """

    name: str
    colour: str
    count: int = 0
    label: Label | None = None
    target: Target | None = None
    similar: list[Label] = field(default_factory=list)
    variants: list[str] = field(default_factory=list)
    is_guess: bool = False
    is_question: bool = False
    is_answered: bool = False
    is_chosen: bool = False
    reason: Message | None = None

    @property
    def is_new(self) -> bool:
        """Return whether the class becomes a new label."""
        return self.target == Target.NEW

    @property
    def is_left_out(self) -> bool:
        """Return whether the shapes of the class are left out."""
        return self.target == Target.SKIP


@dataclass(slots=True)
class ClassMatches:
    """Matches of all classes of a file. ``by_id`` holds labels that one of our exports names by id."""

    by_name: dict[str, ClassMatch]
    by_id: dict[str, Label]
    may_create: bool

    def match(self, shape: ForeignShape) -> ClassMatch | None:
        """Return the match of a shape's class; None for a shape without a class."""
        return self.by_name[shape.label] if shape.label else None

    def open_questions(self) -> list[CaseQuestion]:
        """Return the classes whose shapes would be imported on a guess."""
        return [
            CaseQuestion(row.name, (*(label.name for label in row.similar), *row.variants))
            for row in self.by_name.values()
            if row.is_question and not row.is_left_out
        ]

    def exported_label(self, shape: ForeignShape) -> Label | None:
        """Return the label that the shape had at its export, under any later name."""
        return self.by_id.get(shape.label_id or "")


def match_classes(
    actor: User, project: Project, shapes: Sequence[ForeignShape], options: ImportOptions
) -> ClassMatches:
    """Match every class of the shapes; raises BadMappingError for a mapping to an unknown label."""
    labels = list(labels_of(project))
    may_create = reaches(role_in(actor, project), Role.MANAGER)
    counts = Counter(shape.label for shape in shapes if shape.label)
    colours = {shape.label: shape.colour for shape in reversed(shapes) if shape.label and shape.colour}
    matcher = _Matcher(labels, options, may_create=may_create)
    variants: dict[str, list[str]] = defaultdict(list)
    for name in counts:
        variants[fold_name(name)].append(name)
    rows: dict[str, ClassMatch] = {}
    for number, (name, count) in enumerate(counts.items()):
        colour = colours.get(name) or PALETTE[(len(labels) + number) % len(PALETTE)]
        others = [other for other in variants[fold_name(name)] if other != name]
        row = rows[name] = ClassMatch(name, colour, count, variants=others)
        matcher.match(row)
    return ClassMatches(rows, {str(label.pk): label for label in labels}, may_create)


class _Matcher:
    """Matcher of classes to the labels of a project by name, by rules in order."""

    def __init__(self, labels: Sequence[Label], options: ImportOptions, *, may_create: bool) -> None:
        self._options = options
        self._may_create = may_create
        self._by_id = {label.pk: label for label in labels}
        self._live = {label.name: label for label in labels if label.retired_at is None}
        self._retired = {label.name: label for label in labels if label.retired_at is not None}
        self._folded: dict[str, list[Label]] = defaultdict(list)
        for label in {**self._retired, **self._live}.values():
            self._folded[fold_name(label.name)].append(label)

    def match(self, row: ClassMatch) -> None:
        """Choose the label of a class."""
        chosen = self._options.mapping.get(row.name)
        row.is_answered = chosen is not None
        if chosen is not None and chosen != Target.OWN:
            row.is_chosen = True
            self._choose(row, chosen)
            return
        row.label = self._live.get(row.name) or self._retired.get(row.name)
        if row.label is not None:
            return
        if not row.is_answered:
            row.similar = self._folded.get(fold_name(row.name), [])
            row.is_guess = bool(row.similar or row.variants)
        if len(row.similar) == 1 and not row.variants:
            row.label = row.similar[0]
            return
        self._create(row, may_add=self._options.create_labels)

    def _choose(self, row: ClassMatch, chosen: str) -> None:
        if chosen == Target.NONE:
            row.target = Target.NONE
        elif chosen == Target.SKIP:
            row.target = Target.SKIP
            row.reason = left_out_by_choice(row.name)
        elif chosen == Target.NEW:
            row.label = self._live.get(row.name)
            if row.label is None:
                self._create(row, may_add=True)
        else:
            row.label = label_by_choice(row.name, chosen, self._by_id)

    def _create(self, row: ClassMatch, *, may_add: bool) -> None:
        if may_add and self._may_create:
            row.target = Target.NEW
            return
        row.target = Target.SKIP
        if may_add:
            row.reason = label_needs_manager(row.name)
        else:
            row.reason = Message("row_label_unknown", label=row.name)


def left_out_by_choice(name: str) -> Message:
    """Return the reason for rows of a class that the user leaves out."""
    return Message("row_class_skipped", label=name)


def label_needs_manager(name: str) -> Message:
    """Return the reason for rows of a class for which only a manager could add a label."""
    return Message(
        "row_label_needs_manager",
        label=name,
    )


def label_by_choice(name: str, chosen: str, by_id: Mapping[UUID, Label]) -> Label:
    """Return the label chosen for a class; raises BadMappingError for one of another project."""
    try:
        return by_id[UUID(chosen)]
    except (ValueError, KeyError) as error:
        message = Message(
            "mapping_unknown_label",
            name=name,
        )
        raise BadMappingError(message, field="mapping") from error
