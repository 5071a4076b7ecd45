"""A bounded, seeded sample of what ``make fuzz`` does: no mutated file harms the process that reads it."""

from __future__ import annotations

import pytest

from tests.fuzz.material import FORMATS
from tests.fuzz.run import BROKE, fuzz

SAMPLE = 24


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_no_mutated_file_harms_the_parent(kind):
    outcomes = fuzz(kind, SAMPLE, seed=1)
    assert sum(outcomes.counts.values()) == SAMPLE
    assert outcomes.counts[BROKE] <= SAMPLE // 3, str(outcomes)
