"""Base of recipes for whole slides: tiles as a bag of features, and the finding of the slide.

The label of a slide does not name the tile that shows it, so each recipe also tells how much each tile
weighed: the heat map of attention, the key patches, and the evidence of the finding are made of that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, Self

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
from ml.data.bags import Bag, hold_out, labels_of, units_of
from ml.data.patches import part_of
from ml.evaluation.classification import evaluate_classes
from ml.features.encoder import Encoder
from ml.features.patch_grids import tissue_grid
from ml.features.store import feature_store
from ml.inference.bag_predictor import BagPrediction, BagPredictor, bag_probabilities
from ml.inference.bag_reader import BagReader
from ml.inference.entropy import entropy_share
from ml.messages import Message
from ml.methods.bases.catalogue_recipe import CatalogueRecipe
from ml.methods.bases.encoding import PREFIX, ChosenEncoder
from ml.methods.bases.settings import TileSettingsT_co
from ml.slides import PatchGrid
from ml.storage.model_folder import fitting, read_model, read_weights, write_model
from ml.training.bag_calibrator import REFER, BagCalibrator
from ml.training.bag_target import BagTarget
from ml.training.bag_trainer import Learner
from ml.training.logistic import probabilities

HELD_OUT: Final = 0.25


class Calibrator(Protocol):
    """Calibrates a model on held-out bags."""

    def calibrate(self, held: Sequence[Bag]) -> None:
        """Store what calibrates the model in its state."""
        ...


@dataclass(frozen=True)
class BagParts:
    """The parts of a recipe for slides.

    ``target`` is the answer that is learned. With ``uses_unlabelled`` the learner is also given the bags of
    training slides that do not state it. Without a ``calibrator`` the labels are calibrated.
    """

    target: BagTarget
    predictor: BagPredictor
    learner: Learner
    uses_unlabelled: bool = False
    calibrator: Calibrator | None = None


class BagRecipe(CatalogueRecipe[TileSettingsT_co], ABC):
    """A recipe that classifies slides, put together from ``BagParts``."""

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self.encoder = ChosenEncoder(self.state, self.config)
        self.reader = BagReader(self.state, self.config, self.encoder)
        self.parts = self.compose()

    @abstractmethod
    def compose(self) -> BagParts:
        """Return the parts of the recipe, from its settings and its state."""

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on ``train``; stop early, calibrate and choose the referral threshold on ``validation``."""
        if dataset.labels != self.labels:
            message = Message(
                "labels_of_data_differ", labels=", ".join(dataset.labels), known=", ".join(self.labels)
            )
            raise DataError(message, code="other_labels")
        self.encoder.open(context)
        learned = self._gather(dataset, context, ("train",), unlabelled=self.parts.uses_unlabelled)
        held = self._gather(dataset, context, ("validation",))
        self.learn_bags(learned, held, context)

    def learn_bags(self, learned: Sequence[Bag], held: Sequence[Bag], context: Context) -> None:
        """Train on bags; without validation bags, a quarter of them is held out."""
        self.seed = context.seed
        target = self.parts.target
        target.check(learned)
        if not target.tells_apart(held):
            learned, held = hold_out([*learned, *held], HELD_OUT, context.seed)
        self.parts.learner.learn(learned, held or learned, context)
        self.facts = {"slides": len(learned), "slides to stop by": len(held), **self.facts}
        calibrator = self.parts.calibrator or BagCalibrator(self.state, self.parts.predictor)
        calibrator.calibrate(held or learned)
        context.report(1.0, Message("learned"))

    def judge(self, bag: Bag) -> BagPrediction:
        """Return the prediction for a bag; raises DataError(``not_fitted``)."""
        return self.parts.predictor.judge(bag)

    def judge_bags(self, bags: Sequence[Bag]) -> NDArray[np.float32]:
        """Return calibrated probabilities (n, k) of bags."""
        return bag_probabilities(self.parts.predictor, bags, self.temperature)

    def bag_of(self, slide: LabelledSlide, context: Context) -> Bag:
        """Return the bag of a slide; raises DataError(``no_tissue``)."""
        return self.reader.bag_of(slide, context)

    def opened_encoder(self) -> Encoder:
        """Return the encoder; hand-made descriptors where none was opened."""
        return self.encoder.current

    def ready(self, context: Context) -> None:
        """Move the encoder and the model to the device of the context."""
        self.encoder.ready(context)
        self.parts.predictor.ready(context)

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure on the labelled slides of one part, by case; ``all`` is every part."""
        self.ready(context)
        return self.evaluate_bags(self._gather(dataset, context, (part,)), context.seed, part)

    def evaluate_bags(self, bags: Sequence[Bag], seed: int, part: str = "test") -> Evaluation:
        """Measure on bags; raises DataError(``nothing_to_measure``) for none."""
        if not bags:
            raise DataError(Message("no_slide_to_measure", part=part), code="nothing_to_measure")
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
        features = self.reader.features(slide, content, grid, context)
        bag = Bag(features, grid.index, unit=slide.path.name, clinical=context.clinical)
        judged = self.judge(bag)
        finding = self._finding(judged, grid)
        context.report(1.0, Message("tiles_judged", count=len(bag)))
        yield Prediction(1.0, key_patches(finding), (attention_map(grid, judged.attention),), finding)

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

    def save(self, folder: Path) -> None:
        """Write ``model.json`` and safetensors, with a learned encoder, into a new folder."""
        weights = self.parts.predictor.weights()
        write_model(folder, self.state.to_file(), weights | self.encoder.weights())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model folder; raises DataError(``bad_weights``) with the reason."""
        model = read_model(folder)
        recipe = cls.build(model.labels, model.config)
        recipe.state.take(model)
        weights = read_weights(folder)
        recipe.encoder.restore(weights)
        own = {name: value for name, value in weights.items() if not name.startswith(PREFIX)}
        with fitting(f"{folder}", cls.title):
            recipe.parts.predictor.restore(own)
        return recipe

    def _gather(
        self, dataset: Dataset, context: Context, parts: Sequence[str], *, unlabelled: bool = False
    ) -> list[Bag]:
        """Return the bags of the slides of some parts; raises DataError(``no_tissue``) naming a slide."""
        stated = self.parts.target.is_stated
        chosen = [slide for slide in dataset.slides if unlabelled or stated(slide)]
        if "all" not in parts:
            chosen = [slide for slide in chosen if part_of(dataset, slide.case) in parts]
        return self.reader.bags_of(chosen, context)


