"""Recipes that classify whole slides, by their shared parts."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from ml.__main__ import main
from ml.catalogue.registry import RECIPES
from ml.contracts import CancelledError, DataError, Task
from ml.data import load_dataset, split_dataset
from ml.data.bags import Bag, class_weights, hold_out
from ml.methods.loading import load_model, load_recipe_class
from ml.slides import open_slide
from ml.training.bag_calibrator import refer_threshold
from tests.ml.materials.bag_material import bags, write_table

SLIDE_RECIPES = [info.name for info in RECIPES if info.task is Task.SLIDE]
SMALL = {
    "patch": 32, "stride": 32, "epochs": 12, "patience": 12, "width": 16, "keys": 3, "learning_rate": 1e-2,
}  # fmt: skip
OWN = {
    "barcode": {"clusters": 8},
    "fusion": {"compare": False, "batch": 4},
    "contrastive-mil": {"contrast_epochs": 4, "subset": 8, "then": "finetune"},
    "recurrent": {"hidden": 8, "top": 6},
    "sparseconv": {"channels": 8},
    "wt": {"layers": 1},
}


def small(name, **more):
    """Return settings of a recipe that are small enough for a test."""
    known = {field.name for info in RECIPES if info.name == name for field in info.fields}
    return {key: value for key, value in {**SMALL, **OWN.get(name, {}), **more}.items() if key in known}


def fitted(name, context, count=16, **more):
    recipe = load_recipe_class(name).build(("no", "yes"), small(name, **more))
    recipe.learn_bags(bags(count), bags(8, seed=1), context)
    return recipe


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """A feature store for all tests of this module, as the slides are the same."""
    return tmp_path_factory.mktemp("features")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twenty slides with a table."""
    where = tmp_path_factory.mktemp("slides") / "data"
    write_table(where, 20, clinical=True)
    return where


@pytest.mark.parametrize("name", SLIDE_RECIPES)
def test_it_learns_which_bags_hold_the_rare_tiles(name, context):
    recipe = fitted(name, context)
    evaluation = recipe.evaluate_bags(bags(20, seed=2), seed=0)
    assert evaluation.metrics["auc"].value > 0.8
    assert len(set(evaluation.outcomes["unit"])) == 20


@pytest.mark.parametrize("name", SLIDE_RECIPES)
def test_same_seed_same_bits_and_saved_equals_loaded(name, context, tmp_path):
    for place in ("one", "two"):
        run = dataclasses.replace(context, scratch=tmp_path / f"scratch-{place}")
        fitted(name, run, epochs=2).save(tmp_path / place)
    first, second = tmp_path / "one", tmp_path / "two"
    assert (first / "weights.safetensors").read_bytes() == (second / "weights.safetensors").read_bytes()
    assert (first / "model.json").read_bytes() == (second / "model.json").read_bytes()
    recipe = fitted(name, dataclasses.replace(context, scratch=tmp_path / "again"), epochs=2)
    probe = bags(4, seed=3)
    np.testing.assert_array_equal(load_model(first).judge_bags(probe), recipe.judge_bags(probe))


@pytest.mark.parametrize("name", SLIDE_RECIPES)
def test_a_slide_gets_a_finding_a_map_and_key_patches(name, folder, features, context):
    context = dataclasses.replace(context, features=features)
    dataset = split_dataset(load_dataset(folder), 0)
    recipe = load_recipe_class(name).build(dataset.labels, small(name))
    recipe.fit(dataset, context)
    with open_slide(folder / "s1.tif") as slide:
        last = list(recipe.predict(slide, dataclasses.replace(context, clinical={"age": 50.0})))[-1]
    finding, (heat_map,) = last.finding, last.heat_maps
    assert last.progress == 1
    assert finding.probability.sum() == pytest.approx(1, abs=1e-5)
    assert 0 <= finding.uncertainty <= 1
    assert heat_map.kind == "attention"
    assert heat_map.values.shape == (5, 5)
    assert 0 <= np.nanmin(heat_map.values) < np.nanmax(heat_map.values) <= 1
    weights = [weight for _, weight in finding.evidence]
    assert 1 <= len(weights) <= 3
    assert weights == sorted(weights, reverse=True)
    assert weights[0] == pytest.approx(1.0)
    assert len(last.objects) == len(weights)


