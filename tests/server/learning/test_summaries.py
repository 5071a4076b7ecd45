"""The stored summary equals one computed from all shapes after any change; requests read no shape."""

from __future__ import annotations

import random
import uuid
from dataclasses import replace

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from shapely import box

from server.annotations.models import Annotation, Region
from server.annotations.services import Change, apply_changes, declare_finished, revoke_finished
from server.learning.models import LearningCount, Round
from server.learning.services import check_round, start_round
from server.learning.snapshots.plan import plan_round
from server.learning.snapshots.splits import BLOCKS_PER_SIDE, block_side, cut_into_blocks
from server.learning.summaries import set_counts
from server.learning.summaries.selectors import read_summary
from server.learning.summaries.summary import count_labels
from server.projects.models import Project
from server.review.models import Verdict
from server.review.services import give_verdict, undo_verdict
from tests.server.review.conftest import suggest  # noqa: F401 - the fixture

pytestmark = pytest.mark.django_db

STEPS = 40
KINDS = ("create", "create", "update", "delete", "restore", "region", "verdict", "undo", "retire")


@pytest.fixture
def place(project_factory, label_factory, slide_factory, user_factory, suggest):  # noqa: F811
    """A project with two slides, three labels and object sets of two runs on each slide."""
    project = project_factory(manager="mia")
    labels = [label_factory(project, name) for name in ("Tumour", "Stroma", "Other")]
    # Blocks are named by the first letters of the content.
    slides = [
        slide_factory(project, name, sha256=letter * 64) for name, letter in (("one", "a"), ("two", "b"))
    ]
    sets = [
        suggest(slide, labels, [0.5] * 20, numbers=[number % 3 for number in range(20)], name=name)
        for slide in slides
        for name in ("older", "newer")
    ]
    return project, labels, slides, sets, user_factory("mia")


def square(x, y, side):
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


def numbers_of(summary):
    """Return all numbers of a summary, areas as whole pixels."""
    counts = count_labels(summary)
    for row in counts["labels"]:
        row["area_px"] = round(row["area_px"])
    return {
        "counts": counts,
        "split": summary.split_by,
        "parts": summary.parts,
        "labels": [label.pk for label in summary.labels],
        "left out": [label.pk for label in summary.left_out],
    }


def kept_counts():
    rows = LearningCount.objects.filter(pieces__gt=0).order_by("slide_id", "unit", "label")
    return [(r.slide_id, r.unit, r.label, r.shapes, r.pieces, pytest.approx(r.area, abs=0.01)) for r in rows]


def act(place, choose):
    """Make one random change of the training material."""
    _, labels, slides, sets, mia = place
    slide, label = choose.choice(slides), choose.choice([*labels, None])
    shape = square(choose.randrange(8000), choose.randrange(6000), choose.choice((20, 300, 3000)))
    values = {"shape": "polygon", "geometry": shape, "label_id": label and label.pk}
    drawn = list(Annotation.objects.filter(slide__in=slides).order_by("pk"))
    one = choose.choice(drawn) if drawn else None
    kind = choose.choice(
        ("create", "create", "update", "delete", "restore", "region", "verdict", "undo", "retire")
    )
    if kind == "create":
        apply_changes(actor=mia, slide=slide, changes=[Change("create", uuid.uuid4(), None, values)])
    elif kind in {"update", "delete", "restore"} and one is not None:
        if (kind == "restore") == (one.deleted_at is not None):
            change = Change(kind, one.pk, one.revision, values if kind == "update" else {})
            apply_changes(actor=mia, slide=one.slide, changes=[change])
    elif kind == "region":
        known = Region.objects.filter(slide__in=slides, revoked_at__isnull=True).first()
        if known and choose.random() < 0.5:
            revoke_finished(actor=mia, region=known)
        else:
            declare_finished(actor=mia, slide=slide, region_id=uuid.uuid4(), geometry=shape)
    elif kind == "verdict":
        verdict = choose.choice(("accepted", "rejected", "relabelled"))
        give_verdict(
            actor=mia, object_set=choose.choice(sets), kind=verdict, label=labels[0],
            indices=choose.sample(range(20), 3), replaces=10**6,
        )  # fmt: skip
    elif kind == "undo":
        given = (
            Verdict.objects.filter(object_set__in=sets, undone_by__isnull=True).exclude(kind="undone").last()
        )
        if given:
            undo_verdict(actor=mia, verdict=given)
    elif kind == "retire" and len(labels) > 2 and choose.random() < 0.2:
        retired = labels.pop()
        retired.retired_at = retired.created_at
        retired.save()


@pytest.mark.parametrize("seed", range(3))
def test_stored_counts_equal_recomputed_ones(place, seed):
    project = place[0]
    choose = random.Random(seed)
    for step in range(STEPS):
        act(place, choose)
        if step % 5 == 4:
            kept = numbers_of(read_summary(project))
            assert kept == numbers_of(plan_round(project).summary)
    kept, counts = numbers_of(read_summary(project)), kept_counts()
    assert counts
    set_counts.forget()
    call_command("recount_learning", project=str(project.pk))
    assert kept_counts() == counts
    assert numbers_of(read_summary(project)) == kept


