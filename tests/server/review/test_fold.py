"""Invariants of the fold of verdicts for any history."""

from __future__ import annotations

import uuid

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from server.review.decisions.fold import Decisions, fold, fold_again, load, store
from server.review.models import ReviewState, Verdict

COUNT = 12
LABELS = [uuid.uuid4(), uuid.uuid4()]


@st.composite
def histories(draw):
    rows = []
    for sequence in range(draw(st.integers(0, 12))):
        standing = [row for row in rows if row.kind != "undone"]
        if standing and draw(st.booleans()):
            undone = {row.undoes_id for row in rows}
            target = draw(st.sampled_from(standing))
            if target.pk not in undone:
                rows.append(Verdict(pk=uuid.uuid4(), sequence=sequence, kind="undone", undoes_id=target.pk))
                continue
        kind = draw(st.sampled_from(["accepted", "rejected", "redrawn", "relabelled"]))
        objects = BitMap(draw(st.sets(st.integers(0, COUNT - 1), min_size=1)))
        label = draw(st.sampled_from(LABELS)) if kind == "relabelled" else None
        rows.append(
            Verdict(
                pk=uuid.uuid4(),
                sequence=sequence,
                kind=kind,
                label_id=label,
                objects_bitmap=objects.serialize(),
            )
        )
    return rows


def expected(rows, index):
    """Return the state of one object after its history, computed one verdict at a time."""
    undone = {row.undoes_id for row in rows if row.kind == "undone"}
    state = ("open", None)
    for row in rows:
        if row.kind != "undone" and row.pk not in undone and index in BitMap.deserialize(row.objects_bitmap):
            state = (row.kind, str(row.label_id) if row.label_id else None)
    return state


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_the_last_verdict_that_stands_decides(rows):
    decisions = fold(rows)
    assert [decisions.kind_of(i) for i in range(COUNT)] == [expected(rows, i) for i in range(COUNT)]
    mask = decisions.open_mask(COUNT)
    assert [bool(value) for value in mask] == [expected(rows, i)[0] == "open" for i in range(COUNT)]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_stored_weights_are_loaded_unchanged(rows):
    state = ReviewState()
    decisions = fold(rows)
    store(state, decisions)
    again = load(state)
    assert [again.kind_of(i) for i in range(COUNT)] == [decisions.kind_of(i) for i in range(COUNT)]
    assert state.decided_count == len(again.decided)


def test_nothing_said_is_everything_open():
    assert load(None).open_mask(3).all()
    assert len(Decisions().decided) == 0


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_undoing_one_verdict_comes_to_the_same_as_folding_all_anew(rows):
    """Only the objects of the undone verdict are folded again, from the verdicts that concern them."""
    undone = {row.undoes_id for row in rows}
    for target in [row for row in rows if row.kind != "undone" and row.pk not in undone]:
        decisions = fold(rows)
        objects = BitMap.deserialize(target.objects_bitmap)
        undoing = Verdict(pk=uuid.uuid4(), kind="undone", undoes_id=target.pk)
        near = [
            row for row in rows if row.kind == "undone" or BitMap.deserialize(row.objects_bitmap) & objects
        ]
        fold_again(decisions, objects, [*near, undoing])
        whole = fold([*rows, undoing])
        assert [decisions.kind_of(i) for i in range(COUNT)] == [whole.kind_of(i) for i in range(COUNT)]
