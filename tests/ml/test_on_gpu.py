"""Every method on a GPU: a model trained there gives the same results from disk, on the GPU and on a CPU.

A GPU looks by half precision, which keeps eleven bits; the processor is held to single precision here. What
comes out may therefore differ by some thousandths of the values in the layers, and by ``CLOSE`` at most.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ml.__main__ import main
from ml.catalogue.registry import RECIPES, find_recipe
from ml.contracts import Bounds, CancelledError, Context, Task
from ml.data import load_dataset, split_dataset
from ml.data.workers import usual_workers
from ml.explain import METHODS
from ml.explain.why import explain
from ml.methods.bases.network_parts import network_predictor
from ml.methods.loading import load_model, load_recipe_class
from ml.networks.precision import inference_mode
from ml.slides import open_slide
from ml.training.gan import Drawer, DrawingPlan
from tests.ml.materials.bag_material import write_slide, write_table
from tests.ml.materials.object_material import draw_discs, draw_spots
from tests.ml.materials.patch_material import drawn, shades

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
GPU = "cuda"
MOSTLY = 0.9
CLOSE = 0.02
ONE = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "1", "-m", "ml"]

SMALL = {"patch": 32, "stride": 32, "pixels": 32, "epochs": 2, "patience": 2, "keys": 3, "hidden": 16}
OBJECTS = {"width": 8, "crop": 64, "steps": 30, "batch": 2, "tile": 128, "smallest": 16, "reach": 8}
VIEWS = {"view_epochs": 2, "group": 16, "projection": 16}
TWO = "descriptors, convolutional(encoder=small; epochs=2; pixels=32)"
OWN = {
    "residual": {"width": 4, "units": 8},
    "multiscale": {"patch": 16},
    "multitask": {"facets": "dark=tumour/1; mid=tumour/2; light=normal/-/no"},
    "cast": {"patch": 16, "width": 16, "heads": 2, "stages": 1, "square": 8},
    "voting": {"members": TWO},
    "stacking": {"members": TWO, "folds": 2},
    "omkt": {"second": "small", "warm_up": 1},
    "selective": {"steps": 4, "drawn": 4, "width": 4, "always": True},
    "simclr": VIEWS,
    "barlow": VIEWS,
    "unet": {"finest": 1},
    "musa-unet": {"finest": 1},
    "sa-mil": {"finest": 1, "nothing": "clean"},
    "hovernet": {"crop": 256, "width": 64, "steps": 3, "batch": 1},
    "barcode": {"clusters": 8},
    "contrastive-mil": {"contrast_epochs": 2, "subset": 8, "then": "finetune"},
    "fusion": {"compare": True},
    "wt": {"layers": 1},
}


def named(*tasks):
    return [info.name for info in RECIPES if info.task in tasks]


@pytest.fixture(autouse=True)
def plain_processor(monkeypatch):
    monkeypatch.setattr("ml.networks.precision.multiplies_bfloat16", lambda: False)


@pytest.fixture
def on_gpu(context):
    return dataclasses.replace(context, device=GPU, workers=2)


@pytest.fixture(scope="module")
def patches(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("patches"), partial(shades, side=64), ("dark", "mid", "light"))


@pytest.fixture(scope="module")
def slide(tmp_path_factory):
    """A slide of more than one block of patches."""
    path = tmp_path_factory.mktemp("slide") / "slide.tif"
    write_slide(path, np.random.default_rng(1), lesion=True, side=12)
    return path


@pytest.fixture(scope="module")
def earlier(patches, tmp_path_factory):
    """A model to wrap, to start from, and to encode tiles with."""
    folder = tmp_path_factory.mktemp("earlier")
    recipe = load_recipe_class("convolutional").build(patches.labels, settings("convolutional"))
    recipe.fit(patches, Context(3, folder / "scratch"))
    recipe.save(folder / "model")
    return folder / "model"


def settings(name, **more):
    """Return quick settings of a recipe."""
    info = find_recipe(name)
    defaults = {field.name: field.default for field in info.fields}
    wanted = SMALL if info.task in {Task.PATCH, Task.SLIDE} else OBJECTS
    if defaults.get("encoder") not in {None, "descriptors"}:
        wanted = {**wanted, "encoder": "small"}
    wanted = {**wanted, **OWN.get(name, {}), **more}
    return {key: value for key, value in wanted.items() if key in defaults}


def fitted(name, dataset, context, **more):
    recipe = load_recipe_class(name).build(dataset.labels, settings(name, **more))
    recipe.fit(dataset, context)
    return recipe


def last_of(recipe, slide, context):
    with open_slide(slide) as reader:
        return list(recipe.predict(reader, context))[-1]


def window_network(recipe):
    """Return the network of a recipe of objects or of regions."""
    if recipe.task is Task.OBJECT:
        return recipe.parts.network
    return recipe.parts.windows.classifier.network


def assert_close(actual, wanted):
    actual, wanted = np.asarray(actual, np.float64), np.asarray(wanted, np.float64)
    assert np.isfinite(actual).all()
    np.testing.assert_allclose(actual, wanted, atol=CLOSE, rtol=CLOSE)


@pytest.mark.parametrize("name", named(Task.PATCH))
def test_patches_are_judged_as_on_a_processor(name, patches, earlier, slide, context, on_gpu, tmp_path):
    recipe = fitted(name, patches, on_gpu, source=f"{earlier}")
    there = recipe.evaluate(patches, on_gpu).outcomes["probability"]
    recipe.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert_close(loaded.evaluate(patches, on_gpu).outcomes["probability"], there)
    assert_close(loaded.evaluate(patches, context).outcomes["probability"], there)
    here, there = (last_of(loaded, slide, run).heat_maps[:-1] for run in (context, on_gpu))
    assert here
    for mine, other in zip(here, there, strict=True):
        # Near a limit a patch may be told by one and not by the other; a model this small may tell of none.
        told = [~np.isnan(one.values) for one in (mine, other)]
        assert np.mean(told[0] == told[1]) > MOSTLY
        both = told[0] & told[1]
        assert_close(other.values[both], mine.values[both])


@pytest.mark.parametrize("name", named(Task.REGION, Task.OBJECT))
def test_pixels_are_scored_as_on_a_processor(name, slide, context, on_gpu, tmp_path):
    objects = find_recipe(name).task is Task.OBJECT
    dataset = draw_discs(tmp_path) if objects else draw_spots(tmp_path, outlined=("train", "test"))
    recipe = fitted(name, dataset, on_gpu)
    assert recipe.evaluate(dataset, on_gpu).metrics
    recipe.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    with open_slide(slide) as reader:
        pixels = reader.read(Bounds(0, 0, 256, 256), (256, 256))
    windows = [
        model.parts.network if objects else model.parts.windows.classifier.network
        for model in (recipe, loaded)
    ]
    there, here = (each.look(pixels).numpy() for each in windows)
    assert np.linalg.norm(there - here) < CLOSE * np.linalg.norm(here)
    here, there = (last_of(loaded, slide, run) for run in (context, on_gpu))
    assert next(window_network(loaded).network.fitted().parameters()).is_cuda
    assert here.progress == there.progress == 1
    differ = [np.abs(a.values - b.values) for a, b in zip(here.heat_maps, there.heat_maps, strict=True)]
    assert np.nanmean(differ) < CLOSE


SLIDES = [(name, {}) for name in named(Task.SLIDE)] + [
    ("fusion", {"answer": answer, "how": how}) for answer, how in (("cox", "early"), ("hazards", "kronecker"))
]


@pytest.mark.parametrize(("name", "more"), SLIDES)
def test_slides_are_judged_as_on_a_processor(name, more, earlier, context, on_gpu, tmp_path):
    write_table(tmp_path / "data", 16, clinical=True)
    dataset = split_dataset(load_dataset(tmp_path / "data"), 0)
    recipe = fitted(name, dataset, on_gpu, encoder=f"encoder:{earlier}", width=16, **more)
    recipe.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    fields = {"clinical": {"age": 50.0}}
    findings = [
        last_of(
            judge, tmp_path / "data/s1.tif", dataclasses.replace(run, features=tmp_path / place, **fields)
        )
        for place, judge, run in (("a", recipe, on_gpu), ("b", loaded, context), ("c", loaded, on_gpu))
    ]
    assert_close(findings[0].finding.probability, findings[1].finding.probability)
    assert_close(findings[2].finding.probability, findings[1].finding.probability)
    assert (findings[0].finding.risk is None) == (not more)
    if more:
        assert_close(findings[0].finding.risk, findings[1].finding.risk)
    assert recipe.evaluate(dataset, on_gpu).metrics


@pytest.mark.parametrize("method", METHODS)
def test_a_map_of_why_is_the_same(method, patches, earlier, slide, context, on_gpu, tmp_path):
    model = earlier
    if method == "roll-out":
        model = tmp_path / "model"
        fitted("cast", patches, on_gpu).save(model)
    with open_slide(slide) as reader:
        here, there = (
            explain(model, reader, Bounds(64, 32, 32, 32), run, method=method, label="dark").map
            for run in (context, on_gpu)
        )
    # A map is stretched to 0..1, and what half precision rounds with it where a model hardly wavers.
    assert np.abs(there - here).mean() < 0.05


def test_other_networks_that_are_asked_look_on_the_gpu_too(patches, earlier, slide, context, on_gpu):
    for name in ("tta", "conformal"):
        recipe = load_recipe_class(name).build(patches.labels, {"source": f"{earlier}"})
        recipe.fit(patches, context)
        last_of(recipe, slide, on_gpu)
        inner = network_predictor(recipe.parts.predictor.inner.fitted())
        assert next(inner.network.fitted().parameters()).is_cuda
    with inference_mode(GPU):
        assert torch.nn.functional.linear(*torch.ones(2, 2, 2, device=GPU)).dtype is torch.float16


@pytest.mark.parametrize("steered", [False, True])
def test_tiles_are_drawn(steered, on_gpu):
    labels = np.arange(12) % 2
    tiles = np.stack([shades(label, np.random.default_rng(0), 16) for label in labels])
    drawer = Drawer(tiles, labels, DrawingPlan(steps=6, batch=4, width=4), steered=steered)
    drawer.train(on_gpu)
    assert next(drawer.networks["generator"].parameters()).is_cuda
    drawn = drawer.draw(labels, 3)
    assert drawn.tiles.shape == tiles.shape
    assert drawn.tiles.std() > 0
    assert (drawn.masks is not None) == steered


def test_a_run_that_was_stopped_goes_on(on_gpu, tmp_path):
    dataset, said = draw_discs(tmp_path), []

    def stop(_share, words):
        said.append(words)
        if len(said) == 40:
            raise CancelledError

    with pytest.raises(CancelledError):
        fitted("nuclei", dataset, dataclasses.replace(on_gpu, report=stop), steps=75)
    said.clear()
    went_on = fitted(
        "nuclei", dataset, dataclasses.replace(on_gpu, report=lambda _s, w: said.append(w)), steps=75
    )
    assert len([words for words in said if words.startswith("Epoch")]) == 50
    assert went_on.facts["epochs"] == 3


def test_a_process_of_a_group_goes_by_nccl(patches, slide, tmp_path):
    data = tmp_path / "data"
    for image in patches.images:
        (data / image.label).mkdir(parents=True, exist_ok=True)
        (data / image.label / image.path.name).write_bytes(image.path.read_bytes())
    for name in ("residual", "uncertainty"):
        words = ["fit", name, "--data", f"{data}", "--device", GPU]
        words += [f"--set={key}={value}" for key, value in settings(name).items()]
        assert main([*words, "--out", f"{tmp_path / name}"]) == 0
        loud = {**os.environ, "NCCL_DEBUG": "VERSION"}
        command = [*ONE, *words, "--out", f"{tmp_path / name}-group"]
        run = subprocess.run(command, capture_output=True, text=True, env=loud)
        assert run.returncode == 0, run.stderr
        assert "NCCL version" in run.stdout + run.stderr
        alone, group = (load_file(tmp_path / f / "weights.safetensors") for f in (name, f"{name}-group"))
        for key, value in alone.items():
            assert_close(group[key], value)
    assert usual_workers(GPU) > 0
    words = ["predict", f"{tmp_path / 'residual'}", f"{slide}", "--device", GPU, "--out"]
    subprocess.run([*ONE, *words, f"{tmp_path / 'found'}"], check=True, capture_output=True)
    assert any((tmp_path / "found").iterdir())
