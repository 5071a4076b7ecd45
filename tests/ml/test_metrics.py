from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from ml.contracts import DataError
from ml.evaluation.bootstrap import wilson_interval
from ml.evaluation.classification import evaluate_classes
from ml.evaluation.comparison import compare
from ml.evaluation.objects import MEASURES, evaluate_objects, measure_image
from ml.evaluation.weighted import auc


def make(seed=0, count=200, classes=3, units=20, sharp=1.0):
    random = np.random.default_rng(seed)
    truth = random.integers(classes, size=count).astype(np.int16)
    scores = random.normal(size=(count, classes)) + sharp * np.eye(classes)[truth]
    probability = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    unit = np.array([f"u{n % units}" for n in range(count)])
    return truth, probability.astype(np.float32), unit


def test_metrics_are_those_of_the_reference_library():
    truth, probability, unit = make()
    evaluation = evaluate_classes(("a", "b", "c"), truth, probability, unit)
    guess = probability.argmax(axis=1)
    exact = probability.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    expected = {
        "accuracy": metrics.accuracy_score(truth, guess),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, guess),
        "f1_macro": metrics.f1_score(truth, guess, average="macro"),
        "auc": metrics.roc_auc_score(truth, exact, multi_class="ovr", average="macro"),
        "nll": metrics.log_loss(truth, exact),
        "recall:b": metrics.recall_score(truth, guess, average=None)[1],
        "precision:c": metrics.precision_score(truth, guess, average=None)[2],
    }
    for name, value in expected.items():
        assert evaluation.metrics[name].value == pytest.approx(value, abs=1e-5), name
        assert evaluation.metrics[name].low <= value <= evaluation.metrics[name].high
    assert np.array_equal(evaluation.confusion, metrics.confusion_matrix(truth, guess))
    assert sum(count for _, _, count in evaluation.reliability) == len(truth)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_the_area_counts_ties_half(items):
    positive = np.array([item[0] for item in items])
    score = np.array([float(item[1]) for item in items])
    area = auc(np.ones((1, len(items))), positive, score)[0]
    pairs = [(p > n) + (p == n) / 2 for p in score[positive] for n in score[~positive]]
    assert math.isnan(area) if not pairs else area == pytest.approx(np.mean(pairs))


def test_brier_and_calibration_of_known_values():
    probability = np.array([[0.9, 0.1], [0.9, 0.1]], dtype=np.float32)
    evaluation = evaluate_classes(
        ("a", "b"), np.array([0, 1], dtype=np.int16), probability, np.array(["u", "v"])
    )
    assert evaluation.metrics["brier"].value == pytest.approx((0.02 + 1.62) / 2, abs=1e-5)
    assert evaluation.metrics["ece"].value == pytest.approx(0.4, abs=1e-5)


def test_one_class_gives_nan_and_no_error():
    truth = np.zeros(5, dtype=np.int16)
    probability = np.tile(np.array([0.8, 0.2], dtype=np.float32), (5, 1))
    evaluation = evaluate_classes(("a", "b"), truth, probability, np.array(list("uvwxy")))
    assert math.isnan(evaluation.metrics["auc"].value)
    assert math.isnan(evaluation.metrics["recall:b"].value)
    assert evaluation.metrics["accuracy"].value == 1.0


def test_one_unit_has_no_interval():
    truth, probability, _ = make()
    evaluation = evaluate_classes(("a", "b", "c"), truth, probability, np.full(len(truth), "u"))
    assert math.isnan(evaluation.metrics["accuracy"].low)


def perfect(counts):
    """Return perfect predictions: so many items of each class in each unit."""
    truth = np.array([k for number, k, _ in counts for _ in range(number)], dtype=np.int16)
    unit = np.array([name for number, _, name in counts for _ in range(number)])
    probability = np.where(np.eye(2)[truth] > 0, 0.9, 0.1).astype(np.float32)
    return evaluate_classes(("a", "b"), truth, probability, unit)


