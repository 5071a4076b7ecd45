from __future__ import annotations

import pytest

from ml.contracts import CancelledError, Context
from ml.messages import Message


@pytest.fixture
def context(tmp_path):
    """A run with its own scratch space and feature store."""
    return Context(seed=7, scratch=tmp_path / "scratch", features=tmp_path / "features")


@pytest.fixture
def cancelled_context(tmp_path):
    """Return a context that is cancelled at the n-th report."""

    def make(count: int) -> Context:
        seen = []

        def report(progress: float, message: Message) -> None:
            seen.append(message)
            if len(seen) >= count:
                raise CancelledError

        return Context(seed=7, scratch=tmp_path / "scratch", features=tmp_path / "f", report=report)

    return make
