"""Match the classes of an object file to the labels of a project, while the file is read."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.messages import Message
from ml.objectset import ObjectSetWriter
from ml.storage.names import fold_name
from server.accounts.models import User
from server.exchange.errors import BadObjectFileError
from server.exchange.imports.classes import label_by_choice, label_needs_manager, left_out_by_choice
from server.exchange.imports.letter_case import CaseQuestion, refuse_open_questions
from server.exchange.imports.options import ImportOptions, Target
from server.exchange.imports.report import ReasonCount
from server.exchange.object_files.batches import Batch
from server.projects.models import Label, Project, Role
from server.projects.policies import reaches, role_in
from server.projects.selectors import labels_of
from server.projects.services import create_label

MOST_CLASSES: Final = 1000
GREY: Final = "#868e96"
# A preview shows the classes of so many rows; a class that a file has later only keeps its own name.
PREVIEWED_ROWS: Final = 20_000


class ClassChoices:
    """Labels that the user chose for classes of the file.

    Raises BadMappingError for a label that the project does not have.
    """

    def __init__(self, actor: User, project: Project, options: ImportOptions) -> None:
        self.may_create = reaches(role_in(actor, project), Role.MANAGER)
        labels = list(labels_of(project))
        live = [label for label in labels if label.retired_at is None]
        self.exact = {label.name: label for label in [*labels, *live]}
        self._similar: dict[str, list[Label]] = {}
        for label in self.exact.values():
            self._similar.setdefault(fold_name(label.name), []).append(label)
        by_id = {label.pk: label for label in labels}
        self.labels: dict[str, Label] = {}
        self.new: set[str] = set()
        self.without: set[str] = set()
        self.kept: set[str] = set()
        # Classes whose rows are left out, with the reason.
        self.left_out: dict[str, Message] = {}
        for name, target in options.mapping.items():
            self._choose(name, target, by_id)

    def _choose(self, name: str, target: str, by_id: dict[uuid.UUID, Label]) -> None:
        if target == Target.NONE:
            self.without.add(name)
        elif target == Target.SKIP:
            self.left_out[name] = left_out_by_choice(name)
        elif target == Target.OWN:
            self.kept.add(name)
        elif target != Target.NEW:
            self.labels[name] = label_by_choice(name, target, by_id)
        elif name in self.exact:
            self.labels[name] = self.exact[name]
        elif self.may_create:
            self.new.add(name)
        else:
            self.left_out[name] = label_needs_manager(name)

    def is_chosen(self, name: str) -> bool:
        """Return whether the user chose a target for a class."""
        return name in self.labels or name in self.new | self.without | self.kept | self.left_out.keys()

    def label_of(self, name: str) -> Label | None:
        """Return the label chosen for a class, or of exactly its name."""
        if name in self.without | self.kept | self.new:
            return None
        return self.labels.get(name) or self.exact.get(name)

    def similar_labels(self, name: str) -> list[Label]:
        """Return the labels whose names differ from a class in letter case only."""
        return [label for label in self._similar.get(fold_name(name), []) if label.name != name]

    def questions(self, names: Iterable[str]) -> list[CaseQuestion]:
        """Return the classes without a label or a choice that differ from another name in case only."""
        classes: dict[str, list[str]] = {}
        for name in names:
            classes.setdefault(fold_name(name), []).append(name)
        questions = []
        for variants in classes.values():
            for name in variants:
                others = [other for other in variants if other != name]
                similar = (*(label.name for label in self.similar_labels(name)), *others)
                if similar and not self.is_chosen(name) and name not in self.exact:
                    questions.append(CaseQuestion(name, similar))
        return questions


class SetLabels:
    """Labels of a set as its file names them: those of the project, others unchanged."""

    def __init__(self, choices: ClassChoices) -> None:
        self._choices = choices
        self._places: dict[str, int] = {}
        self._by_label: dict[uuid.UUID, int] = {}
        self._names: set[str] = set()
        self._new: dict[str, int] = {}
        self.created: list[str] = []
        self.rows: list[dict[str, Any]] = []

    def places(self, batch: Batch, writer: ObjectSetWriter) -> NDArray[np.uint16]:
        """Return the label index in the set of each class of a batch, (classes,)."""
        for name in batch.classes:
            if name not in self._places:
                self._places[name] = self._place(name, batch.colours.get(name, GREY), writer)
        return np.array([self._places[name] for name in batch.classes], dtype=np.uint16)

    def refuse_questions(self, batch: Batch) -> None:
        """Raise ClassQuestionError for classes so far that differ from another name in letter case only."""
        if batch.flat is not None:
            self._names.update(batch.classes[int(place)] for place in np.unique(batch.flat.label))
        refuse_open_questions(self._choices.questions(self._names))

    def late_classes(self, counts: Sequence[int]) -> list[ReasonCount]:
        """Return the classes that a preview would not show and that have a twin in other letter case.

        ``counts`` are the objects of each row of the set's labels.
        """
        number = dict(zip((row["name"] for row in self.rows), counts, strict=True))
        return [
            ReasonCount(
                number[question.name],
                Message(
                    "class_keeps_own_name",
                    name=question.name,
                    other=question.similar[0],
                ),
            )
            for question in self._choices.questions(number)
        ]

    def create(self, actor: User, project: Project) -> None:
        """Create the new labels that the user asked for."""
        for name, place in self._new.items():
            label = labels_of(project).filter(name=name, retired_at__isnull=True).first()
            if label is None:
                colour = self.rows[place]["colour"]
                label = create_label(
                    actor=actor, project=project, name=name, colour=colour, allow_similar_name=True
                )
                self.created.append(name)
            self.rows[place] = _row_of(label)

    def _place(self, name: str, colour: str, writer: ObjectSetWriter) -> int:
        choices = self._choices
        if name in choices.left_out:
            # No row has it.
            return 0
        if name in choices.without:
            return self._places[""] if "" in self._places else self._add("", GREY, writer)
        label = choices.label_of(name)
        if label is not None:
            return self._place_of(label, name, writer)
        place = self._add(name, colour, writer)
        if name in choices.new:
            self._new[name] = place
        return place

    def _place_of(self, label: Label, name: str, writer: ObjectSetWriter) -> int:
        if label.pk not in self._by_label:
            self._by_label[label.pk] = place = self._add(name, label.colour, writer)
            self.rows[place] = _row_of(label)
        return self._by_label[label.pk]

    def _add(self, name: str, colour: str, writer: ObjectSetWriter) -> int:
        if len(self.rows) >= MOST_CLASSES:
            message = Message("too_many_classes", most=MOST_CLASSES)
            raise BadObjectFileError(message)
        self.rows.append(_own_row(name, colour))
        place = writer.add_label(name)
        if not name:
            self._places[""] = place
        return place


def _row_of(label: Label) -> dict[str, Any]:
    return {"label_id": str(label.pk), "name": label.name, "colour": label.colour}


def _own_row(name: str, colour: str) -> dict[str, Any]:
    """Return the row of a class that is no label of the project."""
    return {"label_id": None, "name": name, "colour": colour}
