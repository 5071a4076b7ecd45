"""Uncertainty-informed prediction: uncertain patches are rejected, uncertain slides referred to a person."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, Dataset, Estimate, Evaluation
from ml.evaluation import weighted
from ml.evaluation.bootstrap import count_units, estimate_share, resample_units, units_of_rarest
from ml.evaluation.referral import SlideAnswer, slide_answers
from ml.features.patch_sampler import PatchSampler
from ml.methods.bases.encoded_heads import EncodedHeads
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.combining.uncertainty.fitting import ThresholdFitting, WholeSlideSampler
from ml.methods.combining.uncertainty.info import INFO, UncertaintyConfig
from ml.methods.combining.uncertainty.predictor import DropoutPredictor, doubt_of
from ml.slides.grid import GridSettings
from ml.training.heads_trainer import HeadsTrainer


class Uncertainty(PatchRecipe[UncertaintyConfig]):
    """Thirty passes with dropout over stored features; thresholds from nested folds of the training part."""

    info = INFO

    def compose(self) -> PatchParts:
        """Return a head over stored features with dropout, in training and in every pass."""
        config, state = self.config, self.state
        dropout = float(config.dropout)
        heads = EncodedHeads(state, config, 1, dropout)
        self._predictor = DropoutPredictor(heads, int(config.passes))
        sampler = WholeSlideSampler(PatchSampler(state, heads.reader, self._grid), config.patches)
        fitting = ThresholdFitting(self._predictor, sampler, HeadsTrainer(state, config, 1, dropout))
        finding = self._predictor.finding
        return PatchParts(self._grid, heads.reader, sampler, self._predictor, fitting, finding)

    def _grid(self) -> GridSettings:
        return self.config

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure all patches as any classifier, then the accepted patches and slides."""
        plain = super().evaluate(dataset, context, part)
        known = self.gather(dataset, context, (part,))
        known = known.take(known.truth >= 0)
        predicted, limits = self._predictor.spread(known.rows), self._predictor.limits
        doubt = doubt_of(predicted)
        weights = resample_units(known.units, context.seed)
        kept = doubt < limits.patch
        everywhere = len(np.unique(known.units))
        more = {"kept_share": estimate_share(weights @ kept / weights.sum(axis=1), everywhere)}
        if kept.any():
            inside = weights[:, kept], known.truth[kept], predicted.mean[kept]
            rarest = units_of_rarest(known.units[kept], known.truth[kept])
            more["kept_auc"] = estimate_share(weighted.macro_auc(*inside), rarest)
            units = count_units(known.units, kept)
            more["kept_accuracy"] = estimate_share(weighted.accuracy(*inside), units)
        slides = slide_answers(known.truth, predicted.mean, doubt, known.units, limits.patch)
        more |= self._of_slides(slides)
        return dataclasses.replace(plain, metrics={**plain.metrics, **more})

    def _of_slides(self, slides: SlideAnswer) -> dict[str, Estimate]:
        """Return the share of accepted slides, and the accuracy on them."""
        sure = slides.sure(self._predictor.limits.slide)
        right = self._answers(slides.probability) == slides.truth
        weights = resample_units(slides.units, self.seed)
        everywhere = len(np.unique(slides.units))
        more = {"sure_slides": estimate_share(weights @ sure / weights.sum(axis=1), everywhere)}
        if sure.any():
            inside = weights[:, sure]
            share = np.divide(
                inside @ right[sure],
                inside.sum(axis=1),
                out=np.full(len(inside), np.nan),
                where=inside.any(axis=1),
            )
            more["sure_accuracy"] = estimate_share(share, count_units(slides.units, sure))
            more["sure_auc"] = estimate_share(
                weighted.macro_auc(inside, slides.truth[sure], slides.probability[sure]),
                units_of_rarest(slides.units[sure], slides.truth[sure]),
            )
        return more

    def _answers(self, probability: NDArray[np.float64]) -> NDArray[np.int64]:
        if probability.shape[1] != 2:  # noqa: PLR2004 - two classes have a threshold, more have none
            likeliest: NDArray[np.int64] = probability.argmax(axis=1)
            return likeliest
        return (probability[:, 1] >= self._predictor.limits.slide_positive).astype(np.int64)
