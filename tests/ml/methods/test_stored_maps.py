"""Feature maps of slides on disk: four bits a value, block by block, with the same scores as all features."""

from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import Point

from ml.contracts import Bounds, CancelledError, Dataset, LabelledShape, LabelledSlide
from ml.encoders.dense import CELL, DenseEncoder
from ml.encoders.map_scores import MapScores
from ml.encoders.packed_maps import BLOCK, PackedMaps, pack_maps
from ml.encoders.stored_maps import MARGIN, StoredMaps, bytes_per_cell
from ml.methods.loading import load_recipe_class
from ml.slides import open_slide, tissue_mask, write_phantom

SIDE = 4096
ALL = np.ones((BLOCK, BLOCK), dtype=bool)


def silent(_done, _total):
    pass


@pytest.fixture(scope="module")
def encoder():
    return DenseEncoder("efficientnet-lite0")


@pytest.fixture(scope="module")
def slide(tmp_path_factory):
    path = tmp_path_factory.mktemp("slide") / "slide.tif"
    write_phantom(path, width=SIDE, height=SIDE, seed=5)
    with open_slide(path) as reader:
        yield reader


@pytest.fixture(scope="module")
def maps(slide, encoder, tmp_path_factory):
    """Return the maps of three blocks by three, two level-0 pixels for each pixel as read."""
    stored = StoredMaps(slide, encoder, 2.0, tmp_path_factory.mktemp("maps"), tissue_mask(slide))
    stored.compute(np.ndindex(stored.rows, stored.columns), silent)
    return stored


def test_a_cell_takes_few_bytes_and_its_values_are_rounded_little(encoder):
    random = np.random.default_rng(0)
    sides = (BLOCK, BLOCK // 2 + 2, BLOCK // 4 + 2)
    values = [
        random.normal(3, spread, (side, side, width)).astype(np.float32)
        for side, spread, width in zip(sides, (0.1, 1, 10), encoder.widths, strict=True)
    ]
    joined = PackedMaps(pack_maps(values)).joined()
    assert bytes_per_cell(encoder) < 64
    fine = joined[:, :, : encoder.widths[0]]
    assert np.sqrt(np.mean((fine - values[0]) ** 2)) < 0.15 * 0.1
    assert PackedMaps(pack_maps([np.ones_like(each) for each in values])).joined() == pytest.approx(1)


def test_a_block_has_the_features_of_the_picture_around_it(slide, encoder, maps):
    """Blocks join without a seam: the surroundings of a cell at the border reach into the next block."""
    margin = 16 * CELL * 2
    side = int(maps.side) + 2 * margin
    corner = int(maps.side) - margin
    pixels = slide.read(Bounds(corner, corner, side, side), (side // 2, side // 2))
    whole = encoder.dense(pixels)[16:-16, 16:-16].reshape(BLOCK**2, -1)
    features = maps.features((1, 1), ALL)
    for start, end, least in ((0, 40, 0.98), (40, 152, 0.98), (152, 472, 0.95), (472, 1416, 0.97)):
        assert np.corrcoef(features[:, start:end].ravel(), whole[:, start:end].ravel())[0, 1] > least


@pytest.mark.parametrize("place", [(0, 0), (1, 1), (2, 2)])
def test_scores_are_features_times_the_matrix(maps, encoder, place):
    matrix = np.random.default_rng(1).normal(size=(encoder.size, 2)).astype(np.float32)
    scores = MapScores(maps, matrix)
    expected = (maps.features(place, ALL) @ matrix).reshape(BLOCK, BLOCK, 2)
    assert scores.block(place) == pytest.approx(expected, abs=0.01)
    around = scores.with_margin(place)
    assert around[MARGIN:-MARGIN, MARGIN:-MARGIN] == pytest.approx(expected, abs=0.01)
    if place == (1, 1):
        assert around[:MARGIN, MARGIN:-MARGIN] == pytest.approx(scores.block((0, 1))[-MARGIN:], abs=0.01)
    if place == (0, 0):
        assert (around[:MARGIN, MARGIN] == around[MARGIN, MARGIN]).all()


def test_cells_beyond_the_slide_are_no_surroundings(maps):
    last = maps.features((2, 2), ALL).reshape(BLOCK, BLOCK, -1)
    inside = (SIDE - 2 * int(maps.side)) // (2 * CELL)
    own = last[:inside, :inside, :472]
    assert last[inside - 1, inside - 1, 472:944] == pytest.approx(own[-4:, -4:].mean(axis=(0, 1)), abs=1e-3)


def test_blocks_are_computed_once_and_kept_when_a_run_is_cancelled(slide, encoder, tmp_path):
    stored = StoredMaps(slide, encoder, 2.0, tmp_path / "maps", tissue_mask(slide))
    places = [(0, 0), (0, 1), (1, 1)]

    def cancel(done, _total):
        if done == 2:
            raise CancelledError

    with pytest.raises(CancelledError):
        stored.compute(places, cancel)
    assert stored.missing(places) == [(1, 1)]
    totals = []
    stored.compute(places, lambda _done, total: totals.append(total))
    assert set(totals) == {1}
    assert stored.missing(places) == []
    assert not list((tmp_path / "maps").glob("*.partial"))


def test_points_on_a_slide_of_high_resolution_teach(slide, context):
    """A point is an area of one cell as it is read, however many pixels of the slide that is."""
    spots = {"a": [(700, 700), (900, 2600)], "b": [(2600, 700), (2900, 2900)]}
    shapes = [
        LabelledShape(Point(place), label, group=f"{label}{place}")
        for label, places in spots.items()
        for place in places
    ]
    marked = LabelledSlide(slide.path, "case", "d" * 64, tuple(shapes), mpp=0.2)
    recipe = load_recipe_class("paint").build(("a", "b"), {})
    recipe.fit(Dataset(("a", "b"), slides=(marked,)), context)
    assert recipe.facts["cells"] >= len(shapes)
