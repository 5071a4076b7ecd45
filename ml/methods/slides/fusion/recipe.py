"""Fusion of a slide with clinical fields, for a label or for survival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ml.contracts import Context, DataError, Evaluation
from ml.data.bags import Bag, labels_of, units_of
from ml.data.clinical import learn_fields
from ml.evaluation.classification import evaluate_classes
from ml.evaluation.survival import evaluate_survival
from ml.inference.bag_predictor import bag_probabilities
from ml.messages import Message
from ml.methods.bases.bag_recipe import BagParts, BagRecipe
from ml.methods.slides.fusion.info import INFO, FusionConfig
from ml.methods.slides.fusion.learner import FusionLearner, SurvivalTarget
from ml.methods.slides.fusion.predictor import EDGES, FIELDS, FusionPredictor, InputPredictor
from ml.training.bag_calibrator import BagCalibrator
from ml.training.bag_target import LabelTarget
from ml.training.hazards import interval_edges


class Fusion(BagRecipe[FusionConfig]):
    """Late, early or gated Kronecker fusion; a label, Cox's hazard, or hazards by interval.

    With ``compare`` the image alone and the clinical fields alone are learned too, with the same network and
    budget, and ``evaluate`` gives their figures beside those of both together.
    """

    info = INFO

    def compose(self) -> BagParts:
        """Return networks over tiles and clinical fields, for a label or for survival."""
        config, state = self.config, self.state
        self._labels = LabelTarget(state)
        self._survives = config.answer != "label"
        self._predictor = FusionPredictor(state, config)
        target = SurvivalTarget() if self._survives else self._labels
        learner = FusionLearner(state, config, target, self._predictor)
        calibrator = KnownLabelCalibrator(self._labels, BagCalibrator(state, self._predictor))
        return BagParts(target, self._predictor, learner, calibrator=calibrator)

    def learn_bags(self, learned: Sequence[Bag], held: Sequence[Bag], context: Context) -> None:
        """See ``BagRecipe``; raises DataError(``no_clinical``) where no field is filled in."""
        fields = learn_fields([bag.clinical for bag in learned])
        if not fields:
            raise DataError(Message("no_clinical_field"), code="no_clinical")
        self.facts[FIELDS] = fields
        followed = [bag.survival for bag in learned if bag.survival is not None]
        if self._survives and followed:
            months = np.array([item.months for item in followed])
            event = np.array([item.event for item in followed])
            self.facts[EDGES] = interval_edges(months, event, self.config.intervals)
        super().learn_bags(learned, held, context)

    def evaluate_bags(self, bags: Sequence[Bag], seed: int, part: str = "test") -> Evaluation:
        """Measure both inputs together and, where they were learned, each input alone."""
        together = self._measured(self._predictor.fused, bags, seed, part)
        metrics = dict(together.metrics)
        for name, predictor in self._predictor.learned_alone().items():
            alone = self._measured(predictor, bags, seed, part)
            main = ("c_index",) if self._survives else ("auc", "balanced_accuracy")
            metrics |= {f"{metric}:{name} alone": alone.metrics[metric] for metric in main}
        return replace(together, metrics=metrics)

    def _measured(self, predictor: InputPredictor, bags: Sequence[Bag], seed: int, part: str) -> Evaluation:
        if not self._survives:
            if not bags:
                raise DataError(Message("no_slide_to_measure", part=part), code="nothing_to_measure")
            return self._measured_labels(predictor, bags, seed)
        followed = [(bag, bag.survival) for bag in bags if bag.survival is not None]
        if not followed:
            raise DataError(Message("nobody_followed", part=part), code="nothing_to_measure")
        bags = [bag for bag, _ in followed]
        months = np.array([item.months for _, item in followed])
        event = np.array([item.event for _, item in followed])
        risk = np.array([predictor.judge(bag).risk for bag in bags], dtype=np.float64)
        survival = evaluate_survival(months, event, risk, units_of(bags), seed)
        if not self.labels or not self._labels.tells_apart(bags) or (labels_of(bags) < 0).any():
            return survival
        classes = self._measured_labels(predictor, bags, seed)
        return replace(
            classes,
            metrics={**survival.metrics, **classes.metrics},
            outcomes={**classes.outcomes, **survival.outcomes},
        )

    def _measured_labels(self, predictor: InputPredictor, bags: Sequence[Bag], seed: int) -> Evaluation:
        shares = bag_probabilities(predictor, bags, self.temperature)
        return evaluate_classes(self.labels, labels_of(bags), shares, units_of(bags), seed)


@dataclass(frozen=True)
class KnownLabelCalibrator:
    """Calibrates labels where the model knows some and the held-out bags show at least two."""

    labels: LabelTarget
    calibrator: BagCalibrator

    def calibrate(self, held: Sequence[Bag]) -> None:
        """Store temperature and referral threshold in the state of the model."""
        if self.labels.state.labels and self.labels.tells_apart(held):
            self.calibrator.calibrate(held)
