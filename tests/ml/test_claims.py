from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from ml.__main__ import main
from ml.claims import harness, load_claims
from ml.claims.harness import Claim, Pair, judge, measure_claim, paired_interval


def _claim(differences, *, less=False):
    def measure(seed, scratch):
        assert not any(scratch.iterdir())
        return Pair(0.5, 0.5 + differences[seed], 40)

    return Claim("c", "m", "plain", "auc", "phantom", "is better", less, measure)


@pytest.mark.parametrize(
    ("differences", "less", "verdict"),
    [
        ([0.10, 0.11, 0.09, 0.12, 0.10], False, "reproduced"),
        ([0.10, 0.11, 0.09, 0.12, 0.10], True, "not reproduced"),
        ([-0.10, -0.11, -0.09, -0.12, -0.10], True, "reproduced"),
        ([0.10, -0.11, 0.09, -0.12, 0.02], False, "no difference"),
    ],
)
def test_the_verdict_follows_from_the_interval_of_paired_differences(differences, less, verdict):
    row = measure_claim(_claim(differences, less=less), "abc")
    assert (row.verdict, row.seeds, row.n) == (verdict, 5, 40)
    assert row.low < row.difference < row.high
    assert row.value - row.baseline == pytest.approx(row.difference)


def test_the_interval_is_students():
    mean, low, high = paired_interval(np.array([1.0, 2.0, 3.0]))
    assert (mean, high - mean) == (2.0, pytest.approx(4.302653 / math.sqrt(3), rel=1e-5))
    assert low == pytest.approx(2 * mean - high)
    assert math.isnan(paired_interval(np.array([1.0]))[1])
    assert judge(math.nan, math.nan, less=False) == "no difference"


def test_stored_rows_make_the_table(tmp_path, monkeypatch, capsys):
    # Claims register once, on import: that must not happen while the register is another one.
    load_claims()
    monkeypatch.setattr(harness, "MEASURED", tmp_path)
    monkeypatch.setattr(harness, "_claims", {"c": _claim([0.1, 0.2, 0.1, 0.2, 0.1])})
    assert main(["claims", "c", "--keep"]) == 0
    assert main(["claims", "--table"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0] == table[-1]
    assert "reproduced" in table[-1]
    assert main(["claims", "nothing"]) == 2
    assert "there are: " in capsys.readouterr().err


def test_seeds_side_by_side_give_the_figures_that_they_give_in_turn():
    load_claims()
    item = harness.registered()["nucleus-clusters-outline"]
    apart, together = (measure_claim(item, "abc", range(2), at_once) for at_once in (1, 2))
    assert dataclasses.replace(together, seconds=apart.seconds) == apart


def test_a_claim_that_needs_a_gpu_is_passed_over_without_one(monkeypatch, capsys):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main(["claims", "hovernet-full"]) == 0
    assert capsys.readouterr().err == "hovernet-full needs a GPU, and there is none here.\n"


def test_every_kept_row_belongs_to_a_claim_with_a_method_of_the_catalogue():
    from ml.catalogue.registry import RECIPES, TOOLS

    load_claims()
    methods = {info.name for info in (*RECIPES, *TOOLS)}
    claims = harness.registered()
    assert {item.method for item in claims.values()} <= methods
    for path in harness.MEASURED.glob("*/*.json"):
        assert claims[path.stem].measure.__module__.split(".")[2] == path.parent.name


def test_the_claims_of_a_method_are_in_its_folder():
    from ml.catalogue.registry import RECIPES, package_of

    load_claims()
    methods = {info.name: package_of(info.name) for info in RECIPES}
    own = [item for item in harness.registered().values() if item.method in methods]
    assert len(own) > 50
    assert all(item.measure.__module__ == f"{methods[item.method]}.claim" for item in own)
