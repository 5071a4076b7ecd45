"""Slides with oblong pixels: methods see square pixels, results are in level-0 pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
import tifffile

from ml.contracts import (
    Bounds,
    Context,
    Dataset,
    HeatMap,
    LabelledShape,
    LabelledSlide,
    Objects,
    Prediction,
    SlideFinding,
)
from ml.data.objects import outlined_images
from ml.data.regions import region_images
from ml.data.squares import Squares
from ml.features.compute import table_key
from ml.slides import grid_of, open_slide
from ml.slides.quality.map import quality_map
from ml.slides.registration.transform import Registration, register_slides
from ml.slides.resolution import Resolution, predict_square, square_view, stretch_of


def round_spots(width, height, count=60):
    """Return RGB of dark discs of 12 pixels on pink, and their middles (n, 2)."""
    random = np.random.default_rng(3)
    pixels = np.full((height, width, 3), (235, 190, 215), np.uint8)
    middles = random.uniform(20, (width - 20, height - 20), (count, 2))
    y, x = np.indices((height, width))
    for middle in middles:
        pixels[np.hypot(x - middle[0], y - middle[1]) < 12] = (90, 40, 120)
    return pixels, middles


def write(path, pixels, x, y):
    tifffile.imwrite(
        path, pixels, tile=(128, 128), photometric="rgb", compression="zlib", metadata=None,
        resolution=(10_000 / x, 10_000 / y), resolutionunit="CENTIMETER",
    )  # fmt: skip


@pytest.fixture
def twins(tmp_path):
    """Give a slide of square pixels, the same at half the rows, at half the columns, and the spots."""
    pixels, middles = round_spots(640, 512)
    write(tmp_path / "square.tif", pixels, 0.25, 0.25)
    halved = pixels.reshape(256, 2, 640, 3).mean(1).astype(np.uint8)
    write(tmp_path / "high.tif", halved, 0.25, 0.5)
    narrow = pixels.reshape(512, 320, 2, 3).mean(2).astype(np.uint8)
    write(tmp_path / "wide.tif", narrow, 0.5, 0.25)
    return tmp_path, middles


OBLONG = {"high.tif": (1.0, 2.0), "wide.tif": (2.0, 1.0)}


@pytest.mark.parametrize("name", OBLONG)
def test_oblong_pixels_are_read_square(twins, name):
    folder, _ = twins
    with open_slide(folder / "square.tif") as square, open_slide(folder / name) as oblong:
        assert oblong.mpp is None
        view = square_view(oblong)
        assert (view.width, view.height, view.mpp) == (640, 512, 0.25)
        for box in (Bounds(64, 32, 256, 256), Bounds(0, 0, 640, 512), Bounds(-32, 400, 128, 256)):
            size = (box.width // 2, box.height // 2)
            seen, expected = (one.read(box, size).astype(int) for one in (view, square))
            assert seen.shape == expected.shape
            assert np.abs(seen - expected).mean() < 3
        corners = np.array([[64, 32], [300, 200]])
        assert np.array_equal(
            view.read_squares(corners, 64, 32)[0], view.read(Bounds(64, 32, 64, 64), (32, 32))
        )
        assert grid_of(view, patch=64, stride=64, mpp=0.5).size == 128
        assert square_view(square) is square


class Marks:
    """A recipe that marks each patch of 64 pixels at 0.5 µm, or those with their centre in the region."""

    def predict(self, slide, context, region=None):
        grid = grid_of(slide, patch=64, stride=64, mpp=0.5, region=region)
        boxes = grid.boxes()
        count = len(boxes)
        values = np.zeros((grid.rows, grid.columns), np.float32)
        yield Prediction(
            1.0,
            Objects(
                boxes, np.zeros(count, np.int16), np.ones(count, np.float32), np.zeros(count, np.float32)
            ),
            (HeatMap("probability", 0, 0.0, 0.0, grid.step, values),),
            SlideFinding(np.ones(1, np.float32), 0.0, evidence=((grid.bounds(0), 1.0),)),
        )


@pytest.mark.parametrize(("name", "stretch"), OBLONG.items())
def test_a_patch_of_n_micrometres_is_n_micrometres_in_both_axes(twins, tmp_path, name, stretch):
    folder, _ = twins
    with open_slide(folder / name) as slide:
        [prediction] = predict_square(Marks(), slide, Context(0, tmp_path))
        [heat_map] = prediction.heat_maps
        left, top, right, bottom = shapely.bounds(prediction.objects.geometry).T
        known = slide.resolution
        assert np.allclose((right - left) * known.x, 32)
        assert np.allclose((bottom - top) * known.y, 32)
        assert right.max() <= slide.width
        assert bottom.max() <= slide.height
        assert (heat_map.step, heat_map.step_y) == (128 / stretch[0], 128 / stretch[1])
        box = prediction.finding.evidence[0][0]
        assert (box.width, box.height) == (128 / stretch[0], 128 / stretch[1])
        # A region is given in level-0 pixels too.
        corner = shapely.box(0, 0, 128 / stretch[0], 128 / stretch[1])
        [part] = predict_square(Marks(), slide, Context(0, tmp_path), corner)
        assert len(part.objects) == 1
        assert part.objects.geometry[0].equals(corner)


@pytest.mark.parametrize(("name", "stretch"), OBLONG.items())
def test_labels_are_learned_from_in_square_pixels(twins, name, stretch):
    folder, middles = twins
    scale = np.array(stretch)
    shapes = tuple(
        LabelledShape(shapely.transform(shapely.Point(middle).buffer(12), lambda xy: xy / scale), "spot")
        for middle in middles
    )
    finished = (shapely.box(0, 0, 640 / stretch[0], 512 / stretch[1]),)
    slide = LabelledSlide(folder / name, "a", "0" * 64, shapes, finished)
    dataset = Dataset(("spot",), (slide,))
    [image] = outlined_images(dataset, ("all",), 0.25)
    assert image.pixels.shape == (512, 640, 3)
    dark = image.pixels[..., 1] < 115
    assert (dark == (image.instances > 0)).mean() > 0.97
    images = region_images(dataset, ("all",), 0.5)
    assert sum(one.classes.size for one in images) > 0
    # A manager's correction outranks the file: as wide as high again.
    corrected = LabelledSlide(folder / name, "a", "0" * 64, shapes, finished, mpp=0.5, mpp_y=0.5)
    [squashed] = outlined_images(Dataset(("spot",), (corrected,)), ("all",), 0.5)
    assert squashed.pixels.shape[:2] == (512 / stretch[1], 640 / stretch[0])


def test_features_of_another_resolution_are_not_mixed(twins):
    folder, _ = twins
    keys = set()
    for resolution in (None, Resolution(0.25, 0.25), Resolution(0.25, 0.6), Resolution(0.3, 0.3)):
        with open_slide(folder / "high.tif") as slide:
            view = square_view(slide, resolution)
            grid = grid_of(view, patch=64, stride=64, mpp=0.5)
            squares = Squares(np.zeros((1, 2), np.int64), round(grid.size))
            keys.add((table_key("64px-0.5", view, squares), grid.key))
    assert len({table for table, _ in keys}) == len({grid for _, grid in keys}) == 4


def test_the_quality_map_has_cells_of_both_sides(twins):
    folder, _ = twins
    with open_slide(folder / "high.tif") as slide, open_slide(folder / "square.tif") as square:
        view = square_view(slide)
        quality = quality_map(view).original(stretch_of(view))
        expected = quality_map(square)
    assert quality.step == pytest.approx(2 * quality.step_y)
    assert quality.classes.shape == expected.classes.shape
    maps = quality.heat_maps()
    assert {(one.step, one.step_y) for one in maps} == {(quality.step, quality.step_y)}


def test_a_map_between_slides_of_other_pixels_leads_from_level_0_to_level_0(twins, monkeypatch):
    folder, _ = twins
    plain = Registration(np.eye(3), np.full((2, 2, 2), 4.0), 640.0)
    monkeypatch.setattr("ml.slides.registration.transform.register", lambda *_, **__: plain)
    with open_slide(folder / "high.tif") as high, open_slide(folder / "wide.tif") as wide:
        registration = register_slides(square_view(high), square_view(wide))
    # (100, 100) of the one is (100, 200) in square pixels, moved by 4, and (52, 204) of the other.
    assert registration.to_moving(np.array([[100.0, 100.0]])) == pytest.approx(np.array([[52.0, 204.0]]))
    again = Registration.from_document(registration.document())
    points = np.array([[10.0, 20.0], [300.0, 120.0]])
    assert again.to_moving(points) == pytest.approx(registration.to_moving(points))


def test_without_a_resolution_a_written_pyramid_states_none(tmp_path):
    from ml.slides.pyramid import write_pyramid

    pixels = np.full((128, 128, 3), 200, np.uint8)
    for name, resolution in (("a.tif", None), ("b.tif", Resolution(0.25, 0.5))):
        write_pyramid(Path(tmp_path / name), (128, 128), resolution, lambda _: iter([pixels]))
        with open_slide(tmp_path / name) as slide:
            assert slide.resolution == resolution
