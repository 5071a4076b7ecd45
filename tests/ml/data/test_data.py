from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from ml.contracts import DataError, Dataset, LabelledImage
from ml.data import load_dataset, split_dataset
from ml.data.folders.images import read_image, read_instances
from ml.data.manifest import dataset_identity, with_stored_split, write_split
from ml.data.variation.patches import SYMMETRIES, turn, vary_stain
from ml.slides.stain_separation import join_stains, separate_stains


def test_class_folders(data):
    dataset = load_dataset(data / "tiles/colorectal")
    assert dataset.labels == ("adenocarcinoma", "normal", "serrated")
    files = list((data / "tiles/colorectal").glob("*/*.jpg"))
    assert len({image.case for image in dataset.images}) == len(dataset.images) == len(files) > 200


def test_images_with_masks(data):
    dataset = load_dataset(data / "nuclei/dsb2018")
    assert len(dataset.images) == 40
    assert all(image.mask.stem == image.path.stem for image in dataset.images)
    assert len(load_dataset(data / "nuclei/nuinsseg").images) == 16


def test_slides_with_geojson(data, tmp_path):
    for name in ("colorectal-mosaic.tif", "colorectal-mosaic-truth.geojson"):
        (tmp_path / name).symlink_to(data / "slides" / name)
    dataset = load_dataset(tmp_path)
    assert dataset.labels == ("Adenocarcinoma", "Normal colon")
    assert dataset.split_by == "region"
    assert len({shape.group for shape in dataset.slides[0].shapes}) == len(dataset.slides[0].shapes)


@pytest.mark.parametrize("content", ["no json", '{"features": [{}]}', '{"features": [{"geometry": 1}]}'])
def test_broken_annotations_are_named(data, tmp_path, content):
    (tmp_path / "a.tif").symlink_to(data / "slides/colorectal-mosaic.tif")
    (tmp_path / "a.geojson").write_text(content)
    with pytest.raises(DataError, match=r"a\.geojson") as caught:
        load_dataset(tmp_path)
    assert caught.value.code == "bad_geojson"


def test_a_missing_slide_is_named(tmp_path):
    (tmp_path / "a.geojson").write_text('{"features": []}')
    with pytest.raises(DataError) as caught:
        load_dataset(tmp_path)
    assert caught.value.code == "no_slide"


def test_a_slide_that_is_none_is_named(tmp_path):
    (tmp_path / "a.geojson").write_text('{"features": []}')
    (tmp_path / "a.tif").write_text("no slide")
    with pytest.raises(DataError, match=r"a\.tif"):
        load_dataset(tmp_path)


def test_an_empty_folder_says_what_was_looked_for(tmp_path):
    with pytest.raises(DataError, match="class folders"):
        load_dataset(tmp_path)
    with pytest.raises(DataError):
        load_dataset(tmp_path / "nowhere")


def test_an_image_that_is_none_is_named(tmp_path):
    (tmp_path / "a.png").write_text("no image")
    for read in (read_image, read_instances):
        with pytest.raises(DataError, match=r"a\.png"):
            read(tmp_path / "a.png")


def fake(counts):
    images = [
        LabelledImage(None, f"{label}{number}", label)
        for label, count in counts.items()
        for number in range(count)
    ]
    return Dataset(tuple(counts), images=tuple(images))


def test_each_part_gets_its_share_of_each_label():
    dataset = split_dataset(fake({"a": 100, "b": 10}), 1)
    counts = Counter((image.label, dataset.parts[image.case]) for image in dataset.images)
    assert [counts["a", part] for part in ("train", "validation", "test")] == [60, 20, 20]
    assert [counts["b", part] for part in ("train", "validation", "test")] == [6, 2, 2]


def test_a_split_depends_on_the_seed_and_never_moves_what_is_split():
    dataset = fake({"a": 50})
    assert split_dataset(dataset, 1).parts == split_dataset(dataset, 1).parts
    assert split_dataset(dataset, 1).parts != split_dataset(dataset, 2).parts
    fixed = Dataset(dataset.labels, images=dataset.images, parts={"a0": "test", "a1": "train"})
    parts = split_dataset(fixed, 3).parts
    assert (parts["a0"], parts["a1"]) == ("test", "train")


def test_an_impossible_split_is_refused():
    with pytest.raises(DataError):
        split_dataset(fake({"a": 5}), 0, {"train": -1.0})


def test_a_stored_split_is_for_the_same_data_only(data, tmp_path):
    whole = load_dataset(data / "nuclei/dsb2018")
    dataset = split_dataset(whole, 4)
    write_split(tmp_path, dataset)
    assert with_stored_split(tmp_path, whole).parts == dataset.parts
    fewer = Dataset(whole.labels, images=whole.images[1:])
    assert with_stored_split(tmp_path, fewer) is None
    assert dataset_identity(whole) != dataset_identity(fewer)
    assert json.loads((tmp_path / "split.json").read_text())["split_by"] == "case"


def test_stains_there_and_back(data):
    tile = read_image(min((data / "tiles/colorectal/normal").iterdir()))
    back = join_stains(separate_stains(tile))
    assert np.abs(back.astype(int) - np.maximum(tile, 1)).max() <= 1


def test_the_symmetries_are_eight_and_the_stain_varies(data):
    image = np.arange(12).reshape(3, 4)
    assert (
        len(
            {turn(image, number).tobytes() + bytes(turn(image, number).shape) for number in range(SYMMETRIES)}
        )
        == 8
    )
    tile = read_image(min((data / "tiles/colorectal/normal").iterdir()))
    one = vary_stain(tile, np.random.default_rng(1))
    assert not np.array_equal(one, tile)
    np.testing.assert_array_equal(one, vary_stain(tile, np.random.default_rng(1)))
