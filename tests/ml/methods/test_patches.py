"""Labelled patches from shapes, on grids without a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from shapely.geometry import Point, box

from ml.contracts import Dataset, LabelledShape, LabelledSlide
from ml.data.patches import has_background, in_parts, label_patches
from ml.slides import grid_of

A, B = "A", "B"


def label(*shapes, labels=(A, B), finished=(), split_by="region", case="case"):
    slide = LabelledSlide(Path("slide.tif"), case, "c" * 64, tuple(shapes), tuple(finished))
    dataset = Dataset(labels, slides=(slide,), split_by=split_by)
    grid = grid_of((1000, 1000), patch=100, stride=100)
    return label_patches(slide, grid, None, dataset, background=has_background(dataset))


def corners(samples):
    return {tuple(corner) for corner in samples.squares.corners.tolist()}


def test_a_patch_takes_the_label_of_the_shape_over_its_centre():
    samples = label(LabelledShape(box(0, 0, 240, 100), A, group="u"))
    assert corners(samples) == {(0, 0), (100, 0)}
    assert samples.truth.tolist() == [0, 0]
    assert set(samples.units) == {"u"}


def test_half_of_a_patch_is_enough_without_its_centre():
    ring = box(100, 0, 400, 300).difference(box(140, 140, 160, 160))
    assert (100, 100) in corners(label(LabelledShape(ring, A)))


def test_of_two_shapes_the_one_that_covers_more_wins():
    samples = label(LabelledShape(box(0, 0, 160, 100), A), LabelledShape(box(140, 0, 400, 100), B))
    by_corner = dict(zip(map(tuple, samples.squares.corners.tolist()), samples.truth, strict=True))
    assert by_corner == {(0, 0): 0, (100, 0): 0, (200, 0): 1, (300, 0): 1}


def test_a_point_labels_the_patch_around_it():
    samples = label(LabelledShape(Point(333, 444), B))
    assert corners(samples) == {(283, 394)}
    assert samples.truth.tolist() == [1]


def test_a_thin_line_over_no_centre_still_teaches_something():
    samples = label(LabelledShape(box(0, 10, 500, 14), A))
    assert len(samples) == 1


def test_not_this_label_means_the_other_where_there_are_two():
    samples = label(LabelledShape(box(0, 0, 100, 100), A, negative=True))
    assert samples.targets.tolist() == [[0.0, 1.0]]
    assert samples.truth.tolist() == [1]


def test_not_this_label_spreads_over_all_that_is_left():
    samples = label(
        LabelledShape(box(0, 0, 100, 100), A, negative=True),
        LabelledShape(box(0, 0, 100, 100), None, negative=True),
        LabelledShape(box(300, 300, 400, 400), B, negative=True),
    )
    assert samples.targets[0].tolist() == [0.0, 0.0, 1.0]
    np.testing.assert_allclose(samples.targets[1], [0.5, 0.0, 0.5])
    assert samples.truth.tolist() == [2, -1]


def test_with_one_label_a_rejection_is_background():
    samples = label(LabelledShape(box(0, 0, 100, 100), A, negative=True), labels=(A,))
    assert samples.targets.tolist() == [[0.0, 1.0]]


def test_a_vouched_label_beats_a_rejection():
    place = box(0, 0, 100, 100)
    samples = label(LabelledShape(place, A, negative=True), LabelledShape(place, A))
    assert samples.targets.tolist() == [[1.0, 0.0]]


def test_unmarked_patches_of_a_finished_region_are_background():
    samples = label(
        LabelledShape(box(0, 0, 100, 100), A, group="near"),
        LabelledShape(box(900, 900, 1000, 1000), B, group="far"),
        finished=[box(0, 0, 300, 100)],
    )
    by_corner = dict(zip(map(tuple, samples.squares.corners.tolist()), samples.truth, strict=True))
    assert by_corner == {(0, 0): 0, (100, 0): 2, (200, 0): 2, (900, 900): 1}
    assert samples.units.tolist() == ["near", "near", "near", "far"]


def test_marks_of_an_excluded_label_are_not_background():
    samples = label(
        LabelledShape(box(0, 0, 100, 100), A),
        LabelledShape(box(100, 0, 200, 100), "retired"),
        finished=[box(0, 0, 300, 100)],
    )
    assert corners(samples) == {(0, 0), (200, 0)}


def test_a_patch_near_a_point_is_not_background():
    samples = label(LabelledShape(Point(150, 50), A), finished=[box(0, 0, 300, 100)])
    assert (100, 0) in corners(samples)
    assert samples.truth[samples.squares.corners[:, 0] == 100].tolist() == [0]


def test_a_split_by_case_ignores_groups():
    shape = LabelledShape(box(0, 0, 100, 100), A, group="u")
    assert label(shape, split_by="case", case="nine").units.tolist() == ["nine"]


def test_parts_choose_units():
    dataset = Dataset((A,), parts={"u": "test", "v": "train"})
    units = np.array(["u", "v", "new"])
    assert in_parts(dataset, units, ("test",)).tolist() == [True, False, False]
    assert in_parts(dataset, units, ("train",)).tolist() == [False, True, True]
    assert in_parts(dataset, units, ("all",)).all()
