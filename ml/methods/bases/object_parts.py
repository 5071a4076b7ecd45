"""Parts of recipes that outline objects, and of recipes that detect them without outlines."""

from __future__ import annotations

from ml.inference.detection_finder import (
    CountSettings,
    DetectionEvaluator,
    DetectionFinder,
    Detector,
)
from ml.inference.outline_finder import OutlineEvaluator, OutlineFinder, Splitter
from ml.inference.window_network import WindowNetwork
from ml.methods.bases.object_recipe import ObjectParts
from ml.methods.bases.settings import DetectionSettings, WindowSettings
from ml.storage.model_state import ModelState
from ml.training.crop_trainer import CropTrainer
from ml.training.object_fitting import CropTargets, DetectionFitting, OutlineFitting

AVERAGE = 0.99


def outline_parts(
    state: ModelState,
    config: WindowSettings,
    network: WindowNetwork,
    targets: CropTargets,
    splitter: Splitter,
) -> ObjectParts:
    """Return the parts of a recipe of class shares by pixel, split into objects."""
    finder = OutlineFinder(state, network, splitter)
    trainer = CropTrainer(state, config, network.network, AVERAGE)
    fitting = OutlineFitting(trainer, targets, finder)
    return ObjectParts(network, fitting, OutlineEvaluator(finder, config.mpp), finder)


def detection_parts(
    state: ModelState,
    config: DetectionSettings,
    network: WindowNetwork,
    targets: CropTargets,
    detector: Detector,
) -> ObjectParts:
    """Return the parts of a recipe of heat maps by label whose peaks are objects."""
    counted: CountSettings = config
    finder = DetectionFinder(state, counted, network, detector)
    trainer = CropTrainer(state, config, network.network)
    fitting = DetectionFitting(trainer, targets, finder)
    return ObjectParts(network, fitting, DetectionEvaluator(finder), finder)
