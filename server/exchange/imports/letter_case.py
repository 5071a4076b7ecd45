"""Classes whose names differ in letter case only: the person decides whether they are one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ml.messages import Message
from server.exchange.errors import ClassQuestionError


@dataclass(frozen=True, slots=True)
class CaseQuestion:
    """A class of a file, with the labels and classes whose names differ from it in letter case only."""

    name: str
    similar: tuple[str, ...]


def refuse_open_questions(questions: Sequence[CaseQuestion]) -> None:
    """Raise ClassQuestionError if there is any question, because nothing is imported on a guess."""
    if not questions:
        return
    first, more = questions[0], len(questions) - 1
    values = {"name": first.name, "other": first.similar[0]}
    if more:
        message = Message(
            "class_letter_case_more",
            more=more,
            **values,
        )
    else:
        message = Message(
            "class_letter_case",
            **values,
        )
    raise ClassQuestionError(message, field="mapping", questions=[asdict(each) for each in questions])
