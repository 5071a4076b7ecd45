"""The answer that a recipe for slides learns, and which slides state it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ml.contracts import DataError, LabelledSlide
from ml.data.bags import UNKNOWN, Bag, class_weights, labels_of
from ml.messages import Message
from ml.storage.model_state import ModelState


class BagTarget(Protocol):
    """The answer of a model about a slide: a label, or the survival of its patient."""

    def is_stated(self, slide: LabelledSlide) -> bool:
        """Return whether a slide states the answer."""
        ...

    def counts(self, bag: Bag) -> bool:
        """Return whether a bag states the answer."""
        ...

    def importance(self, known: Sequence[Bag]) -> NDArray[np.float64]:
        """Return the weight (n,) of each bag in the loss."""
        ...

    def check(self, bags: Sequence[Bag]) -> None:
        """Raise DataError for bags that are unusable for training."""
        ...

    def tells_apart(self, bags: Sequence[Bag]) -> bool:
        """Return whether bags differ enough to stop or to calibrate by them."""
        ...


@dataclass(frozen=True)
class LabelTarget:
    """The label of a slide."""

    state: ModelState

    def is_stated(self, slide: LabelledSlide) -> bool:
        """Return whether a slide has a known label."""
        return slide.label in self.state.labels

    def counts(self, bag: Bag) -> bool:
        """Return whether a bag has a label."""
        return bag.label != UNKNOWN

    def importance(self, known: Sequence[Bag]) -> NDArray[np.float64]:
        """Return class-balancing weights (n,)."""
        return class_weights(labels_of(known), len(self.state.labels))

    def check(self, bags: Sequence[Bag]) -> None:
        """Raise DataError(``no_labels``) or (``one_class_only``)."""
        if not bags:
            raise DataError(Message("no_slide_labelled"), code="no_labels")
        if not self.tells_apart(bags):
            raise DataError(Message("slides_of_one_label"), code="one_class_only")

    def tells_apart(self, bags: Sequence[Bag]) -> bool:
        """Return whether at least two labels occur."""
        return len({bag.label for bag in bags} - {UNKNOWN}) > 1
