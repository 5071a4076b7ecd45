"""Diagnosis of a slide, clinical fields and follow-up of its patient."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ml.messages import Message
from server.accounts.models import User
from server.audit.seen import ComparedValues, refuse_unseen
from server.audit.services import record
from server.core.errors import ContentError
from server.core.inputs import JsonInput
from server.core.services import nothing_written, service
from server.projects.models import Label
from server.slides.models import Case, Slide
from server.slides.policies import slide_policy

MOST_FIELDS: Final = 50
LONGEST_NAME: Final = 60
LONGEST_WORD: Final = 200


@dataclass(frozen=True, slots=True)
class CaseFacts(JsonInput):
    """Clinical fields and follow-up of a patient.

    Parameters
    ----------
    clinical
        Finite numbers or words by name. A field that is not in it is missing, which is no mistake.
    months, event
        Length of the follow-up, and whether the event happened; both or none.
    seen
        The facts that the person saw, as JSON; None where the client sends none.

    """

    clinical: Mapping[str, Any]
    months: float | None = None
    event: bool | None = None
    seen: Mapping[str, Any] | None = None


@service
def diagnose_slide(*, actor: User, slide: Slide, label: Label | None) -> Slide:
    """Set the diagnosis of a slide, or remove it with None."""
    slide_policy.require(actor, slide.project, "diagnose")
    if label is not None and (label.project_id != slide.project_id or label.retired_at is not None):
        detail = Message("diagnosis_label_not_here")
        raise ContentError(detail, code="invalid", field="label_id")
    locked = Slide.objects.select_for_update(of=("self",)).select_related("project", "label").get(pk=slide.pk)
    before, locked.label = locked.label, label
    if before == label:
        nothing_written()
        return locked
    locked.save(update_fields=["label"])
    record(
        actor=actor,
        action="slide.diagnosed",
        subject=locked,
        project=locked.project,
        details={"before": before.name if before else None, "after": label.name if label else None},
    )
    return locked


@service
def describe_case(*, actor: User, case: Case, facts: CaseFacts) -> Case:
    """Set the facts of a patient; raises ContentError that names the field. See ``refuse_unseen``."""
    slide_policy.require(actor, case.project, "describe_case")
    _check_clinical(facts.clinical)
    if (facts.months is None) != (facts.event is None):
        detail = Message(
            "follow_up_needs_both",
        )
        raise ContentError(detail, code="invalid", field="months")
    locked = Case.objects.select_for_update(of=("self",)).select_related("project").get(pk=case.pk)
    before = {"clinical": locked.clinical, "months": locked.months, "event": locked.event}
    after = {"clinical": dict(facts.clinical), "months": facts.months, "event": facts.event}
    if before == after:
        nothing_written()
        return locked
    refuse_unseen(locked, ComparedValues(facts.seen, before, after), actions=("case.described",))
    locked.clinical, locked.months, locked.event = dict(facts.clinical), facts.months, facts.event
    locked.save(update_fields=["clinical", "months", "event"])
    record(
        actor=actor,
        action="case.described",
        subject=locked,
        project=locked.project,
        # The audit record outlives the case, so it names the fields and not what they say of a patient.
        details={"fields": sorted(facts.clinical), "follow_up": facts.months is not None},
    )
    return locked


def _check_clinical(clinical: Mapping[str, Any]) -> None:
    if len(clinical) > MOST_FIELDS:
        detail = Message("too_many_clinical", most=MOST_FIELDS)
        raise ContentError(detail, code="invalid", field="clinical")
    for name, value in clinical.items():
        if not name.strip() or len(name) > LONGEST_NAME:
            detail = Message(
                "clinical_name_length",
                most=LONGEST_NAME,
            )
            raise ContentError(detail, code="invalid", field="clinical")
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        word = isinstance(value, str) and 0 < len(value) <= LONGEST_WORD
        if not (number or word):
            detail = Message(
                "clinical_value",
                name=name,
                most=LONGEST_WORD,
            )
            raise ContentError(detail, code="invalid", field="clinical")