def test_a_perfect_model_is_no_certain_one():
    """4 regions that were all right, each with many patches, are 4 of 4; tables: 51.0 % to 100 %."""
    many = [(50, 0, "r1"), (50, 0, "r2"), (50, 1, "r3"), (50, 1, "r4")]
    metrics = perfect(many).metrics
    assert (metrics["accuracy"].value, metrics["accuracy"].high) == (1.0, 1.0)
    assert metrics["accuracy"].low == pytest.approx(0.510, abs=5e-4)
    # Two regions of either class: 2 of 2 is 34.2 % to 100 %.
    for name in ("auc", "balanced_accuracy", "f1_macro", "recall:a", "precision:b"):
        assert metrics[name].low == pytest.approx(0.342, abs=5e-4), name
        assert metrics[name].high == 1.0


def test_a_metric_of_one_unit_has_no_interval():
    metrics = perfect([(5, 0, "r1"), (5, 0, "r2"), (5, 1, "r3")]).metrics
    assert metrics["recall:b"].value == 1.0
    assert math.isnan(metrics["recall:b"].low)
    assert math.isnan(metrics["auc"].high)
    assert metrics["recall:a"].low == pytest.approx(0.342, abs=5e-4)


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_share_is_that_of_the_literature(right, count, low, high):
    """Newcombe, Statistics in Medicine 17:857 (1998), table I."""
    assert wilson_interval(right, count) == pytest.approx((low, high), abs=5e-5)


def test_intervals_grow_when_items_of_a_unit_are_copies():
    truth, probability, unit = make(count=60, units=60)
    apart = evaluate_classes(("a", "b", "c"), truth, probability, unit)
    many = [np.repeat(values, 10, axis=0) for values in (truth, probability)]
    naive = evaluate_classes(("a", "b", "c"), *many, np.array([f"{n}" for n in range(600)]))
    honest = evaluate_classes(("a", "b", "c"), *many, np.repeat(unit, 10))

    def width(evaluation):
        return evaluation.metrics["accuracy"].high - evaluation.metrics["accuracy"].low

    assert width(honest) == pytest.approx(width(apart), rel=0.15)
    assert width(naive) < width(honest) / 2


def test_comparison_sees_the_better_one_and_is_blind_to_itself():
    truth, weak, unit = make(sharp=0.5)
    _, strong, _ = make(sharp=3.0)
    first = evaluate_classes(("a", "b", "c"), truth, weak, unit)
    second = evaluate_classes(("a", "b", "c"), truth, strong, unit)
    better = compare(first, second)["accuracy"]
    assert better.low > 0
    assert better.p < 0.01
    same = compare(first, first)["accuracy"]
    assert (same.value, same.low, same.high, same.p) == (0.0, 0.0, 0.0, 1.0)


def test_other_items_cannot_be_compared():
    first = evaluate_classes(("a", "b", "c"), *make(seed=1))
    second = evaluate_classes(("a", "b", "c"), *make(seed=2))
    with pytest.raises(DataError) as caught:
        compare(first, second)
    assert caught.value.code == "not_comparable"


def test_object_measures_of_known_images():
    truth = np.zeros((10, 20), dtype=np.int32)
    truth[:5, :4], truth[:5, 10:14] = 1, 2
    assert measure_image(truth, truth) == dict.fromkeys(MEASURES, 1.0)
    shifted = np.zeros_like(truth)
    shifted[:5, 1:5] = 9
    measures = measure_image(truth, shifted)
    # 15 pixels in common of 25 together; the second object is missed.
    assert measures["dice"] == pytest.approx(2 * 15 / 60)
    assert measures["aji"] == pytest.approx(15 / (25 + 20))
    assert measures["f1"] == pytest.approx(2 / 3)
    assert measures["pq"] == pytest.approx(2 * 0.6 / 3)
    assert measure_image(truth, np.zeros_like(truth))["f1"] == 0.0
    assert math.isnan(measure_image(np.zeros_like(truth), np.zeros_like(truth))["dice"])


def test_object_evaluations_compare_too():
    random = np.random.default_rng(0)
    unit = np.array([f"{n}" for n in range(30)])
    low = {name: random.uniform(0.4, 0.6, 30) for name in MEASURES}
    high = {name: values + 0.1 for name, values in low.items()}
    first, second = (evaluate_objects(("n",), values, unit, 99) for values in (low, high))
    assert compare(first, second)["dice"].value == pytest.approx(0.1)
