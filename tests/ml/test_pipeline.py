"""Reading ahead in other processes, resuming after a kill, and several processes on one slide."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial

import numpy as np
import pytest
from safetensors.numpy import load_file

from ml.__main__ import main
from ml.contracts import Bounds, CancelledError, Context, DataError
from ml.data import workers
from ml.data.squares import Squares, gathered, read_patches, read_views
from ml.inference.network_predictor import NetworkPredictor
from ml.inference.window_network import WindowNetwork
from ml.inference.writing import write_prediction
from ml.methods.loading import load_model, load_recipe_class
from ml.objectset import ObjectSet
from ml.slides import SlideError, open_slide, write_phantom
from ml.slides.stains import normalised
from tests.ml.materials.patch_material import drawn, shades

ONE, TWO = (
    [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}", "-m", "ml"]
    for count in (1, 2)
)
# Does what the terminal does, and dies when half of the slide is done.
DIES = """
import os, signal, sys, ml.__main__ as terminal
context = terminal._context
def dying(options, scratch, seed):
    made = context(options, scratch, seed)
    def report(progress, message):
        if progress > 0.5:
            os.kill(os.getpid(), signal.SIGKILL)
    return terminal.replace(made, report=report)
terminal._context = dying
terminal.main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def slide(tmp_path_factory):
    path = tmp_path_factory.mktemp("slides") / "phantom.tif"
    write_phantom(path, width=1536, height=1024, seed=5)
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Untrained models: of patches, of objects and of regions."""
    folder = tmp_path_factory.mktemp("models")
    patches = load_recipe_class("residual").build(("a", "b"), {"patch": 32, "stride": 32, "width": 4})
    network = patches.parts.predictor.network
    network.current = network.fresh(0).eval()
    patches.save(folder / "patches")
    for name, recipe in (("objects", "points"), ("regions", "unet")):
        made = load_recipe_class(recipe).build(("a", "b"), {"width": 4, "tile": 128, "mpp": 1.0})
        network = made.parts.network if name == "regions" else made.parts.network.network
        network.current = network.fresh(0).eval()
        made.facts = {"threshold": 0.0}
        made.save(folder / name)
    return folder


def everything(folder):
    """Return all files of a prediction as bytes."""
    return {
        f"{path.relative_to(folder)}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def overlapping(reader, side):
    places = [
        (x, y) for y in range(-20, reader.height, side) for x in range(-20, reader.width, side * 2 // 3)
    ]
    return Squares(np.array(places), side)


@pytest.mark.parametrize("pixels", [96, 41])
@pytest.mark.parametrize("count", [0, 2])
def test_blocks_hold_the_same_pixels_as_single_reads(slide, pixels, count):
    with open_slide(slide) as reader:
        squares = overlapping(reader, 96)
        boxes = [Bounds(int(x), int(y), 96, 96) for x, y in squares.corners]
        single = np.stack([reader.read(bounds, (pixels, pixels)) for bounds in boxes])
        gathered_pixels, seen = np.zeros_like(single), []
        for which, patches in read_patches(reader, squares, pixels, workers=count):
            gathered_pixels[which] = patches
            seen += which.tolist()
    assert sorted(seen) == list(range(len(squares)))
    np.testing.assert_array_equal(gathered_pixels, single)


def test_another_process_sees_the_resolution_stain_and_views_that_this_one_does(slide):
    with open_slide(slide) as reader:
        reader.mpp = 1.5
        stain_normalised = normalised(reader, "macenko")
        both = partial(read_views, stain_normalised, overlapping(reader, 256), 32, (1, 2))
        here, there = ({int(which[0]): views.copy() for which, views in both(workers=n)} for n in (0, 2))
    assert here.keys() == there.keys()
    assert all(np.array_equal(here[number], there[number]) for number in here)


def test_blocks_are_put_together_for_those_that_take_more_at_once():
    ring = np.zeros((4, 1, 1, 3), np.uint8)

    def blocks():
        for start in range(0, 14, 4):
            which = np.arange(start, min(start + 4, 14))
            ring[: len(which)] = which[:, None, None, None]
            yield which, ring[: len(which)]

    for least, sizes in ((1, [4, 4, 4, 2]), (4, [4, 4, 4, 2]), (5, [8, 6]), (99, [14])):
        merged = [(which, pixels[:, 0, 0, 0].copy()) for which, pixels in gathered(blocks(), least)]
        assert [len(which) for which, _ in merged] == sizes
        for which, pixels in merged:
            np.testing.assert_array_equal(which, pixels)
        np.testing.assert_array_equal(np.concatenate([which for which, _ in merged]), np.arange(14))


def test_neighbours_are_decoded_once(slide):
    with open_slide(slide) as reader:
        decoded, fetch = [], reader._source.fetch

        def counted(level, box):
            decoded.append((box[2] - box[0]) * (box[3] - box[1]))
            return fetch(level, box)

        reader._source.fetch = counted
        places = np.array([(x, y) for y in range(0, 512, 16) for x in range(0, 512, 16)])
        for _ in read_patches(reader, Squares(places, 64), 64):
            pass
    assert sum(decoded) < 0.3 * len(places) * 64**2


def in_a_daemon(path, answers):
    with open_slide(path) as reader:
        stream = read_patches(reader, overlapping(reader, 96), 96, workers=1)
        answers.send(sum(len(which) for which, _ in stream))


def test_a_process_that_may_have_no_children_can_read_ahead_too(slide):
    """Celery workers are such processes."""
    forking = multiprocessing.get_context("fork")
    ours, theirs = forking.Pipe()
    process = forking.Process(target=in_a_daemon, args=(slide, theirs), daemon=True)
    process.start()
    try:
        assert ours.poll(20)
        assert ours.recv() > 100
    finally:
        process.kill()
        process.join()


def test_an_error_in_a_worker_is_raised_in_the_parent(tmp_path, slide, monkeypatch):
    broken = tmp_path / "broken.tif"
    content = bytearray(slide.read_bytes())
    with open_slide(slide) as whole:
        squares = overlapping(whole, 96)
    content[2000 : len(content) // 2] = bytes(len(content) // 2 - 2000)
    broken.write_bytes(content)
    with (
        open_slide(broken) as reader,
        pytest.raises(SlideError, match=r"broken\.tif could not be read") as bad,
    ):
        list(read_patches(reader, squares, 96, workers=2))
    assert bad.value.code == "unreadable"
    started = []
    start = subprocess.Popen
    monkeypatch.setattr(
        workers.subprocess, "Popen", lambda *a, **k: started.append(start(*a, **k)) or started[-1]
    )
    with open_slide(slide) as reader:
        stream = read_patches(reader, squares, 96, block=8, workers=2)
        next(stream)
        started[0].kill()
        with pytest.raises(DataError, match="code -9"):
            list(stream)
    assert all(process.poll() is not None for process in started)


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(models, slide, tmp_path, monkeypatch):
    words = ["predict", f"{models / 'patches'}", f"{slide}", "--out"]
    died = subprocess.run([sys.executable, "-c", DIES, *words, f"{tmp_path / 'two'}"], check=False)
    assert died.returncode == -signal.SIGKILL
    (blocks,) = (tmp_path / "two").glob(".blocks-*/*.blocks")
    with blocks.open("ab") as torn:
        torn.write(os.urandom(100))
    judged = []
    judge = NetworkPredictor.judge
    monkeypatch.setattr(NetworkPredictor, "judge", lambda me, rows: judged.append(1) or judge(me, rows))
    assert main([*words, f"{tmp_path / 'two'}"]) == 0
    left = len(judged)
    assert main([*words, f"{tmp_path / 'one'}"]) == 0
    assert 0 < left < 0.6 * (len(judged) - left)
    assert everything(tmp_path / "two") == everything(tmp_path / "one")
    assert ObjectSet(tmp_path / "one" / "objects").manifest.count > 500


@pytest.mark.parametrize("kind", ["patches", "objects", "regions"])
@pytest.mark.parametrize("way", ["goes on", "is shared"])
def test_blocks_of_other_runs_are_put_together(models, slide, tmp_path, monkeypatch, kind, way):
    recipe, out = load_model(models / kind), tmp_path / "out"

    def written(name, **more):
        context = Context(0, tmp_path / name, features=tmp_path / "features", **more)
        with open_slide(slide) as reader:
            write_prediction(recipe, recipe.labels, reader, tmp_path / name, context)

    def stopping(progress, _message):
        if progress > 0.4:
            raise CancelledError

    looks, judge = [], NetworkPredictor.judge
    if kind == "patches":
        monkeypatch.setattr(NetworkPredictor, "judge", lambda me, rows: looks.append(1) or judge(me, rows))
    else:
        look = WindowNetwork.look
        monkeypatch.setattr(WindowNetwork, "look", lambda me, rows: looks.append(1) or look(me, rows))
    written("whole")
    all_looks = len(looks)
    for how in [{"report": stopping}] if way == "goes on" else [{"share": (0, 2)}, {"share": (1, 2)}]:
        looks.clear()
        with suppress(CancelledError):
            written(f"part {how.get('share')}", blocks=out, **how)
        assert 0 < len(looks) < all_looks
    looks.clear()
    written("joined", blocks=out)
    assert len(looks) == 0 if way == "is shared" else 0 < len(looks) < all_looks
    assert everything(tmp_path / "joined") == everything(tmp_path / "whole")


def test_two_processes_find_what_one_finds(models, slide, tmp_path):
    words = ["predict", f"{models / 'patches'}", f"{slide}", "--out"]
    assert main([*words, f"{tmp_path / 'one'}"]) == 0
    subprocess.run([*TWO, *words, f"{tmp_path / 'two'}"], check=True, capture_output=True)
    assert everything(tmp_path / "two") == everything(tmp_path / "one")


def test_two_processes_train_one_network(tmp_path):
    dataset = drawn(tmp_path / "images", shades, ("dark", "light"), per_class=30)
    data = tmp_path / "data"
    for image in dataset.images:
        (data / image.label).mkdir(parents=True, exist_ok=True)
        image.path.rename(data / image.label / image.path.name)
    settings = [
        word
        for pair in ("width=4", "units=8", "patch=32", "stride=32", "epochs=4", "batch=8")
        for word in ("--set", pair)
    ]
    words = ["fit", "residual", "--data", f"{data}", *settings, "--out"]
    for name, launch in (("alone of its group", ONE), ("two", TWO)):
        subprocess.run([*launch, *words, f"{tmp_path / name}"], check=True, capture_output=True)
    assert main([*words, f"{tmp_path / 'one'}"]) == 0
    assert everything(tmp_path / "alone of its group") == everything(tmp_path / "one")
    one, two = (load_file(tmp_path / name / "weights.safetensors") for name in ("one", "two"))
    assert any(not np.array_equal(one[name], two[name]) for name in one)
