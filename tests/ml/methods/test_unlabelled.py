"""Self-supervised recipes: encoders from views of tiles, auto-encoded descriptors, the atlas."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from ml.__main__ import main
from ml.contracts import DataError, Dataset, LabelledImage
from ml.data import load_dataset, split_dataset
from ml.features.atlas import lay_out
from ml.features.gradients import gradient_histograms, normalise_tile, pattern_histograms
from ml.methods.bases.encoding import ModelEncoder
from ml.methods.loading import load_model, load_recipe_class
from ml.training.views import Views, blurred, cropped, restained, view_of
from tests.ml.materials.bag_material import write_table

SMALL = {
    "simclr": {"pixels": 32, "view_epochs": 3, "group": 16, "projection": 16, "patch": 32, "stride": 32},
    "barlow": {"pixels": 32, "view_epochs": 3, "group": 16, "projection": 16, "patch": 32, "stride": 32},
    "descriptor-autoencoders": {"pixels": 32, "epochs": 3, "patch": 32, "stride": 32},
}  # fmt: skip


@pytest.fixture(scope="module")
def stripes(tmp_path_factory):
    """Sixty striped tiles: lines across, or lines down; the first few with a label."""
    folder = tmp_path_factory.mktemp("stripes")
    random = np.random.default_rng(0)
    images = []
    for number in range(60):
        kind = ("across", "down")[number % 2]
        wave = np.sin(np.arange(40) * random.uniform(0.9, 1.3) + random.uniform(0, 6))
        plane = np.repeat(wave[:, None], 40, axis=1)
        plane = plane if kind == "across" else plane.T
        tint = np.array([200, 130, 180]) + 40 * plane[..., None] + random.normal(0, 6, (40, 40, 3))
        path = folder / f"{number}.png"
        Image.fromarray(np.clip(tint, 0, 255).astype(np.uint8)).save(path)
        images.append(LabelledImage(path, path.name, kind if number < 44 else None))
    parts = {image.case: "test" if 28 <= n < 44 else "train" for n, image in enumerate(images)}
    return Dataset(("across", "down"), images=tuple(images), parts=parts)


def fitted(name, dataset, context, **more):
    recipe = load_recipe_class(name).build(dataset.labels, {**SMALL[name], **more})
    recipe.fit(dataset, context)
    return recipe


@pytest.mark.parametrize("name", sorted(SMALL))
def test_labels_are_learned_above_what_had_none_with_the_same_bits(name, stripes, context, tmp_path):
    recipe = fitted(name, stripes, context)
    evaluation = recipe.evaluate(stripes, context)
    assert evaluation.count == 16
    if name == "descriptor-autoencoders":
        assert evaluation.metrics["auc"].value > 0.95
    recipe.save(tmp_path / "one")
    fitted(name, stripes, dataclasses.replace(context, scratch=tmp_path / "scratch")).save(tmp_path / "two")
    for file in ("model.json", "weights.safetensors"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    again = load_model(tmp_path / "one").evaluate(stripes, context)
    np.testing.assert_array_equal(again.outcomes["probability"], evaluation.outcomes["probability"])
    encoder = ModelEncoder.open(tmp_path / "one")
    patches = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), dtype=np.uint8)
    rows = encoder.encode(patches)
    assert rows.shape == (3, encoder.size)
    np.testing.assert_allclose(rows[:, -encoder.classes :].sum(axis=1), 1, atol=1e-5)


def test_without_any_label_it_is_an_encoder_that_slides_are_judged_by(context, tmp_path):
    write_table(tmp_path / "slides", 12)
    dataset = split_dataset(load_dataset(tmp_path / "slides"), 0)
    nameless = dataclasses.replace(dataset, labels=())
    recipe = fitted("simclr", nameless, context, tiles=96, view_epochs=2)
    assert recipe.labels == ()
    with pytest.raises(DataError, match="without labels"):
        recipe.evaluate(nameless, context)
    recipe.save(tmp_path / "eyes")
    config = {"encoder": f"encoder:{tmp_path / 'eyes'}", "patch": 32, "stride": 32, "epochs": 25, "width": 16,
              "learning_rate": 1e-2}  # fmt: skip
    judge = load_recipe_class("abmil").build(dataset.labels, config)
    judge.fit(dataset, context)
    before = judge.evaluate(dataset, context)
    assert before.metrics["auc"].value > 0.9
    judge.save(tmp_path / "judge")
    (tmp_path / "eyes/weights.safetensors").unlink()
    after = load_model(tmp_path / "judge").evaluate(dataset, context)
    np.testing.assert_array_equal(after.outcomes["probability"], before.outcomes["probability"])


def test_transfer_starts_from_it_and_slides_become_tissue_types(stripes, context, tmp_path):
    fitted("barlow", stripes, context).save(tmp_path / "eyes")
    config = {"encoder": "small", "source": f"{tmp_path / 'eyes'}", "mode": "linear probe", "pixels": 32,
              "beside": False}  # fmt: skip
    recipe = load_recipe_class("transfer").build(stripes.labels, config)
    recipe.fit(stripes, dataclasses.replace(context, scratch=tmp_path / "scratch"))
    assert recipe.evaluate(stripes, context).count == 16
    write_table(tmp_path / "slides", 10)
    dataset = split_dataset(load_dataset(tmp_path / "slides"), 0)
    config = {"encoder": f"encoder:{tmp_path / 'eyes'}", "patch": 32, "stride": 32, "epochs": 2, "width": 16,
              "layers": 1}  # fmt: skip
    typed = load_recipe_class("wt").build(dataset.labels, config)
    typed.fit(dataset, context)
    assert typed.facts["tissue types"] == 2
    typed.save(tmp_path / "typed")
    assert load_model(tmp_path / "typed").evaluate(dataset, context).count == 2


def test_too_few_tiles_and_an_odd_side_are_refused(stripes, context):
    few = dataclasses.replace(stripes, images=stripes.images[:4])
    with pytest.raises(DataError) as caught:
        fitted("simclr", few, context)
    assert caught.value.code == "too_few_tiles"
    with pytest.raises(DataError, match="multiple of 16"):
        fitted("descriptor-autoencoders", stripes, context, pixels=40)


def test_views_keep_what_they_should():
    torch.manual_seed(0)
    tile = torch.rand(6, 3, 24, 24)
    torch.testing.assert_close(restained(tile, 0.0), tile.clamp(min=1 / 255), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(blurred(tile, 0.0), tile)
    turned = cropped(tile, 1.0)
    options = [tile.rot90(k, (2, 3)) for k in range(4)]
    options += [item.flip(3) for item in options]
    for number in range(6):
        nearest = min(float((turned[number] - option[number]).abs().max()) for option in options)
        assert nearest < 1e-3
    view = view_of(tile, Views())
    assert view.shape == tile.shape
    assert float(view.min()) >= 0
    assert float(view.max()) <= 1


def test_descriptors_by_place_see_direction_and_keep_stain_even():
    wave = np.sin(np.arange(64) * 0.8).astype(np.float32)
    across = (np.repeat(wave[:, None], 64, axis=1) + 1) / 2
    assert np.abs(gradient_histograms(across) - gradient_histograms(across.T)).max() > 0.2
    shares = pattern_histograms(across)
    assert shares.shape == (448,)
    assert shares.sum() == pytest.approx(32)
    tile = np.random.default_rng(1).integers(90, 220, (32, 32, 3), dtype=np.uint8)
    assert np.abs(normalise_tile(tile).astype(int) - tile).max() > 0
    glass = np.full((32, 32, 3), 250, np.uint8)
    np.testing.assert_array_equal(normalise_tile(glass), glass)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_the_atlas_lays_like_beside_like(method):
    random = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), [40, 30, 20])
    features = (random.normal(size=(90, 12)) + np.eye(12)[truth] * 12).astype(np.float32)
    atlas = lay_out(features, method=method, kinds=3)
    np.testing.assert_array_equal(atlas.kinds, truth)
    np.testing.assert_array_equal(truth[atlas.leads], [0, 1, 2])
    centres = np.stack([atlas.places[truth == kind].mean(axis=0) for kind in range(3)])
    apart = np.linalg.norm(atlas.places[:, None] - centres, axis=2)
    assert (apart.argmin(axis=1) == truth).mean() > 0.9
    np.testing.assert_array_equal(lay_out(features, method=method, kinds=3).places, atlas.places)


def test_an_atlas_of_too_little_is_refused():
    with pytest.raises(DataError):
        lay_out(np.zeros((2, 4), np.float32))
    with pytest.raises(DataError):
        lay_out(np.zeros((9, 4), np.float32), method="magic")
    assert lay_out(np.zeros((9, 1), np.float32), method="pca").places.shape == (9, 2)


def test_the_tool_writes_json_and_parquet(tmp_path, capsys):
    write_table(tmp_path / "slides", 4)
    data = ["--data", f"{tmp_path / 'slides'}", "--patch", "32", "--kinds", "3", "--method", "pca"]
    assert main(["run", "atlas", *data, "--out", f"{tmp_path / 'a.json'}", "--most", "60"]) == 0
    document = json.loads((tmp_path / "a.json").read_text())
    assert len(document["tiles"]) == 60
    assert sum(tile["lead"] for tile in document["tiles"]) == document["kinds"] == 3
    assert {tile["label"] for tile in document["tiles"]} == {"benign", "tumour"}
    assert main(["run", "atlas", *data, "--out", f"{tmp_path / 'a.parquet'}"]) == 0
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.num_rows == 100
    assert set(table["side"].to_pylist()) == {32}
    assert main(["run", "atlas", *data, "--out", f"{tmp_path / 'a.txt'}"]) == 2
    assert "json" in capsys.readouterr().err