def key_patches(finding: SlideFinding) -> Objects:
    """Return the evidence of a finding as boxes with the likeliest label."""
    boxes = [_box(bounds) for bounds, _ in finding.evidence]
    label = int(finding.probability.argmax()) if len(finding.probability) else 0
    return Objects(
        np.array(boxes, dtype=object),
        np.full(len(boxes), label, dtype=np.int16),
        np.array([weight for _, weight in finding.evidence], dtype=np.float32),
        np.full(len(boxes), finding.uncertainty, dtype=np.float32),
    )


def attention_map(grid: PatchGrid, attention: NDArray[np.float32]) -> HeatMap:
    """Return the rank of each tile's attention, 0..1, as raw weights differ too much to be seen."""
    rank = (rankdata(attention, method="min") - 1) / max(1, len(attention) - 1)
    values = np.full((grid.rows, grid.columns), np.nan, dtype=np.float32)
    values[grid.index[:, 0], grid.index[:, 1]] = rank
    margin = (grid.size - min(grid.step, grid.size)) / 2
    return HeatMap("attention", None, grid.x + margin, grid.y + margin, grid.step, values)


def _box(bounds: Bounds) -> shapely.Polygon:
    return shapely.box(bounds.x, bounds.y, bounds.x + bounds.width, bounds.y + bounds.height)
