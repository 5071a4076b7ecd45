from __future__ import annotations

import numpy as np
import pytest

from ml.data.squares import AHEAD, Squares, read_patches
from ml.features.descriptors import DescriptorEncoder
from ml.features.store import FeatureStore
from ml.features.texture import binary_patterns, co_occurrence, edge_energy
from ml.storage.hashing import content_hash


class Fixed:
    name, version, pixels, size = "fixed", "1", 4, 3


def test_rows_are_found_by_corner_whatever_wrote_them(tmp_path):
    corners = np.array([[0, 0], [224, 0], [0, 224]])
    values = np.arange(9, dtype=np.float32).reshape(3, 3)
    writer = FeatureStore(tmp_path).open("c" * 64, Fixed(), "4px")
    reader = FeatureStore(tmp_path).open("c" * 64, Fixed(), "4px")
    writer.add(corners[:1], values[:1])
    assert reader.find(corners)[1].tolist() == [True, False, False]
    writer.add(corners[1:], values[1:])
    rows_read, have = reader.find(corners[::-1])
    assert have.all()
    np.testing.assert_array_equal(rows_read, values[::-1])


@pytest.mark.parametrize("change", ["content", "version", "grid"])
def test_nothing_is_found_under_another_name(tmp_path, change):
    corners, values = np.array([[0, 0]]), np.ones((1, 3), dtype=np.float32)
    FeatureStore(tmp_path).open("c" * 64, Fixed(), "4px").add(corners, values)
    encoder = Fixed()
    if change == "version":
        encoder.version = "2"
    table = FeatureStore(tmp_path).open(
        ("d" if change == "content" else "c") * 64, encoder, "5px" if change == "grid" else "4px"
    )
    assert not table.find(corners)[1].any()


def test_an_interrupted_write_is_not_seen(tmp_path):
    table = FeatureStore(tmp_path).open("c" * 64, Fixed(), "4px")
    table.add(np.array([[0, 0]]), np.ones((1, 3), dtype=np.float32))
    (piece,) = tmp_path.rglob("*.npy")
    piece.rename(piece.with_suffix(".partial"))
    assert not FeatureStore(tmp_path).open("c" * 64, Fixed(), "4px").find(np.array([[0, 0]]))[1].any()


def test_the_content_of_a_file_is_remembered_until_it_changes(tmp_path):
    store, path = FeatureStore(tmp_path / "store"), tmp_path / "slide.tif"
    path.write_text("one")
    store.remember(path, "named by the server")
    assert store.content_of(path) == "named by the server"
    path.write_text("another")
    assert store.content_of(path) == content_hash(path)


class CountingReader:
    channels = ()

    def __init__(self, fail_at=None):
        self.reads, self.fail_at = 0, fail_at

    def read_squares(self, corners, side, pixels):
        self.reads += len(corners)
        if self.fail_at is not None and self.reads >= self.fail_at:
            raise OSError("the disk is gone")
        return np.tile(corners[:, 0, None, None, None].astype(np.uint8), (1, pixels, pixels, 3))


def squares(count):
    return Squares(np.stack([np.arange(count), np.zeros(count, dtype=np.int64)], axis=1), 4)


def test_patches_come_in_order_and_not_far_ahead():
    reader = CountingReader()
    order = []
    for which, patches in read_patches(reader, squares(100), 4, block=10):
        assert reader.reads <= which[-1] + 1 + (AHEAD + 1) * 10
        order += patches[:, 0, 0, 0].tolist()
    assert order == list(range(100))


def test_an_error_of_the_reader_reaches_the_caller():
    with pytest.raises(OSError, match="disk"):
        list(read_patches(CountingReader(fail_at=25), squares(100), 4, block=10))


def test_a_closed_pipeline_reads_no_more():
    reader = CountingReader()
    stream = read_patches(reader, squares(1000), 4, block=10)
    next(stream)
    stream.close()
    assert reader.reads <= (AHEAD + 2) * 10


@pytest.mark.parametrize("side", [32, 57, 224])
@pytest.mark.parametrize("fill", ["white", "black", "noise"])
def test_descriptors_of_any_patch_are_finite_and_the_same_each_time(side, fill):
    random = np.random.default_rng(0)
    patch = {
        "white": np.full((side, side, 3), 255, dtype=np.uint8),
        "black": np.zeros((side, side, 3), dtype=np.uint8),
        "noise": random.integers(0, 256, (side, side, 3), dtype=np.uint8),
    }[fill]
    encoder = DescriptorEncoder(side)
    one, two = encoder.encode(np.stack([patch, patch]))
    assert one.shape == (encoder.size,)
    assert np.isfinite(one).all()
    np.testing.assert_array_equal(one, two)


def test_texture_forgets_quarter_turns(data):
    from ml.data.folders.images import read_image

    grey = read_image(min((data / "tiles/colorectal/normal").iterdir())).mean(axis=2)
    grey = grey.astype(np.float32)
    turned = np.ascontiguousarray(np.rot90(grey))
    np.testing.assert_allclose(binary_patterns(grey), binary_patterns(turned), atol=1e-6)
    np.testing.assert_allclose(co_occurrence(grey, 255, 2), co_occurrence(turned, 255, 2), rtol=1e-4)
    np.testing.assert_allclose(edge_energy(grey), edge_energy(turned), rtol=1e-4)


def test_co_occurrence_of_stripes():
    stripes = np.tile(np.array([[0.0, 255.0]], dtype=np.float32), (8, 4))
    contrast, _, _, _, entropy, correlation = co_occurrence(stripes, 255.0, 1)
    # Three of four directions change column, and with it colour.
    assert contrast == pytest.approx(225 * (56 + 49 + 49) / (56 + 56 + 49 + 49), rel=0.01)
    assert entropy > 0
    assert -1 <= correlation < 0
