"""Artefacts, sharpness, stain and stain drift of slides."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from PIL import Image, ImageDraw, ImageFilter
from scipy import stats

from ml.__main__ import main
from ml.contracts import Bounds, Context, DataError, LabelledImage
from ml.data.folders.images import read_image
from ml.data.squares import Squares
from ml.evaluation.drift import Domain, learn_domain, numbers_of
from ml.methods.loading import load_recipe_class
from ml.objectset import read_heat_map
from ml.slides import open_slide, write_phantom
from ml.slides.quality.focus import blur_score
from ml.slides.quality.map import BUBBLE, CLASSES, bubble_pixels, quality_map
from ml.slides.stains import METHODS, Normaliser, density_of, fit_pixels, normalised, reference_fit
from ml.tools.slides.defocus import FocusModel, FocusPlan, defocus, train_focus


@pytest.fixture(scope="module")
def slide(tmp_path_factory):
    path = tmp_path_factory.mktemp("quality") / "phantom.tif"
    return path, write_phantom(path, width=2048, height=2048, seed=3)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("small") / "phantom.tif"
    write_phantom(path, width=1024, height=1024, seed=3)
    return path


def tiles(data, count):
    paths = sorted((data / "tiles/colorectal/normal").iterdir())[:count]
    return [read_image(path) for path in paths]


def restained(pixels, vectors, strength):
    """Return the same tissue under other dyes."""
    fit = fit_pixels(pixels, "macenko")
    amounts = np.linalg.lstsq(fit.vectors, density_of(pixels).reshape(-1, 3).T, rcond=None)[0]
    light = 240 * np.exp(-(vectors @ (amounts * np.array(strength)[:, None]))) - 1
    return np.clip(np.rint(light), 0, 255).astype(np.uint8).T.reshape(pixels.shape)


OTHER = np.array([[0.35, 0.05], [0.60, 0.60], [0.72, 0.80]])


def test_the_map_finds_what_was_painted_and_leaves_most_tissue_alone(slide):
    path, truth = slide
    with open_slide(path) as reader:
        quality = quality_map(reader)
    y, x = (np.indices(quality.classes.shape) + 0.5) * quality.step
    for name, least in (("pen", 0.9), ("blur", 0.5), ("fold", 0.2)):
        real = np.any([shapely.contains_xy(s, x, y) for kind, s in truth.artefacts if kind == name], axis=0)
        seen = quality.classes == CLASSES.index(name)
        assert 2 * (real & seen).sum() / (real.sum() + seen.sum()) > least, name
    shares = quality.shares()
    assert shares["tissue"] > 0.85
    assert sum(share for name, share in shares.items() if name != "glass") == pytest.approx(1)
    pen = next(shape for kind, shape in truth.artefacts if kind == "pen")
    boxes = np.array([pen.buffer(-2).bounds, (900, 900, 1000, 1000)])
    assert quality.usable(boxes)[1] > quality.usable(boxes)[0]


def test_a_bubble_is_a_round_flat_area_in_a_dark_ring():
    random = np.random.default_rng(1)
    pixels = np.clip(random.normal((200, 150, 190), 25, (200, 200, 3)), 0, 255).astype(np.uint8)
    image = Image.fromarray(pixels)
    ImageDraw.Draw(image).ellipse((60, 60, 140, 140), fill=(235, 230, 235), outline=(60, 50, 60), width=4)
    bubbles = bubble_pixels(np.asarray(image), np.zeros((200, 200), dtype=bool))
    assert bubbles[100, 100]
    assert 0.6 < bubbles.sum() / (np.pi * 40**2) < 1.4
    assert not bubble_pixels(pixels, np.zeros((200, 200), dtype=bool)).any()
    assert CLASSES[BUBBLE] == "bubble"


def test_the_tool_writes_maps_and_outlines(small, tmp_path, capsys):
    assert main(["run", "quality", f"{small}", "--out", f"{tmp_path}"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"slide", *CLASSES}
    heat = read_heat_map(tmp_path / "phantom", "artefact")
    assert set(np.unique(heat.values[~np.isnan(heat.values)])) == {0.0, 1.0}
    assert read_heat_map(tmp_path / "phantom", "focus").step == heat.step
    features = json.loads((tmp_path / "phantom/artefacts.geojson").read_text())["features"]
    assert "pen" in {item["properties"]["classification"]["name"] for item in features}


def test_the_blur_score_rises_with_every_blur(data):
    radii = [0, 0.5, 1, 1.5, 2, 3, 4, 6, 8]
    for tile in tiles(data, 4):
        image = Image.fromarray(tile)
        scores = [blur_score(np.asarray(image.filter(ImageFilter.GaussianBlur(r)))) for r in radii]
        assert stats.spearmanr(radii, scores)[0] > 0.99
    assert np.isnan(blur_score(np.full((64, 64, 3), 200, np.uint8)))


def test_a_lens_out_of_focus_spreads_light_and_loses_none():
    point = np.zeros((41, 41, 3), np.uint8)
    point[15:26, 15:26] = 200
    for disc in (True, False):
        soft = defocus(point, 4.0, disc=disc)
        assert soft.astype(float).sum() == pytest.approx(point.astype(float).sum(), rel=0.02)
        assert soft[20, 12].max() > 0
    np.testing.assert_array_equal(defocus(point, 0.0, disc=True), point)


def test_the_focus_network_learns_and_judges_slides(data, small, tmp_path, capsys):
    plan = FocusPlan(epochs=3, batch=16, narrow=4)
    model = train_focus(tiles(data, 16), plan, Context(3, tmp_path / "scratch"))
    fresh = [tile[:64, :64] for tile in tiles(data, 30)[16:]]
    sharp = model.sharpness(np.stack(fresh))
    soft = model.sharpness(np.stack([defocus(tile, 5.0, disc=True) for tile in fresh]))
    assert (sharp[:, None] > soft[None]).mean() > 0.9
    model.save(tmp_path / "focus")
    np.testing.assert_allclose(
        FocusModel.load(tmp_path / "focus").sharpness(np.stack(fresh)), sharp, atol=1e-6
    )
    arguments = ["run", "quality", f"{small}", "--out", f"{tmp_path}", "--focus", f"{tmp_path / 'focus'}"]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["pen"] > 0


def test_the_focus_network_is_refused_what_it_cannot_learn_from(tmp_path, capsys):
    (tmp_path / "tiles").mkdir()
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "tiles/a.png")
    code = main(["run", "focus-network", "--tiles", f"{tmp_path / 'tiles'}", "--out", f"{tmp_path / 'm'}"])
    assert code == 2
    assert "at least five" in capsys.readouterr().err
    assert not (tmp_path / "m").exists()
    with pytest.raises(DataError) as caught:
        FocusModel.load(tmp_path)
    assert caught.value.code == "bad_weights"


@pytest.mark.real_data
@pytest.mark.parametrize("method", METHODS)
def test_two_stains_of_one_tissue_come_close(data, method):
    for tile in tiles(data, 2):
        other = restained(tile, OTHER, (1.5, 0.6))
        target = reference_fit()
        before = np.abs(tile.astype(float) - other).mean()
        first, second = (
            Normaliser(method, fit_pixels(pixels, method), target).apply(pixels) for pixels in (tile, other)
        )
        assert np.abs(first.astype(float) - second).mean() < 0.7 * before


def test_glass_has_no_stain_and_is_left_alone():
    glass = np.full((64, 64, 3), 245, np.uint8)
    assert fit_pixels(glass, "macenko") is None
    np.testing.assert_array_equal(Normaliser("macenko", None, reference_fit()).apply(glass), glass)
    with pytest.raises(DataError, match="macenko, vahadane, reinhard"):
        fit_pixels(glass, "magic")


def test_a_patch_network_can_see_every_slide_in_one_stain(small, data, tmp_path):
    recipe = load_recipe_class("convolutional").build(("a", "b"), {"normalise": "reinhard", "pixels": 32})
    squares = Squares(np.array([[400, 400], [500, 500]]), 64)
    with open_slide(small) as reader:
        seen = recipe.pixel_rows(reader, squares, Context(0, tmp_path))
        plain = np.stack([reader.read(Bounds(x, y, 64, 64), (32, 32)) for x, y in squares.corners.tolist()])
    assert seen.shape == plain.shape
    assert np.abs(seen.astype(float) - plain).mean() > 1
    image = LabelledImage(min((data / "tiles/colorectal/normal").iterdir()), "x", "a")
    assert recipe.image_pixel_rows([image], Context(0, tmp_path)).shape == (1, 32, 32, 3)


def test_the_tool_normalises_slides_and_folders(small, data, tmp_path):
    out = tmp_path / "even.tif"
    assert main(["run", "stain", f"{small}", "--out", f"{out}"]) == 0
    with open_slide(small) as before, open_slide(out) as after:
        assert (after.width, after.height) == (before.width, before.height)
        assert after.mpp == pytest.approx(before.mpp, rel=1e-3)
        assert normalised(before, "macenko").width == before.width
    (tmp_path / "tiles").mkdir()
    for path in sorted((data / "tiles/colorectal/normal").iterdir())[:3]:
        (tmp_path / "tiles" / path.name).symlink_to(path)
    folder = tmp_path / "even"
    arguments = ["run", "stain", f"{tmp_path / 'tiles'}", "--out", f"{folder}", "--like", f"{small}"]
    assert main(arguments) == 0
    assert len(list(folder.iterdir())) == 3
    assert main(arguments) == 2


def test_a_slide_of_another_stain_is_outside(data, tmp_path):
    sets = [np.concatenate(tiles(data, 40)[k : k + 4], axis=1) for k in range(0, 40, 4)]
    rows = [numbers_of(fit_pixels(pixels, "macenko")) for pixels in sets]
    domain = learn_domain(rows[:7])
    assert sum(domain.is_outside(row) for row in rows[7:]) <= 1
    others = [numbers_of(fit_pixels(restained(pixels, OTHER, (1.5, 0.6)), "macenko")) for pixels in sets[7:]]
    assert all(domain.is_outside(row) for row in others)
    domain.write(tmp_path / "domain.json")
    assert Domain.read(tmp_path / "domain.json").distance(rows[8]) == pytest.approx(domain.distance(rows[8]))
    (tmp_path / "domain.json").write_text("{}")
    with pytest.raises(DataError) as caught:
        Domain.read(tmp_path / "domain.json")
    assert caught.value.code == "bad_domain"


def test_the_drift_tool_speaks_of_each_slide(small, tmp_path, capsys):
    domain = tmp_path / "domain.json"
    assert main(["run", "drift", "--train", *[f"{small}"] * 3, "--domain", f"{domain}"]) == 0
    assert main(["run", "drift", f"{small}", "--domain", f"{domain}"]) == 0
    assert json.loads(capsys.readouterr().out)["outside"] is False
    assert main(["run", "drift", "--domain", f"{domain}"]) == 2