def test_a_change_of_a_note_changes_no_count(place):
    _, labels, slides, _, mia = place
    values = {"shape": "polygon", "geometry": square(10, 10, 50), "label_id": labels[0].pk}
    [row] = apply_changes(actor=mia, slide=slides[0], changes=[Change("create", uuid.uuid4(), None, values)])
    with CaptureQueriesContext(connection) as queries:
        apply_changes(actor=mia, slide=slides[0], changes=[Change("update", row.pk, 1, {"note": "seen"})])
    assert not [query for query in queries.captured_queries if "learning_learningcount" in query["sql"]]


def make_ready(place):
    _, labels, slides, sets, mia = place
    for slide in slides:
        for label, x in ((labels[0], 100), (labels[1], 4000)):
            for number in range(6):
                values = {
                    "shape": "polygon",
                    "geometry": square(x + 200 * number, 500, 90),
                    "label_id": label.pk,
                }
                apply_changes(actor=mia, slide=slide, changes=[Change("create", uuid.uuid4(), None, values)])
    give_verdict(actor=mia, object_set=sets[0], kind="accepted", indices=range(10))


def test_a_check_and_a_start_read_no_shape(place, monkeypatch):
    project, *_, mia = place
    make_ready(place)

    def refuse(*_):
        raise AssertionError("a request read polygons")

    monkeypatch.setattr("ml.objectset.ObjectSet.geometries", refuse)
    with CaptureQueriesContext(connection) as queries:
        readiness = check_round(actor=mia, project=project, recipe="descriptors", config={})
        turn = start_round(actor=mia, project=project, recipe="descriptors", predict=False)
    assert readiness.ready, readiness.problems
    assert turn.snapshot is None
    read = [query["sql"] for query in queries.captured_queries if query["sql"].startswith("SELECT")]
    assert not [sql for sql in read if '"geometry"' in sql or '"slides_slide"."tissue"' in sql]


def test_the_project_is_not_locked_while_labels_are_counted(place, monkeypatch):
    """The lock comes after the last read of the summary, and only writes follow."""
    project, *_, mia = place
    make_ready(place)
    locked = []
    lock = Project.objects.select_for_update

    def note_lock(*arguments, **values):
        locked.append(True)
        return lock(*arguments, **values)

    def read(*arguments):
        assert not locked
        return read_summary(*arguments)

    monkeypatch.setattr(Project.objects, "select_for_update", note_lock)
    monkeypatch.setattr("server.learning.services.read_summary", read)
    start_round(actor=mia, project=project, recipe="descriptors", predict=False)
    assert locked == [True]


def test_a_round_whose_parts_were_given_meanwhile_plans_again(place):
    from server.learning.models import Snapshot, SplitUnit
    from server.learning.services import enter_snapshot

    project, *_, mia = place
    make_ready(place)
    turn = start_round(actor=mia, project=project, recipe="descriptors", predict=False)
    summary = plan_round(project).summary
    unit, part = next(iter(summary.parts.items()))
    other = "train" if part != "train" else "test"
    SplitUnit.objects.create(project=project, split_by=summary.kept_as, unit=unit, part=other)
    snapshot = Snapshot(project=project, digest="0" * 64, storage_key="none", created_by=mia)
    values = {"actor": mia, "turn": turn, "snapshot": snapshot, "warnings": []}
    assert enter_snapshot(**values, summary=summary) is False
    assert not Snapshot.objects.exists()
    assert enter_snapshot(**values, summary=replace(summary, parts={**summary.parts, unit: other})) is True
    assert Round.objects.get().snapshot == snapshot


def test_a_shape_far_larger_than_the_slide_is_counted_in_the_blocks_of_the_slide():
    side = block_side(2000, 1000)
    vast = box(-9e7, -9e7, 9e7, 9e7)
    pieces = dict(cut_into_blocks(vast, side, "a" * 64))
    assert len(pieces) == BLOCKS_PER_SIDE**2
    assert all(piece.area == side**2 for piece in pieces.values())
    assert not list(cut_into_blocks(box(1e6, 1e6, 2e6, 2e6), side, "a" * 64))


@pytest.mark.parametrize("far", [0, 1_000_000])
def test_objects_are_summed_by_label_and_block_also_far_outside_the_slide(far):
    chance = np.random.default_rng(0)
    labels, rows, places = (chance.integers(0, most, 500) for most in (3, 4, 5))
    rows[0], places[0] = rows[0] + far, places[0] + far
    areas = chance.random(500)
    sums = {
        (label, block): (count, area)
        for label, block, count, area in set_counts._sums(labels, rows, places, areas)
    }
    blocks = rows * 4096 + places
    assert set(sums) == set(zip(labels.tolist(), blocks.tolist(), strict=True))
    for (label, block), (count, area) in sums.items():
        inside = (labels == label) & (blocks == block)
        assert (count, area) == (inside.sum(), pytest.approx(areas[inside].sum()))
