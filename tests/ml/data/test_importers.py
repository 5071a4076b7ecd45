"""Public data sets, as small files of the same formats, become folders that ``fit`` reads."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image

from ml.__main__ import main
from ml.data import load_dataset
from ml.data.folders.images import read_image
from ml.data.importers.patches import PANNUKE
from ml.data.importers.slides import RADBOUD
from ml.data.objects import outlined_images
from ml.data.regions import region_images
from ml.slides import write_phantom
from ml.storage.model_folder import read_model


@pytest.fixture
def source(tmp_path):
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    path = tmp_path_factory.mktemp("phantom") / "slide.tif"
    write_phantom(path, width=256, height=256, seed=1)
    return path.read_bytes()


def bring(name, source, tmp_path, status=0):
    out = tmp_path / "out"
    assert main(["run", "importers", name, f"{source}", "--out", f"{out}"]) == status
    assert out.is_dir() == (status == 0)
    return out


def tile(path, value=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((32, 32, 3), value, np.uint8)).save(path)


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_breakhis_keeps_each_patient_in_one_part(source, tmp_path):
    for patient in range(6):
        for number in range(2):
            kind, word = ("B", "benign") if patient % 2 else ("M", "malignant")
            folder = source / "histology_slides" / word / "SOB" / "x" / "40X"
            tile(folder / f"SOB_{kind}_TA-14-{4000 + patient}AB-40-00{number}.png")
    out = bring("breakhis", source, tmp_path)
    parts_of = {}
    for name in files(out):
        part, zoom, kind, file = name.split("/")
        assert (zoom, kind) == ("40x", {"B": "benign", "M": "malignant"}[file[4]])
        parts_of.setdefault(file.split("-")[2], set()).add(part)
    assert len(parts_of) == 6
    assert all(len(parts) == 1 for parts in parts_of.values())
    assert set.union(*parts_of.values()) == {"train", "validation", "test"}
    assert len(load_dataset(out / "train" / "40x").images) == 8


@pytest.mark.parametrize("patients", [False, True])
def test_bach_is_split_only_where_patients_are_known(patients, source, tmp_path):
    rows = ["image,patient"]
    for kind in ("Benign", "InSitu", "Invasive", "Normal"):
        for number in range(3):
            tile(source / "Photos" / kind / f"{kind}{number}.tif")
            rows.append(f"{kind}{number}.tif,p{number}")
    if patients:
        (source / "patients.csv").write_text("\n".join(rows))
    out = bring("bach", source, tmp_path)
    parts = {path.name for path in out.iterdir()}
    assert parts == ({"train", "validation", "test"} if patients else {"all"})
    for part in parts:
        dataset = load_dataset(out / part)
        assert dataset.labels == ("benign", "in situ", "invasive", "normal")


def test_nct_crc_he_keeps_its_own_test_part(source, tmp_path):
    for folder in ("NCT-CRC-HE-100K", "CRC-VAL-HE-7K"):
        for kind in ("ADI", "TUM"):
            tile(source / folder / kind / f"{kind}-{folder[:3]}.tif")
    out = bring("nct-crc-he", source, tmp_path)
    assert files(out) == {"train/ADI/ADI-NCT.tif", "train/TUM/TUM-NCT.tif", "test/ADI/ADI-CRC.tif",
                          "test/TUM/TUM-CRC.tif"}  # fmt: skip
    assert load_dataset(out / "train").labels == ("ADI", "TUM")


def test_pcam(source, tmp_path):
    h5py = pytest.importorskip("h5py")
    for part, count in (("train", 4), ("valid", 2)):
        pixels = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 96, 96, 3), np.uint8)
        with h5py.File(source / f"camelyonpatch_level_2_split_{part}_x.h5", "w") as file:
            file["x"] = pixels
        with h5py.File(source / f"camelyonpatch_level_2_split_{part}_y.h5", "w") as file:
            file["y"] = (np.arange(count, dtype=np.uint8) % 2)[:, None, None, None]
    out = bring("pcam", source, tmp_path)
    assert files(out / "train") == {"normal/000000.png", "normal/000002.png", "tumour/000001.png",
                                    "tumour/000003.png"}  # fmt: skip
    assert read_image(out / "train/tumour/000003.png").tolist() == np.full((96, 96, 3), 3).tolist()
    assert len(load_dataset(out / "validation").images) == 2


def test_pcam_without_hdf5_says_what_to_install(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    (source / "x_split_train_x.h5").touch()
    bring("pcam", source, tmp_path, 2)
    assert "coverslip[hdf5]" in capsys.readouterr().err


def test_pannuke_numbers_its_nuclei_anew(source, tmp_path):
    masks = np.zeros((2, 64, 64, 6))
    masks[:, 5:15, 5:15, 0] = 1
    masks[:, 30:40, 30:40, 3] = 1
    (source / "Fold 2" / "images" / "fold2").mkdir(parents=True)
    (source / "Fold 2" / "masks" / "fold2").mkdir(parents=True)
    np.save(source / "Fold 2/images/fold2/images.npy", np.full((2, 64, 64, 3), 200.0))
    np.save(source / "Fold 2/masks/fold2/masks.npy", masks)
    out = bring("pannuke", source, tmp_path)
    dataset = load_dataset(out / "fold2")
    assert len(dataset.images) == 2
    labels = np.asarray(Image.open(out / "fold2/labels/00000.png"))
    types = np.asarray(Image.open(out / "fold2/types/00000.png"))
    assert (labels[10, 10], labels[35, 35], labels[0, 0]) == (1, 2, 0)
    assert (types[10, 10], types[35, 35]) == (1, 4)


def test_the_kinds_of_pannuke_reach_what_learns_from_them(source, tmp_path):
    random = np.random.default_rng(0)
    masks = np.zeros((10, 64, 64, 6))
    masks[:, 5:15, 5:15, 0] = 1
    masks[:, 30:40, 30:40, 3] = 1
    masks[:, 50:60, 5:15, 3] = 2
    np.save(source / "images.npy", random.integers(0, 255, (10, 64, 64, 3)))
    np.save(source / "masks.npy", masks)
    folder = bring("pannuke", source, tmp_path) / "fold1"
    dataset = load_dataset(folder)
    assert dataset.labels == PANNUKE
    for item in outlined_images(dataset, ("all",), None):
        assert [PANNUKE[kind] for kind in item.classes[1:]] == ["neoplastic", "dead", "dead"]
        assert item.valid.all()
    # Of a model that knows fewer labels, the others are neither objects nor background.
    fewer = outlined_images(replace(dataset, labels=("dead",)), ("all",), None)[0]
    assert (len(fewer.classes) - 1, fewer.instances.max(), int((~fewer.valid).sum())) == (2, 2, 100)
    fits("nuclei", folder, tmp_path, PANNUKE)


def fits(recipe, folder, tmp_path, labels):
    few = [word for pair in ("steps=1", "width=8", "crop=64") for word in ("--set", pair)]
    assert main(["fit", recipe, "--data", f"{folder}", "--out", f"{tmp_path / 'model'}", *few]) == 0
    assert read_model(tmp_path / "model").labels == tuple(labels)
    assert main(["evaluate", f"{tmp_path / 'model'}", "--data", f"{folder}", "--part", "all"]) == 0


def test_a_number_without_a_name_is_told(source, tmp_path, capsys):
    (source / "images").mkdir()
    (source / "labels").mkdir()
    Image.effect_noise((64, 64), 50).save(source / "images/a.png")
    Image.new("L", (64, 64), 3).save(source / "labels/a.png")
    for names, words in (('["none", "one"]', "the number 3"), ('{"one": 1}', "must list names")):
        (source / "classes.json").write_text(names)
        assert main(["fit", "unet", "--data", f"{source}", "--out", f"{tmp_path / 'model'}"]) == 2
        assert words in capsys.readouterr().err


def test_an_array_of_objects_is_never_unpickled(source, tmp_path, capsys):
    np.save(source / "images.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(source / "masks.npy", np.zeros((1, 4, 4, 6)))
    bring("pannuke", source, tmp_path, 2)
    assert "images.npy" in capsys.readouterr().err


ASAP = (
    "<ASAP_Annotations><Annotations>{}</Annotations></ASAP_Annotations>",
    '<Annotation Name="a" Type="Polygon" PartOfGroup="{}"><Coordinates>{}</Coordinates></Annotation>',
)  # fmt: skip


def asap(*rows):
    def ring(low, high):
        corners = ((low, low), (high, low), (high, high), (low, high))
        return "".join(f'<Coordinate Order="{n}" X="{x}" Y="{y}"/>' for n, (x, y) in enumerate(corners))

    return ASAP[0].format("".join(ASAP[1].format(group, ring(low, high)) for group, low, high in rows))


def test_camelyon16(source, tmp_path, phantom):
    for name in ("normal_001", "normal_002", "tumor_001", "tumor_002", "test_001"):
        (source / f"{name}.tif").write_bytes(phantom + name.encode())
    (source / "tumor_001.xml").write_text(asap(("_0", 10, 110), ("_2", 20, 40)))
    (source / "reference.csv").write_text("test_001,Tumor,IDC,Macro\n")
    out = bring("camelyon16", source, tmp_path)
    parts = {path.name for path in out.iterdir()}
    assert parts == {"train", "validation", "test", "test-of-the-set", "outlines"}
    [slide] = load_dataset(out / "test-of-the-set").slides
    assert (slide.label, slide.case) == ("tumour", "test_001")
    outlined = {slide.case: slide for slide in load_dataset(out / "outlines").slides}
    # A tumour slide without outlines is left out: nothing on it may pass for normal.
    assert set(outlined) == {"normal_001", "normal_002", "tumor_001"}
    [shape] = outlined["tumor_001"].shapes
    assert (shape.label, shape.geometry.area) == ("Tumor", 100 * 100 - 20 * 20)


def test_camelyon17_splits_by_patient(source, tmp_path, phantom):
    rows = ["patient,stage"]
    for patient in range(4):
        rows.append(f"patient_0{patient}0.zip,pN{patient % 2}")
        for node in range(2):
            name = f"patient_0{patient}0_node_{node}"
            rows.append(f"{name}.tif,{'macro' if node else 'negative'}")
            (source / f"{name}.tif").write_bytes(phantom + name.encode())
    (source / "stages.csv").write_text("\n".join(rows))
    (source / "patient_010_node_1.xml").write_text(asap(("metastases", 10, 60)))
    out = bring("camelyon17", source, tmp_path)
    cases = {
        part: {slide.case for slide in load_dataset(out / part).slides}
        for part in ("train", "validation", "test")
    }
    assert sum(map(len, cases.values())) == len(set.union(*cases.values())) == 4
    every = [slide for part in cases for slide in load_dataset(out / part).slides]
    assert {slide.label for slide in every} == {"macro", "negative"}
    assert {slide.clinical["pn_stage"] for slide in every} == {"pN0", "pN1"}
    outlined = load_dataset(out / "outlines")
    assert outlined.labels == ("Tumor",)
    assert len(outlined.slides) == 5


def test_huncrc(source, tmp_path, phantom):
    rows = ["slide,category"]
    for number in range(4):
        rows.append(f"{number:03d}.tif,{'CRC' if number % 2 else 'normal'}")
        (source / f"{number:03d}.tif").write_bytes(phantom + b"%d" % number)
    (source / "slides.csv").write_text("\n".join(rows))
    record = {"label": "adenocarcinoma", "points": [[0, 0], [50, 0], [50, 50]]}
    (source / "001.json").write_text(json.dumps({"annotations": [record]}))
    out = bring("huncrc", source, tmp_path)
    labels = {
        slide.label for part in ("train", "validation", "test") for slide in load_dataset(out / part).slides
    }
    assert labels == {"CRC", "normal"}
    [slide] = load_dataset(out / "outlines").slides
    assert [(shape.label, shape.geometry.area) for shape in slide.shapes] == [("adenocarcinoma", 1250)]


def test_panda(source, tmp_path, phantom):
    rows = ["image_id,data_provider,isup_grade,gleason_score"]
    levels = [np.full((side, side, 3), 230, np.uint8) for side in (128, 32)]
    for number, centre in enumerate(("radboud", "karolinska", "radboud")):
        rows.append(f"id{number},{centre},{number},3+3")
        write_pyramid(source / "train_images" / f"id{number}.tiff", levels, number)
        mask = [np.zeros((side, side, 3), np.uint8) for side in (128, 32)]
        for level in mask:
            level[: len(level) // 2, :, 0] = 5 if centre == "radboud" else 2
        write_pyramid(source / "train_label_masks" / f"id{number}_mask.tiff", mask, 0)
    (source / "train.csv").write_text("\n".join(rows))
    out = bring("panda", source, tmp_path)
    labels = {
        slide.label for part in ("train", "validation", "test") for slide in load_dataset(out / part).slides
    }
    assert labels == {"ISUP 0", "ISUP 1", "ISUP 2"}
    assert len(load_dataset(out / "masks/radboud").images) == 2
    mask = np.asarray(Image.open(out / "masks/radboud/labels/id0.png"))
    assert (mask.shape, mask[0, 0], mask[-1, 0]) == ((32, 32), 5, 0)
    [image] = region_images(load_dataset(out / "masks/karolinska"), ("all",), None)
    assert np.unique(image.classes).tolist() == [0, 2]


def test_the_classes_of_panda_reach_what_learns_from_them(source, tmp_path):
    rows, random = ["image_id,data_provider,isup_grade,gleason_score"], np.random.default_rng(0)
    for number in range(10):
        rows.append(f"id{number},radboud,{number % 6},3+3")
        levels = [random.integers(0, 255, (side, side, 3), np.uint8) for side in (256, 64)]
        write_pyramid(source / "train_images" / f"id{number}.tiff", levels, number)
        mask = [np.zeros((side, side, 3), np.uint8) for side in (256, 64)]
        for level in mask:
            level[: len(level) // 2, :, 0] = 5
            level[:, : len(level) // 4, 0] = 1
        write_pyramid(source / "train_label_masks" / f"id{number}_mask.tiff", mask, 0)
    (source / "train.csv").write_text("\n".join(rows))
    folder = bring("panda", source, tmp_path) / "masks/radboud"
    dataset = load_dataset(folder)
    assert dataset.labels == RADBOUD[1:]
    for item in region_images(dataset, ("all",), None):
        assert (item.classes[0, 63], item.classes[0, 0], item.classes[63, 63]) == (5, 1, 0)
    fits("unet", folder, tmp_path, RADBOUD[1:])


def write_pyramid(path, levels, number):
    path.parent.mkdir(exist_ok=True)
    levels[0][0, 0, 0] = number
    with tifffile.TiffWriter(path) as file:
        file.write(levels[0], tile=(16, 16), photometric="rgb", subifds=1)
        file.write(levels[1], tile=(16, 16), photometric="rgb", subfiletype=1)


@pytest.mark.parametrize(
    "name",
    ["bach", "breakhis", "camelyon16", "camelyon17", "huncrc", "nct-crc-he", "panda", "pannuke", "pcam"],
)
def test_an_empty_folder_is_told_and_leaves_nothing(name, source, tmp_path, capsys):
    bring(name, source, tmp_path, 2)
    assert f"{source} holds no" in capsys.readouterr().err
