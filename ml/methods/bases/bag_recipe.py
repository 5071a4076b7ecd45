"""Base of recipes for whole slides: tiles as a bag of features, and the finding of the slide.

The label of a slide does not name the tile that shows it, so each recipe also tells how much each tile
weighed: the heat map of attention, the key patches, and the evidence of the finding are made of that.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.stats import rankdata
from shapely.geometry.base import BaseGeometry

from ml.contracts import (
    Bounds,
    Context,
    DataError,
    Dataset,
    Evaluation,
    HeatMap,
    LabelledSlide,
    Objects,
    Prediction,
    SlideFinding,
    SlideReader,
)
from ml.data.bags import UNKNOWN, Bag, class_weights, hold_out, labels_of, units_of
from ml.data.patches import part_of
from ml.data.squares import Squares, squares_of
from ml.evaluation.classification import evaluate_classes
from ml.features.compute import features_of, table_key
from ml.features.encoder import Encoder
from ml.features.patch_grids import tissue_grid
from ml.features.store import feature_store
from ml.inference.entropy import entropy_share
from ml.messages import Message
from ml.methods.bases.catalogue_recipe import CatalogueRecipe
from ml.methods.bases.encoding import open_encoder, pack_encoder, ready_encoder, unpack_encoder
from ml.methods.bases.settings import TileSettingsT_co
from ml.slides import PatchGrid, open_slide
from ml.slides.resolution import opened_square
from ml.storage.model_folder import ModelFile, fitting, read_model, read_weights, write_model
from ml.training.logistic import fit_temperature, probabilities

HELD_OUT: Final = 0.25
FEW: Final = 30
REFER: Final = "uncertainty from which a person decides"
Weights = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class BagPrediction:
    """Prediction for a bag: uncalibrated ``scores`` float64 (k,), ``attention`` float32 (n,), ``risk``."""

    scores: NDArray[np.float64]
    attention: NDArray[np.float32]
    risk: float | None = None


class BagRecipe(CatalogueRecipe[TileSettingsT_co], ABC):
    """A recipe that classifies slides. Subclasses define training and prediction on bags.

    ``uses_unlabelled`` recipes are also given the bags of training slides without a label.
    """

    uses_unlabelled: ClassVar[bool] = False

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self.temperature = 1.0
        self.encoder: Encoder | None = None

    @abstractmethod
    def _learn(self, learned: Sequence[Bag], held: Sequence[Bag], context: Context) -> None:
        """Train on bags; ``held`` are those for early stopping and model selection."""

    @abstractmethod
    def judge(self, bag: Bag) -> BagPrediction:
        """Return the prediction for a bag; raises DataError(``not_fitted``)."""

    @abstractmethod
    def _weights(self) -> Weights:
        """Return the learned arrays; raises DataError(``not_fitted``)."""

    @abstractmethod
    def restore(self, weights: Weights) -> None:
        """Restore the arrays of ``_weights``."""

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on ``train``; stop early, calibrate and choose the referral threshold on ``validation``."""
        if dataset.labels != self.labels:
            message = Message(
                "labels_of_data_differ",
                labels=", ".join(dataset.labels),
                known=", ".join(self.labels),
            )
            raise DataError(message, code="other_labels")
        self.encoder = open_encoder(self.config.encoder, self.config.patch, context)
        learned = self._gather(dataset, context, ("train",), unlabelled=self.uses_unlabelled)
        held = self._gather(dataset, context, ("validation",))
        self.learn_bags(learned, held, context)

    def learn_bags(self, learned: Sequence[Bag], held: Sequence[Bag], context: Context) -> None:
        """Train on bags; without validation bags, a quarter of them is held out."""
        self.seed = context.seed
        self._check(learned)
        if not self._tells_apart(held):
            learned, held = hold_out([*learned, *held], HELD_OUT, context.seed)
        self._learn(learned, held or learned, context)
        self.facts = {"slides": len(learned), "slides to stop by": len(held), **self.facts}
        self._calibrate(held or learned)
        context.report(1.0, Message("learned"))

    def _check(self, bags: Sequence[Bag]) -> None:
        """Raise DataError for bags that are unusable for training."""
        if not bags:
            message = Message(
                "no_slide_labelled",
            )
            raise DataError(message, code="no_labels")
        if not self._tells_apart(bags):
            message = Message(
                "slides_of_one_label",
            )
            raise DataError(message, code="one_class_only")

    def _tells_apart(self, bags: Sequence[Bag]) -> bool:
        """Return whether at least two labels occur."""
        return len({bag.label for bag in bags} - {UNKNOWN}) > 1

    def _calibrate(self, held: Sequence[Bag]) -> None:
        known = [bag for bag in held if bag.label != UNKNOWN]
        scores = np.stack([self.judge(bag).scores for bag in known])
        truth = labels_of(known)
        weights = class_weights(truth, len(self.labels))
        fitted = fit_temperature(scores, np.eye(len(self.labels))[truth], weights)
        # A few slides that happen to be told apart are no reason to be surer than the network is.
        self.temperature = fitted if len(known) >= FEW else max(1.0, fitted)
        probability = probabilities(scores, self.temperature)
        wrong = probability.argmax(axis=1) != truth
        self.facts[REFER] = refer_threshold(entropy_share(probability), wrong)

    def judge_bags(self, bags: Sequence[Bag]) -> NDArray[np.float32]:
        """Return calibrated probabilities (n, k) of bags."""
        scores = np.stack([self.judge(bag).scores for bag in bags])
        return probabilities(scores, self.temperature).astype(np.float32)

    def ready(self, context: Context) -> None:
        """Move the encoder and the network to the device of the context."""
        ready_encoder(self.opened_encoder(), context)

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure on the labelled slides of one part, by case; ``all`` is every part."""
        self.ready(context)
        return self.evaluate_bags(self._gather(dataset, context, (part,)), context.seed, part)

    def evaluate_bags(self, bags: Sequence[Bag], seed: int, part: str = "test") -> Evaluation:
        """Measure on bags; raises DataError(``nothing_to_measure``) for none."""
        if not bags:
            message = Message(
                "no_slide_to_measure",
                part=part,
            )
            raise DataError(message, code="nothing_to_measure")
        return evaluate_classes(self.labels, labels_of(bags), self.judge_bags(bags), units_of(bags), seed)

    def predict(
        self, slide: SlideReader, context: Context, region: BaseGeometry | None = None
    ) -> Iterator[Prediction]:
        """Yield one prediction after all tiles are read: key patches, attention map, and finding."""
        self.ready(context)
        grid = tissue_grid(slide, self.config, context, region)
        if not len(grid):
            yield Prediction(1.0, finding=self._nothing())
            return
        content = feature_store(context).content_of(slide.path)
        features = self._features(slide, content, grid, context)
        bag = Bag(features, grid.index, unit=slide.path.name, clinical=context.clinical)
        judged = self.judge(bag)
        finding = self._finding(judged, grid)
        context.report(1.0, Message("tiles_judged", count=len(bag)))
        yield Prediction(1.0, self._key_patches(finding), (attention_map(grid, judged.attention),), finding)

    def _finding(self, judged: BagPrediction, grid: PatchGrid) -> SlideFinding:
        probability = probabilities(judged.scores[None], self.temperature)
        # A model of survival may know no labels: then there is nothing between which it could waver.
        uncertainty = float(entropy_share(probability)[0]) if self.labels else 0.0
        refer_above = self.facts.get(REFER)
        top = np.argsort(-judged.attention, kind="stable")[: self.config.keys]
        most = float(judged.attention.max())
        weight = judged.attention / most if most > 0 else judged.attention
        evidence = tuple((grid.bounds(int(i)), float(weight[i])) for i in top if weight[i] > 0)
        return SlideFinding(
            probability=probability[0].astype(np.float32),
            uncertainty=uncertainty,
            refer=refer_above is not None and uncertainty >= refer_above,
            evidence=evidence,
            risk=judged.risk,
        )

    def _nothing(self) -> SlideFinding:
        """Return the prediction for a slide without tissue: no label, and a referral to a person."""
        share = np.full(len(self.labels), 1 / max(1, len(self.labels)), dtype=np.float32)
        return SlideFinding(share, 1.0, refer=True)

    def _key_patches(self, finding: SlideFinding) -> Objects:
        boxes = [_box(bounds) for bounds, _ in finding.evidence]
        label = int(finding.probability.argmax()) if len(finding.probability) else 0
        return Objects(
            np.array(boxes, dtype=object),
            np.full(len(boxes), label, dtype=np.int16),
            np.array([weight for _, weight in finding.evidence], dtype=np.float32),
            np.full(len(boxes), finding.uncertainty, dtype=np.float32),
        )

    def save(self, folder: Path) -> None:
        """Write ``model.json`` and safetensors, with a learned encoder, into a new folder."""
        weights = self._weights()
        document, arrays = pack_encoder(self.opened_encoder())
        model = ModelFile(
            recipe=self.name,
            version="1",
            labels=self.labels,
            config=self.settings,
            seed=self.seed,
            temperature=self.temperature,
            facts=self.facts if document is None else {**self.facts, "encoder": document},
        )
        write_model(folder, model, weights | arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model folder; raises DataError(``bad_weights``) with the reason."""
        model = read_model(folder)
        recipe = cls.build(model.labels, model.config)
        recipe.temperature, recipe.seed, recipe.facts = model.temperature, model.seed, dict(model.facts)
        weights = read_weights(folder)
        recipe.encoder = unpack_encoder(recipe.facts.pop("encoder", None), weights, recipe.config.patch)
        with fitting(f"{folder}", cls.title):
            recipe.restore(
                {name: value for name, value in weights.items() if not name.startswith("encoder.")}
            )
        return recipe

    def _gather(
        self, dataset: Dataset, context: Context, parts: Sequence[str], *, unlabelled: bool = False
    ) -> list[Bag]:
        """Return the bags of the slides of some parts; raises DataError(``no_tissue``) naming a slide."""
        chosen = [slide for slide in dataset.slides if self._is_wanted(slide, unlabelled=unlabelled)]
        if "all" not in parts:
            chosen = [slide for slide in chosen if part_of(dataset, slide.case) in parts]
        bags = []
        for number, slide in enumerate(chosen):
            context.report(
                0.3 * number / len(chosen),
                Message(
                    "reading_slides",
                    number=number + 1,
                    total=len(chosen),
                ),
            )
            bags.append(self.bag_of(slide, context))
        return bags

    def _is_wanted(self, slide: LabelledSlide, *, unlabelled: bool) -> bool:
        return unlabelled or slide.label in self.labels

    def bag_of(self, slide: LabelledSlide, context: Context) -> Bag:
        """Return the bag of a slide; raises DataError(``no_tissue``)."""
        feature_store(context).remember(slide.path, slide.content)
        with opened_square(open_slide, slide) as (reader, _):
            grid = tissue_grid(reader, self.config, context, None)
            if not len(grid):
                message = Message(
                    "slide_without_tissue",
                    slide=slide.path.name,
                )
                raise DataError(message, code="no_tissue")
            features = self._features(reader, slide.content, grid, context)
        label = self.labels.index(slide.label) if slide.label in self.labels else UNKNOWN
        return Bag(features, grid.index, label, slide.case, slide.clinical, slide.survival)

    def _features(
        self, reader: SlideReader, content: str, grid: PatchGrid, context: Context
    ) -> NDArray[np.float32]:
        """Return (n, d) features of the tiles, those of each magnification side by side."""
        encoder, config = self.opened_encoder(), self.config
        blocks = []
        for scale in scales_of(config.scales):
            mpp = "native" if config.mpp is None else format(config.mpp, "g")
            key = f"{config.patch}px-{mpp}" + (f"-x{scale}" if scale > 1 else "")
            squares, workers = _around(grid, scale), context.workers
            table = feature_store(context).open(content, encoder, table_key(key, reader, squares))
            blocks.append(features_of(reader, squares, encoder, table, lambda *_: None, workers=workers))
            context.report(
                0.0,
                Message(
                    "tiles_described",
                    count=len(grid),
                ),
            )
        return np.concatenate(blocks, axis=1)

    def opened_encoder(self) -> Encoder:
        """Return the encoder; hand-made descriptors where none was opened."""
        if self.encoder is None:
            self.encoder = unpack_encoder(None, {}, self.config.patch)
        return self.encoder


