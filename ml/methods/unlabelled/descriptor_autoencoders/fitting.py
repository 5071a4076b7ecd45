"""Training of the auto-encoders on tiles, then of a classifier on their latents."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.contracts import Context, Dataset
from ml.data.unlabelled import tiles_identity, unlabelled_tiles
from ml.features.patch_sampler import PatchSampler, check_classes, take_classes
from ml.messages import Message
from ml.methods.unlabelled.descriptor_autoencoders.info import DescriptorAutoencodersConfig
from ml.methods.unlabelled.descriptor_autoencoders.network import Described, TripleAutoencoder
from ml.methods.unlabelled.descriptor_autoencoders.predictor import LatentPredictor, described
from ml.training.kernel import fit_head
from ml.training.loop import TrainingPlan, train

HELD_OUT = 0.1


@dataclass(frozen=True)
class LatentFitting:
    """Trains the auto-encoders on all tiles, labelled or not, and the classifier on the labelled ones."""

    predictor: LatentPredictor
    sampler: PatchSampler
    config: DescriptorAutoencodersConfig

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on the parts ``train`` and ``validation``."""
        state, network = self.predictor.state, self.predictor.network
        take_classes(state, dataset, context)
        network.device = context.device
        known = self.sampler.gather(dataset, context, ("train", "validation"))
        check_classes(known)
        tiles = unlabelled_tiles(dataset, self.config, context)
        fresh = network.fresh(context.seed)
        epochs = self._train(fresh, tiles, context)
        network.current = fresh.eval()
        self.predictor.head, state.temperature = fit_head(
            self.predictor.embed(known.rows).astype(np.float64),
            known.targets,
            known.weights,
            known.units,
            penalty=self.config.penalty,
            kernel=self.config.kernel,
            seed=context.seed,
        )
        state.facts |= {"patches": len(known.rows), "tiles": len(tiles), "epochs": epochs}
        context.report(1.0, Message("learned"))

    def _train(self, network: TripleAutoencoder, tiles: NDArray[np.uint8], context: Context) -> int:
        """Train the auto-encoders; return the number of epochs."""
        config, state, device = self.config, self.predictor.state, self.predictor.network.device
        inputs = described(tiles)
        rows = torch.cat([inputs.gradients, inputs.patterns], dim=1)
        network.get_buffer("means").copy_(rows.mean(dim=0))
        network.get_buffer("spreads").copy_(rows.std(dim=0).clamp(min=1e-3))
        order = np.random.default_rng(context.seed).permutation(len(tiles))
        held, kept = np.split(order, [max(1, round(len(tiles) * HELD_OUT))])

        def batches(random: np.random.Generator) -> Iterator[NDArray[np.intp]]:
            mixed = random.permutation(kept)
            # A last batch of one tile has no variance to normalise by.
            for start in range(0, max(1, len(mixed) - 1), config.batch):
                yield mixed[start : start + config.batch]

        def loss(chosen: NDArray[np.intp]) -> Tensor:
            which = torch.from_numpy(chosen)
            latents: Tensor = network(Described(*(part[which].to(device) for part in inputs)))
            return latents

        plan = TrainingPlan(
            epochs=config.epochs,
            steps=math.ceil(len(kept) / config.batch),
            minutes=config.minutes,
            learning_rate=config.learning_rate,
            patience=config.patience,
            identity=tiles_identity([state.recipe, dict(state.settings), context.seed], tiles),
        )
        return train(
            network,
            batches=batches,
            loss=loss,
            validate=lambda: float(loss(held)),
            plan=plan,
            context=context,
        ).epoch
