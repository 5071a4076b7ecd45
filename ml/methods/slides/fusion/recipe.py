"""Fusion of a slide with clinical fields, for a label or for survival."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ml.contracts import Context, DataError, Evaluation, LabelledSlide, Survival
from ml.data.bags import UNKNOWN, Bag, labels_of, units_of
from ml.data.clinical import encode_case, learn_fields, width_of
from ml.evaluation.classification import evaluate_classes
from ml.evaluation.survival import evaluate_survival
from ml.messages import Message
from ml.methods.bases.bag_network_recipe import Batch, NetworkBagRecipe, stage_of
from ml.methods.bases.bag_recipe import BagPrediction, Weights
from ml.methods.slides.fusion.info import INFO, FusionConfig
from ml.methods.slides.fusion.network import FusionNetwork
from ml.networks.bags import BagNetwork
from ml.training.hazards import cox_loss, hazard_loss, interval_edges, log_risk

ALONE: Final = ("image", "clinical")
FIELDS, EDGES, CENTRE = "clinical fields", "interval edges", "mean risk"
# Where a survival head is asked for, labels that happen to be there help to see, but do not lead.
BESIDE: Final = 0.3


class Fusion(NetworkBagRecipe[FusionConfig]):
    """Late, early or gated Kronecker fusion; a label, Cox's hazard, or hazards by interval.

    With ``compare`` the image alone and the clinical fields alone are learned too, with the same network and
    budget, and ``evaluate`` gives their figures beside those of both together.
    """

    info = INFO

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self._how: str = self.config.how
        self._alone: dict[str, BagNetwork] = {}

    @property
    def _survives(self) -> bool:
        return bool(self.config.answer != "label")

    def learn_bags(self, learned: Sequence[Bag], held: Sequence[Bag], context: Context) -> None:
        """See ``BagRecipe``; raises DataError(``no_clinical``) where no field is filled in."""
        fields = learn_fields([bag.clinical for bag in learned])
        if not fields:
            message = Message(
                "no_clinical_field",
            )
            raise DataError(message, code="no_clinical")
        self.facts[FIELDS] = fields
        followed = [bag.survival for bag in learned if bag.survival is not None]
        if self._survives and followed:
            months = np.array([item.months for item in followed])
            event = np.array([item.event for item in followed])
            self.facts[EDGES] = interval_edges(months, event, self.config.intervals)
        super().learn_bags(learned, held, context)

    def _check(self, bags: Sequence[Bag]) -> None:
        if not self._survives:
            super()._check(bags)
            return
        followed = [bag.survival for bag in bags if bag.survival is not None]
        if sum(item.event for item in followed) < 2 or len(followed) < 4:  # noqa: PLR2004 - the least that orders
            message = Message(
                "too_few_followed",
                count=len(followed),
                events=sum(item.event for item in followed),
            )
            raise DataError(message, code="no_follow_up")

    def _tells_apart(self, bags: Sequence[Bag]) -> bool:
        if not self._survives:
            return super()._tells_apart(bags)
        followed = [bag.survival for bag in bags if bag.survival is not None]
        return len(followed) > 1 and any(item.event for item in followed)

    def _is_wanted(self, slide: LabelledSlide, *, unlabelled: bool) -> bool:
        if self._survives:
            return slide.survival is not None
        return super()._is_wanted(slide, unlabelled=unlabelled)

    def _counts(self, bag: Bag) -> bool:
        return bag.survival is not None if self._survives else super()._counts(bag)

    def _importance(self, known: Sequence[Bag]) -> NDArray[np.float64]:
        return np.ones(len(known)) if self._survives else super()._importance(known)

    def _new_network(self, size: int) -> BagNetwork:
        fields, config = self.facts[FIELDS], self.config
        more = {"label": 0, "cox": 1}.get(config.answer, len(self.facts.get(EDGES, ())) + 1)
        nothing = torch.from_numpy(encode_case({}, fields))
        outputs = len(self.labels) + more
        network = FusionNetwork(
            size, outputs, width=config.width, dropout=config.dropout, how=self._how, nothing=nothing
        )
        if len(nothing) != width_of(fields):
            message = "the clinical fields do not fit"
            raise ValueError(message)
        return network

    def _learn(self, learned: Sequence[Bag], held: Sequence[Bag], context: Context) -> None:
        whole = 0.6 if self.config.compare else 1.0
        super()._learn(learned, held, stage_of(context, "fused", (0.0, whole)))
        if self.config.compare:
            for number, name in enumerate(ALONE):
                share = (0.6 + 0.2 * number, 0.8 + 0.2 * number)
                with self._by(name):
                    network = self._prepared(learned, context)
                    self._fit(network, learned, held, stage_of(context, name, share))
                    self._alone[name] = network
        self.facts[CENTRE] = 0.0
        if self._survives:
            risks = [self.judge(bag).risk for bag in learned if bag.survival is not None]
            self.facts[CENTRE] = float(np.mean([risk for risk in risks if risk is not None]))

    @contextmanager
    def _by(self, name: str) -> Iterator[None]:
        """Predict and train by one input alone."""
        how, network = self._how, self._network
        self._how, self._network = name, self._alone.get(name)
        try:
            yield
        finally:
            self._how, self._network = how, network

    def _batch_loss(self, network: BagNetwork, batch: Batch) -> Tensor:
        """Return the loss of a batch; clinical fields are dropped at random, as they may be missing."""
        outputs = []
        for bag, _ in batch:
            known = bool(torch.rand(()) >= self.config.forget)
            case = self._case(bag) if known else None
            outputs.append(cast("FusionNetwork", network).parts(self.tensors(bag)[0], case)[0])
        bags = [bag for bag, _ in batch]
        weights = torch.tensor([weight for _, weight in batch], device=self._device)
        kinds = zip(*outputs, strict=True)
        return torch.stack([self._output_loss(torch.stack(kind), bags, weights) for kind in kinds]).sum()

    def _output_loss(self, outputs: Tensor, bags: Sequence[Bag], weights: Tensor) -> Tensor:
        """Return the loss of outputs (n, labels + survival)."""
        count = len(self.labels)
        truth = torch.tensor([bag.label for bag in bags], device=self._device)
        known = truth != UNKNOWN
        value = outputs.sum() * 0
        if count > 1 and known.any():
            losses = functional.cross_entropy(outputs[known, :count], truth[known], reduction="none")
            value = (losses * weights[known]).sum() / weights[known].sum()
        if not self._survives:
            return value
        followed = [cast("Survival", bag.survival) for bag in bags]
        months = torch.tensor([item.months for item in followed], device=self._device)
        event = torch.tensor([item.event for item in followed], device=self._device)
        if self.config.answer == "cox":
            return BESIDE * value + cox_loss(outputs[:, count], months, event)
        edges = torch.tensor(self.facts[EDGES], device=self._device)
        interval = torch.bucketize(months, edges)
        return BESIDE * value + hazard_loss(outputs[:, count:], interval, event)

    def _held_loss(self, network: BagNetwork, held: Sequence[Bag]) -> float:
        bags = [bag for bag in held if self._counts(bag)]
        outputs = torch.stack([network(*self.tensors(bag), self._case(bag)).scores for bag in bags])
        weights = torch.from_numpy(self._importance(bags)).float().to(self._device)
        return float(self._output_loss(outputs, bags, weights))

    def _case(self, bag: Bag) -> Tensor:
        return torch.from_numpy(encode_case(bag.clinical, self.facts[FIELDS])).to(self._device)

    def ready(self, context: Context) -> None:
        """Move all networks to the device of the context."""
        super().ready(context)
        for network in self._alone.values():
            network.to(context.device)

    def judge(self, bag: Bag) -> BagPrediction:
        """Return the prediction for a bag: a label, or the risk of its patient."""
        network = self._fitted()
        self._check_width(bag, network)
        with torch.inference_mode():
            output = network(*self.tensors(bag), self._case(bag))
        count = len(self.labels)
        scores = output.scores[:count].cpu().double().numpy()
        risk = None
        if self._survives:
            risk = float(log_risk(output.scores[None, count:], self.config.answer))
            risk -= float(self.facts.get(CENTRE, 0.0))
        return BagPrediction(scores, output.attention.cpu().float().numpy(), risk)

    def _calibrate(self, held: Sequence[Bag]) -> None:
        if self.labels and super()._tells_apart(held):
            super()._calibrate(held)

    def evaluate_bags(self, bags: Sequence[Bag], seed: int, part: str = "test") -> Evaluation:
        """Measure both inputs together and, where they were learned, each input alone."""
        inference_batch_size = self._measured(bags, seed, part)
        metrics = dict(inference_batch_size.metrics)
        for name in self._alone:
            with self._by(name):
                alone = self._measured(bags, seed, part)
            main = ("c_index",) if self._survives else ("auc", "balanced_accuracy")
            metrics |= {f"{metric}:{name} alone": alone.metrics[metric] for metric in main}
        return replace(inference_batch_size, metrics=metrics)

    def _measured(self, bags: Sequence[Bag], seed: int, part: str) -> Evaluation:
        if not self._survives:
            return super().evaluate_bags(bags, seed, part)
        followed = [(bag, bag.survival) for bag in bags if bag.survival is not None]
        if not followed:
            message = Message(
                "nobody_followed",
                part=part,
            )
            raise DataError(message, code="nothing_to_measure")
        bags = [bag for bag, _ in followed]
        months = np.array([item.months for _, item in followed])
        event = np.array([item.event for _, item in followed])
        risk = np.array([self.judge(bag).risk for bag in bags], dtype=np.float64)
        survival = evaluate_survival(months, event, risk, units_of(bags), seed)
        if not self.labels or not super()._tells_apart(bags) or (labels_of(bags) < 0).any():
            return survival
        classes = evaluate_classes(self.labels, labels_of(bags), self.judge_bags(bags), units_of(bags), seed)
        return replace(
            classes,
            metrics={**survival.metrics, **classes.metrics},
            outcomes={**classes.outcomes, **survival.outcomes},
        )

    def _weights(self) -> Weights:
        arrays = {f"fused.{name}": value for name, value in super()._weights().items()}
        for name, network in self._alone.items():
            state = network.state_dict()
            arrays |= {f"{name}.{key}": value.cpu().numpy() for key, value in state.items()}
        return arrays

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays; raises KeyError, ValueError or RuntimeError for other arrays."""
        super().restore(_below(weights, "fused."))
        for name in ALONE:
            mine = _below(weights, f"{name}.")
            if mine:
                with self._by(name):
                    super().restore(mine)
                    self._alone[name] = self._fitted()


def _below(weights: Weights, prefix: str) -> Weights:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