def scales_of(text: str) -> tuple[int, ...]:
    """Return the width of each view around a tile's centre as a multiple of the tile, by magnification."""
    return tuple(int(part) for part in text.split())


def heads_for(width: int, most: int) -> int:
    """Return the largest number of attention heads up to ``most`` that divides a width evenly."""
    return max(count for count in range(1, most + 1) if width % count == 0)


def refer_threshold(uncertainty: NDArray[np.float32], wrong: NDArray[np.bool_]) -> float | None:
    """Return the uncertainty from which slides are referred to a person, None where all or none are wrong.

    The one with the greatest Youden index for telling wrong slides from right ones. Dolezal et al., Nature
    Communications 13:6572 (2022).
    """
    if not wrong.any() or wrong.all():
        return None
    candidates = np.unique(uncertainty)
    index = [(uncertainty[wrong] >= t).mean() - (uncertainty[~wrong] >= t).mean() for t in candidates]
    best = int(np.argmax(index))
    return float(candidates[best]) if index[best] > 0 and math.isfinite(candidates[best]) else None


def attention_map(grid: PatchGrid, attention: NDArray[np.float32]) -> HeatMap:
    """Return the rank of each tile's attention, 0..1, as raw weights differ too much to be seen."""
    rank = (rankdata(attention, method="min") - 1) / max(1, len(attention) - 1)
    values = np.full((grid.rows, grid.columns), np.nan, dtype=np.float32)
    values[grid.index[:, 0], grid.index[:, 1]] = rank
    margin = (grid.size - min(grid.step, grid.size)) / 2
    return HeatMap("attention", None, grid.x + margin, grid.y + margin, grid.step, values)


def _around(grid: PatchGrid, scale: int) -> Squares:
    """Return squares ``scale`` times as wide as the tiles, about the same centres."""
    if scale == 1:
        return squares_of(grid)
    corners = grid.corners()[:, :2] - grid.size * (scale - 1) / 2
    return Squares(np.rint(corners).astype(np.int64), max(1, round(grid.size * scale)))


def _box(bounds: Bounds) -> shapely.Polygon:
    return shapely.box(bounds.x, bounds.y, bounds.x + bounds.width, bounds.y + bounds.height)
