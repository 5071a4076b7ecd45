"""Settings that every training by gradients reads."""

from __future__ import annotations

from typing import Protocol

from ml.contracts import Settings


class TrainingSettings(Settings, Protocol):
    """Settings of every training by gradients."""

    @property
    def minutes(self) -> float:
        """Time after which training ends, min."""
        ...

    @property
    def batch(self) -> int:
        """Items per step."""
        ...

    @property
    def learning_rate(self) -> float:
        """Highest learning rate of the schedule."""
        ...


class EpochSettings(TrainingSettings, Protocol):
    """Settings of training by epochs."""

    @property
    def epochs(self) -> int:
        """Largest number of epochs."""
        ...

    @property
    def patience(self) -> int:
        """Epochs without progress after which training stops."""
        ...
