"""Match the classes of an object file to the labels of a project, while the file is read."""

from __future__ import annotations

import uuid
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Sentence
from ml.objectset import ObjectSetWriter
from server.accounts.models import User
from server.exchange.errors import BadObjectFileError
from server.exchange.imports.classes import folded, label_by_choice, label_needs_manager, left_out_by_choice
from server.exchange.imports.options import ImportOptions, Target
from server.exchange.object_files.batches import Batch
from server.projects.models import Label, Project, Role
from server.projects.policies import reaches, role_in
from server.projects.services import create_label

MOST_CLASSES: Final = 1000
GREY: Final = "#868e96"


class ClassChoices:
    """Labels that the user chose for classes of the file.

    Raises BadMappingError for a label that the project does not have.
    """

    def __init__(self, actor: User, project: Project, options: ImportOptions) -> None:
        self.may_create = reaches(role_in(actor, project), Role.MANAGER)
        labels = list(Label.objects.filter(project=project))
        live = [label for label in labels if label.retired_at is None]
        self.exact = {label.name: label for label in [*labels, *live]}
        self.similar: dict[str, list[Label]] = {}
        for label in live:
            self.similar.setdefault(folded(label.name), []).append(label)
        by_id = {label.pk: label for label in labels}
        self.labels: dict[str, Label] = {}
        self.new: set[str] = set()
        self.without: set[str] = set()
        self.kept: set[str] = set()
        # Classes whose rows are left out, with the reason.
        self.left_out: dict[str, Sentence] = {}
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

    def certain_label(self, name: str) -> Label | None:
        """Return the label chosen for a class, or of exactly its name."""
        return None if name in self.without | self.kept | self.new else self._certain(name)

    def _certain(self, name: str) -> Label | None:
        return self.labels.get(name) or self.exact.get(name)

    def likely_label(self, name: str) -> Label | None:
        """Return the one label whose name differs in case only, where the user chose none."""
        similar = [] if self.is_chosen(name) else self.similar.get(folded(name), [])
        return similar[0] if len(similar) == 1 else None


class SetLabels:
    """Labels of a set as its file names them: those of the project, others unchanged.

    A class in other letter case than a label is that label, unless the person or another class of the file
    has it.
    """

    def __init__(self, choices: ClassChoices) -> None:
        self._choices = choices
        self._places: dict[str, int] = {}
        # By label: the row of a class that certainly has it, or the row and name of one that likely has it.
        self._certain: dict[uuid.UUID, int] = {}
        self._likely: dict[uuid.UUID, tuple[int, str]] = {}
        self._chosen = {label.pk for label in choices.labels.values()}
        self._new: dict[str, int] = {}
        self.created: list[str] = []
        self.rows: list[dict[str, Any]] = []

    def places(self, batch: Batch, writer: ObjectSetWriter) -> NDArray[np.uint16]:
        """Return the label index in the set of each class of a batch, (classes,)."""
        for name in batch.classes:
            if name not in self._places:
                self._places[name] = self._place(name, batch.colours.get(name, GREY), writer)
        return np.array([self._places[name] for name in batch.classes], dtype=np.uint16)

    def create(self, actor: User, project: Project) -> None:
        """Create the new labels that the user asked for."""
        for name, place in self._new.items():
            label = Label.objects.filter(project=project, name=name, retired_at__isnull=True).first()
            if label is None:
                colour = self.rows[place]["colour"]
                label = create_label(actor=actor, project=project, name=name, colour=colour)
                self.created.append(name)
            self.rows[place] = _row_of(label)

    def _place(self, name: str, colour: str, writer: ObjectSetWriter) -> int:
        choices = self._choices
        if name in choices.left_out:
            # No row has it.
            return 0
        if name in choices.without:
            return self._places[""] if "" in self._places else self._add("", GREY, writer)
        label = choices.certain_label(name)
        if label is not None:
            return self._place_of(label, name, writer)
        place = self._add(name, colour, writer)
        likely = choices.likely_label(name)
        if name in choices.new:
            self._new[name] = place
        elif likely is not None and not self._is_taken(likely):
            self._likely[likely.pk] = place, name
            self.rows[place] = _row_of(likely)
        return place

    def _place_of(self, label: Label, name: str, writer: ObjectSetWriter) -> int:
        """Return the index of a label; a class that only likely had it loses it."""
        if label.pk in self._certain:
            return self._certain[label.pk]
        if label.pk in self._likely:
            row, other = self._likely.pop(label.pk)
            self.rows[row] = _own_row(other, GREY)
        place = self._certain[label.pk] = self._add(name, label.colour, writer)
        self.rows[place] = _row_of(label)
        return place

    def _is_taken(self, label: Label) -> bool:
        return label.pk in self._chosen or label.pk in self._certain or label.pk in self._likely

    def _add(self, name: str, colour: str, writer: ObjectSetWriter) -> int:
        if len(self.rows) >= MOST_CLASSES:
            message = Sentence(
                "too_many_classes", "The file has more than {most:,} classes.", most=MOST_CLASSES
            )
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
