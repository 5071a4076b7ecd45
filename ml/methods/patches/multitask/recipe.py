"""Multi-task network of type, grade and a property, trained on labels that state some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.contracts import Context, DataError, Dataset
from ml.data.facets import Facets, parse_facets
from ml.data.training_table import TrainingTable
from ml.data.variation.patches import Augmentation
from ml.features.patch_sampler import PatchSampler, check_pixels, training_material
from ml.inference.network_predictor import NetworkPredictor
from ml.inference.patch_readers import PixelReader
from ml.messages import Message
from ml.methods.bases.network_parts import network_parts
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.patches.multitask.info import INFO, MultiTaskConfig
from ml.networks.model_network import ModelNetwork
from ml.networks.multiscale import MultiTaskNetwork
from ml.slides.grid import GridSettings
from ml.storage.model_state import BACKGROUND
from ml.training.patch_trainer import AugmentedPatches, PatchTrainer

# The score of a label that leaves open what another label of its type says: it is never the answer.
NEVER = -30.0
SURE = 1.0 - 1e-6


class MultiTask(PatchRecipe[MultiTaskConfig]):
    """Heads for type, ordered grade and property; unstated facets are left out of the loss."""

    info = INFO

    @classmethod
    def build(cls, labels: Sequence[str], config: Mapping[str, Any]) -> Self:
        """Return an unfitted recipe; raises DataError(``bad_config``) for facets of unknown labels."""
        recipe = super().build(labels, config)
        parse_facets(recipe.config.facets, (*labels, BACKGROUND))
        return recipe

    def compose(self) -> PatchParts:
        """Return one encoder under three heads, trained on the facets that each label states."""
        config, state = self.config, self.state
        predictor = NetworkPredictor(state, ModelNetwork(self._network), config.pixels)
        reader = PixelReader(state, config.pixels)
        batches = AugmentedPatches(predictor, Augmentation(stain=config.stain))
        trainer = PatchTrainer(predictor, config, batches, loss=facet_loss)
        sampler = FacetSampler(PatchSampler(state, reader, self._grid), self._facets)
        return network_parts(config, reader, predictor, trainer, sampler=sampler)

    @property
    def facets(self) -> Facets:
        """Return the facets of each class."""
        return parse_facets(self.config.facets, self.classes)

    def _facets(self) -> Facets:
        return self.facets

    def _grid(self) -> GridSettings:
        return self.config

    def _network(self) -> nn.Module:
        """Return a new network whose scores are those of the classes."""
        facets = self.facets
        heads = MultiTaskNetwork(self.config.encoder, len(facets.types), facets.grades, self.state.depth)
        return Labelled(heads, facets)


@dataclass(frozen=True)
class FacetSampler:
    """Gathers labelled patches; those with an incomplete label have no certain class."""

    sampler: PatchSampler
    facets: Callable[[], Facets]

    def gather(self, dataset: Dataset, context: Context, parts: Sequence[str]) -> TrainingTable:
        """Return all labelled items of some parts; raises DataError(``no_labels``) for none."""
        known = self.sampler.gather(dataset, context, parts)
        incomplete = np.array([*self.facets().incomplete, False])
        return replace(known, truth=np.where(incomplete[known.truth], -1, known.truth).astype(np.int16))

    def material(self, dataset: Dataset, context: Context) -> tuple[TrainingTable, TrainingTable]:
        """Return the training items, and the held-out items with a complete label."""
        learned, held = training_material(self, dataset, context, check_pixels)
        complete = held.targets[:, np.array(self.facets().incomplete)].sum(axis=1) == 0
        if not complete.any():
            message = Message("no_facets_held_out")
            raise DataError(message, code="no_labels")
        return learned, held.take(complete)


def facet_loss(network: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Return the sum over tasks of e^-s L + s, each L over the items whose label states its facet."""
    pixels, targets, weights = batch
    labelled: Any = network
    outputs = labelled.heads(pixels)
    total = torch.zeros((), device=pixels.device)
    for logs, target, doubt in zip(outputs, labelled.wanted(targets), labelled.heads.doubt, strict=True):
        weight = weights * (target.sum(dim=1) > SURE)
        if float(weight.sum()) > 0:
            value = (-(target * logs).sum(dim=1) * weight).sum() / weight.sum()
            total = total + torch.exp(-doubt) * value + doubt
    return total


class Labelled(nn.Module):
    """Log-probabilities of classes (n, k) from those of type, grade and property."""

    types: Tensor
    grades: Tensor
    flags: Tensor
    silent: Tensor

    def __init__(self, heads: MultiTaskNetwork, facets: Facets) -> None:
        super().__init__()
        self.heads = heads
        tables = (
            _table(facets.type_of, len(facets.types)),
            _table(facets.grade_of, max(1, facets.grades)),
            _table(facets.flag_of, 2),
        )
        for name, table in zip(("types", "grades", "flags"), tables, strict=True):
            self.register_buffer(name, torch.from_numpy(table), persistent=False)
        silent = torch.tensor(facets.incomplete).float() * NEVER
        self.register_buffer("silent", silent, persistent=False)

    def wanted(self, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return targets of the three tasks; rows that sum to less than one are partly unknown."""
        return targets @ self.types, targets @ self.grades, targets @ self.flags

    def features(self, pixels: Tensor) -> Tensor:
        """Return the input of the heads."""
        return self.heads.features(pixels)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the log-probability of each class: type, times grade and property where it names them."""
        kind, grade, flag = self.heads(pixels)
        logs: Tensor = kind @ self.types.T + grade @ self.grades.T + flag @ self.flags.T + self.silent
        return logs


def _table(places: Sequence[int | None], width: int) -> NDArray[np.float32]:
    table = np.zeros((len(places), width), dtype=np.float32)
    for row, place in enumerate(places):
        if place is not None:
            table[row, place] = 1.0
    return table
