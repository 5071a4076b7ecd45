"""Parts of recipes that train one network on the pixels of patches."""

from __future__ import annotations

from ml.contracts import Settings
from ml.features.patch_reader import PatchReader
from ml.features.patch_sampler import PatchSampler, Sampler, check_pixels
from ml.inference.network_predictor import NetworkPredictor
from ml.inference.patch_predictions import Finding
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.slides.grid import GridSettings
from ml.training.patch_trainer import NetworkFitting, Trainer


def network_parts(
    grid: GridSettings,
    reader: PatchReader,
    predictor: NetworkPredictor,
    trainer: Trainer,
    *,
    sampler: Sampler | None = None,
    finding: Finding | None = None,
) -> PatchParts:
    """Return the parts of a recipe that trains a network on the pixels of patches."""

    def settings() -> GridSettings:
        return grid

    chosen = sampler or PatchSampler(predictor.state, reader, settings, check_pixels)
    return PatchParts(
        settings, reader, chosen, predictor, NetworkFitting(chosen, predictor, trainer), finding
    )


def network_predictor(recipe: PatchRecipe[Settings]) -> NetworkPredictor | None:
    """Return the part of a recipe that predicts by one network over pixels; None where there is none."""
    predictor = recipe.parts.predictor
    return predictor if isinstance(predictor, NetworkPredictor) else None