def test_attention_finds_the_lesion_and_the_terminal_does_it_all(folder, features, tmp_path, capsys):
    model, out = tmp_path / "model", tmp_path / "out"
    settings = [f"--set={key}={value}" for key, value in small("abmil", epochs=30, patience=30).items()]
    settings.append(f"--features={features}")
    assert main(["fit", "abmil", "--data", f"{folder}", "--out", f"{model}", *settings]) == 0
    assert "| auc |" in (model / "card.md").read_text()
    capsys.readouterr()
    assert main(["evaluate", f"{model}", "--data", f"{folder}", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["part"], printed["count"], printed["metrics"]["auc"]["value"]) == ("test", 4, 1.0)
    assert main(["predict", f"{model}", f"{folder / 's1.tif'}", "--out", f"{out}"]) == 0
    finding = json.loads((out / "finding.json").read_text())
    assert finding["label"] == "tumour"
    boxes = {(item["x"], item["y"]) for item in finding["evidence"][:2]}
    assert boxes == {(32, 32), (64, 32)}


def test_a_slide_of_glass_is_referred(folder, context, tmp_path):
    import tifffile

    recipe = fitted("abmil", context, epochs=1)
    tifffile.imwrite(tmp_path / "glass.tif", np.full((160, 160, 3), 250, np.uint8), photometric="rgb")
    with open_slide(tmp_path / "glass.tif") as slide:
        (only,) = recipe.predict(slide, context)
    assert only.finding.refer
    assert only.objects is None


def test_a_run_can_be_cancelled_and_goes_on_with_the_same_bits(context, cancelled_context, tmp_path):
    with pytest.raises(CancelledError):
        fitted("abmil", cancelled_context(9))
    resumed = fitted("abmil", context)
    whole = fitted("abmil", dataclasses.replace(context, scratch=tmp_path / "other"))
    probe = bags(4, seed=3)
    np.testing.assert_array_equal(resumed.judge_bags(probe), whole.judge_bags(probe))


def test_bags_without_two_labels_are_refused(context):
    recipe = load_recipe_class("abmil").build(("no", "yes"), {})
    with pytest.raises(DataError) as none:
        recipe.learn_bags([], [], context)
    with pytest.raises(DataError) as one:
        recipe.learn_bags(bags(8)[::2], [], context)
    with pytest.raises(DataError) as measured:
        recipe.evaluate_bags([], 0)
    codes = (none.value.code, one.value.code, measured.value.code)
    assert codes == ("no_labels", "one_class_only", "nothing_to_measure")


@pytest.mark.parametrize("encoder", ["magic", "encoder:", "encoder:{tmp}"])
def test_an_encoder_that_is_none_is_refused(encoder, folder, context, tmp_path):
    dataset = load_dataset(folder)
    config = {**small("abmil"), "encoder": encoder.format(tmp=tmp_path)}
    with pytest.raises(DataError) as caught:
        load_recipe_class("abmil").build(dataset.labels, config).fit(dataset, context)
    assert caught.value.code in {"bad_config", "bad_weights"}


def test_weights_of_another_width_are_refused(context, tmp_path):
    fitted("abmil", context, epochs=1).save(tmp_path / "m")
    text = (tmp_path / "m/model.json").read_text()
    (tmp_path / "m/model.json").write_text(text.replace('"width": 16', '"width": 24'))
    with pytest.raises(DataError) as caught:
        load_model(tmp_path / "m")
    assert caught.value.code == "bad_weights"


def test_a_few_slides_are_no_reason_to_be_surer(context):
    recipe = load_recipe_class("abmil").build(("no", "yes"), small("abmil", epochs=30, patience=30))
    recipe.learn_bags(bags(16), bags(8, seed=1), context)
    assert recipe.temperature >= 1
    assert recipe.judge_bags(bags(8, seed=1)).max() < 1


def test_bags_are_held_out_by_case_and_weighed_by_class():
    held = [Bag(bag.features, bag.places, bag.label, bag.unit[:6]) for bag in bags(40)]
    learned, out = hold_out(held, 0.25, 0)
    assert not {bag.unit for bag in learned} & {bag.unit for bag in out}
    np.testing.assert_allclose(class_weights(np.array([0, 0, 0, 1, -1], np.int16), 2), [2 / 3] * 3 + [2, 0])


def test_uncertain_errors_set_the_referral_threshold():
    doubt = np.array([0.1, 0.2, 0.8, 0.9], np.float32)
    assert refer_threshold(doubt, np.array([False, False, True, True])) == pytest.approx(0.8)
    assert refer_threshold(doubt, np.zeros(4, bool)) is None


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ("file,label\ngone.tif,a\n", "row 2: there is no file gone.tif"),
        ("file,label\ns0.tif,a\ns0.tif,b\n", "row 3: s0.tif is listed a second time"),
        ("file,label,months,event\ns0.tif,a,12,\n", "row 2: event"),
        ("file,label,months,event\ns0.tif,a,-1,1\n", "row 2: months"),
        ("file,label\ns0.tif\n", "row 2: it has not the 2 columns"),
        ("slide,label\ns0.tif,a\n", "column file"),
        ("file,label\n", "lists no slide"),
    ],
)
def test_a_mistake_in_the_table_is_named_by_its_row(folder, tmp_path, table, word):
    (tmp_path / "s0.tif").symlink_to(folder / "s0.tif")
    (tmp_path / "slides.csv").write_text(table)
    with pytest.raises(DataError, match=word) as caught:
        load_dataset(tmp_path)
    assert caught.value.code == "bad_table"


def test_the_table_says_what_is_known_of_each_slide(folder):
    dataset = load_dataset(folder)
    assert dataset.labels == ("benign", "tumour")
    slide = dataset.slides[3]
    assert (slide.label, slide.case, slide.clinical) == ("tumour", "c3", {"age": 43.0, "sex": "m"})
    assert (slide.survival.months, slide.survival.event) == (13.0, False)
    assert dataset.slides[0].clinical["age"] is None
    parts = split_dataset(dataset, 0).parts
    by_part = {part: sum(assigned == part for assigned in parts.values()) for part in ("train", "test")}
    assert by_part == {"train": 12, "test": 4}
