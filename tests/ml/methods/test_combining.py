"""Recipes that combine several models: voting, stacking, ensembles, mutual learning, referral."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from ml.contracts import Context, DataError, Dataset, LabelledSlide
from ml.evaluation.referral import (
    Thresholds,
    combine_inner,
    combine_outer,
    inner_thresholds,
    slide_answers,
    youden,
)
from ml.features.patch_sampler import PatchSampler
from ml.methods.bases.members import MemberReader, parse_members
from ml.methods.loading import load_model, load_recipe_class
from ml.networks.mutual import FusedPair, Peers, divergence
from ml.slides import open_slide
from ml.training.logistic import CAUTION, fit_temperature
from tests.ml.materials.material import mosaic_halves
from tests.ml.materials.patch_material import drawn, same_weights, shades

PATCH = {"patch": 32, "stride": 32}
NET = {**PATCH, "pixels": 32, "epochs": 3, "encoder": "small"}
TWO = "descriptors, convolutional(encoder=small; epochs=2; pixels=32)"
HEAD = {**PATCH, "hidden": 16, "epochs": 12, "batch": 16}
ALL = {
    "voting": {**PATCH, "members": TWO},
    "stacking": {**PATCH, "members": TWO, "folds": 2},
    "ensemble": {**HEAD, "members": 3},
    "uncertainty": HEAD,
    "mutual": {**NET, "members": 3},
    "omkt": {**NET, "second": "small", "warm_up": 1},
}


@pytest.fixture
def three(tmp_path):
    return drawn(tmp_path / "images", shades, ("dark", "mid", "light"))


def fitted(name, dataset, context, **config):
    recipe = load_recipe_class(name).build(dataset.labels, config)
    recipe.fit(dataset, context)
    return recipe


@pytest.mark.parametrize("name", ALL)
def test_it_learns_repeats_itself_and_is_saved_whole(name, three, context, tmp_path):
    first = fitted(name, three, dataclasses.replace(context, scratch=tmp_path / "a"), **ALL[name])
    second = fitted(name, three, dataclasses.replace(context, scratch=tmp_path / "b"), **ALL[name])
    assert same_weights(first, second, tmp_path)
    evaluation = first.evaluate(three, context)
    after = load_model(tmp_path / "one").evaluate(three, context)
    np.testing.assert_array_equal(evaluation.outcomes["probability"], after.outcomes["probability"])
    assert evaluation.metrics["auc"].value > 0.9
    np.testing.assert_allclose(evaluation.outcomes["probability"].sum(axis=1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("name", ["voting", "ensemble", "uncertainty", "omkt"])
def test_it_fills_the_maps_of_a_slide(name, data, context):
    dataset = mosaic_halves(data)
    recipe = fitted(
        name,
        dataset,
        context,
        **{**ALL[name], "patch": 448, "stride": 448, "epochs": 1}
        if "epochs" in ALL[name]
        else {**ALL[name], "patch": 448, "stride": 448},
    )
    with open_slide(dataset.slides[0].path) as reader:
        last = list(recipe.predict(reader, context))[-1]
    assert last.progress == 1.0
    total = sum(grid.values for grid in last.heat_maps[:-1])
    np.testing.assert_allclose(total[~np.isnan(total)], 1.0, rtol=1e-4)


# Members


def test_members_are_read_from_a_line():
    members = parse_members("descriptors(penalty=2), convolutional(encoder=small; epochs=3), model:liver 7")
    assert [item.recipe for item in members] == ["descriptors", "convolutional", ""]
    assert members[1].settings == {"encoder": "small", "epochs": 3}
    assert members[2].model == "liver 7"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("descriptors", "bad_config"),
        ("descriptors, magic", "unknown_recipe"),
        ("descriptors, residual(wings=2)", "bad_config"),
        ("descriptors, nuclei", "bad_config"),
        ("descriptors, voting", "bad_config"),
    ],
)
def test_members_that_there_are_not_are_refused_at_once(text, code):
    with pytest.raises(DataError) as caught:
        load_recipe_class("voting").build(("a", "b"), {"members": text})
    assert caught.value.code == code


def test_earlier_models_vote_and_must_see_the_same_patches(three, context, tmp_path):
    inner = fitted("descriptors", three, context, **PATCH)
    inner.save(tmp_path / "one")
    members = f"model:{tmp_path / 'one'}, model:{tmp_path / 'one'}"
    recipe = fitted("voting", three, context, **PATCH, members=members, weights="equal")
    alone = inner.evaluate(three, context).outcomes["probability"].argmax(axis=1)
    np.testing.assert_array_equal(
        recipe.evaluate(three, context).outcomes["probability"].argmax(axis=1), alone
    )
    assert recipe.facts["weights"] == [0.5, 0.5]
    with pytest.raises(DataError, match="Set patch to 32"):
        fitted("voting", three, context, patch=64, stride=32, members=members)
    with pytest.raises(DataError, match="name recipes"):
        fitted("stacking", three, context, **PATCH, members=members)


def test_a_model_around_another_votes_with_the_patches_of_that_one(three, context, tmp_path):
    fitted("descriptors", three, context, **PATCH).save(tmp_path / "one")
    fitted("tta", three, context, source=str(tmp_path / "one")).save(tmp_path / "around")
    members = f"model:{tmp_path / 'one'}, model:{tmp_path / 'around'}"
    recipe = fitted("voting", three, context, **PATCH, members=members, weights="equal")
    assert recipe.evaluate(three, context).metrics["auc"].value > 0.9
    with pytest.raises(DataError, match="Set patch to 32"):
        fitted("voting", three, context, patch=64, stride=32, members=members)


def test_voting_trusts_the_member_that_does_better(three, context):
    members = "descriptors, residual(width=4; units=1; epochs=1; pixels=32)"
    recipe = fitted("voting", three, context, **PATCH, members=members)
    assert recipe.facts["weights"][0] > 0.6


def test_stacking_learns_only_from_cases_that_members_did_not_see(three, context, monkeypatch):
    recipe = load_recipe_class("stacking").build(three.labels, {**PATCH, "members": TWO, "folds": 2})
    seen, told = [], []
    train, said = recipe.members.train, PatchSampler.gather

    def watch_train(dataset, *rest):
        seen.append({unit for unit, part in dataset.parts.items() if part == "train"})
        return train(dataset, *rest)

    def watch_said(sampler, dataset, run, parts):
        table = said(sampler, dataset, run, parts)
        if isinstance(sampler.reader, MemberReader):
            told.append(set(table.units))
        return table

    monkeypatch.setattr(recipe.members, "train", watch_train)
    monkeypatch.setattr(PatchSampler, "gather", watch_said)
    recipe.fit(three, context)
    everyone = {unit for unit, part in three.parts.items() if part == "train"}
    assert told[0] | told[1] == everyone
    for trained, asked in zip(seen, told, strict=False):
        assert not trained & asked
    assert seen[-1] == everyone


# Mutual teaching


def test_divergence_is_kullback_leibler_and_teaches_the_learner_alone():
    learner = torch.tensor([[0.0, 1.0]], requires_grad=True)
    teacher = torch.tensor([[2.0, 0.0]], requires_grad=True)
    p, q = teacher.softmax(1), learner.softmax(1)
    torch.testing.assert_close(divergence(learner, teacher), (p * (p / q).log()).sum(1))
    divergence(learner, teacher, 3.0).sum().backward()
    assert learner.grad is not None
    assert teacher.grad is None
    assert float(divergence(teacher.detach(), teacher, 3.0).detach()) == pytest.approx(0.0, abs=1e-6)


def test_peers_answer_together_or_one_for_all():
    network = Peers(["small", "small"], 3, "mean").eval()
    pixels = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        both = network.each(pixels).softmax(dim=2).mean(dim=0)
        torch.testing.assert_close(network(pixels).exp(), both)
        network.answer = "first"
        torch.testing.assert_close(network(pixels).exp(), network.members[0](pixels).softmax(dim=1))


def test_fused_features_lie_between_both_networks(three, context):
    pair = FusedPair("small", "small", 3).eval()
    with torch.inference_mode():
        first, second = torch.rand(4, 64), torch.rand(4, 64)
        fused = pair.fuse(first, second)
        ends = torch.stack([pair.project[0](first), pair.project[1](second)])
    assert (fused >= ends.amin(dim=0) - 1e-5).all()
    assert (fused <= ends.amax(dim=0) + 1e-5).all()
    recipe = fitted("omkt", three, context, **ALL["omkt"])
    fitting = recipe.parts.fitting
    learned, _ = fitting.sampler.material(three, context)
    assert int(recipe.parts.predictor.network.fitted().seen) > fitting.trainer.warm_up(learned) > 0


# Referral


def test_youden_finds_the_best_border():
    score = np.array([0.1, 0.2, 0.3, 0.7, 0.8])
    assert youden(np.array([False, False, False, True, True]), score) == 0.7
    assert youden(np.array([False, True, False, True, True]), score) == 0.7
    assert np.isnan(youden(np.ones(3, bool), score[:3]))


def test_thresholds_of_a_fold_part_the_wrong_from_the_right():
    truth = np.array([0, 0, 0, 1, 1, 1], np.int16)
    second = np.array([0.1, 0.2, 0.9, 0.8, 0.9, 0.95])
    probability = np.stack([1 - second, second], axis=1)
    doubt = np.array([0.01, 0.02, 0.3, 0.02, 0.01, 0.02])
    units = np.array(["a", "a", "b", "c", "c", "c"])
    thresholds = inner_thresholds(truth, probability, doubt, units)
    assert thresholds.patch == 0.3
    assert thresholds.patch_positive == 0.8
    slides = slide_answers(truth, probability, doubt, units, thresholds.patch)
    assert slides.left.tolist() == [2, 0, 3]
    assert slides.truth.tolist() == [0, 0, 1]
    assert slides.sure(np.inf).tolist() == [True, False, True]
    np.testing.assert_allclose(slides.probability[0, 1], 0.15)


def test_folds_are_joined_by_least_greatest_and_mean():
    folds = [
        Thresholds(0.2, 0.1, 0.4, 0.5),
        Thresholds(0.3, 0.4, 0.6, 0.7),
        Thresholds(np.nan, np.nan, 0.5, 0.6),
    ]
    inner = combine_inner(folds)
    assert (inner.patch, inner.slide) == (0.2, 0.4)
    assert inner.patch_positive == pytest.approx(0.5)
    nothing = combine_inner([folds[2]])
    outer = combine_outer([inner, Thresholds(0.4, 0.2, 0.5, 0.6), nothing])
    assert outer.patch == pytest.approx(0.3)
    assert outer.slide == pytest.approx(0.3)
    assert combine_outer([nothing]).slide == np.inf


def test_doubtful_patches_are_not_told_and_a_slide_of_them_is_referred(data, context):
    dataset = mosaic_halves(data)
    config = {**HEAD, "patch": 448, "stride": 448, "epochs": 2}
    recipe = fitted("uncertainty", dataset, context, **config)
    metrics = recipe.evaluate(dataset, context).metrics
    assert {"kept_share", "sure_slides"} <= set(metrics)
    recipe.parts.predictor.limits = Thresholds(0.0, 0.0, 0.5, 0.5)
    with open_slide(dataset.slides[0].path) as reader:
        steps = list(recipe.predict(reader, context))
    assert not sum(len(step.objects) for step in steps)
    assert steps[-1].finding.refer
    recipe.parts.predictor.limits = Thresholds(np.inf, np.inf, 0.5, 0.5)
    with open_slide(dataset.slides[0].path) as reader:
        steps = list(recipe.predict(reader, context))
    assert not steps[-1].finding.refer
    assert sum(len(step.objects) for step in steps) > 40


def test_slides_with_a_label_and_no_marks_teach_their_patches(data, context):
    path = data / "slides/colorectal-mosaic.tif"
    slides = tuple(
        LabelledSlide(path, f"case {number}", f"{number}" * 64, (), label="ab"[number % 2])
        for number in range(4)
    )
    parts = {slide.case: "train" for slide in slides}
    dataset = Dataset(("a", "b"), slides=slides, parts=parts)
    recipe = load_recipe_class("uncertainty").build(dataset.labels, {**HEAD, "patch": 128, "patches": 10})
    recipe.parts.predictor.heads.encoder.open(context)
    known = recipe.gather(dataset, context, ("train",))
    assert len(known.rows) == 40
    assert sorted(set(known.units)) == sorted(parts)
    assert (known.truth == np.array([int(unit[-1]) % 2 for unit in known.units])).all()


def test_disagreement_of_heads_is_what_is_uncertain(three, tmp_path):
    recipe = fitted("ensemble", three, Context(1, tmp_path / "s"), **ALL["ensemble"])
    predictor = recipe.parts.predictor
    rows = (
        np.random.default_rng(0).normal(0, 50, (6, predictor.heads.fitted().mean.shape[0])).astype(np.float32)
    )
    judged = predictor.predictions(np.arange(6), rows)
    expected = predictor.spread(rows).mutual_information / np.log(3)
    np.testing.assert_allclose(judged.uncertainty, expected, rtol=1e-5)


def test_a_few_right_answers_do_not_ask_for_certainty():
    targets = np.eye(2)[np.arange(20) % 2]
    scores = np.log(np.where(targets == 1, 0.9, 0.1))
    sure = fit_temperature(scores, targets, np.ones(20))
    careful = fit_temperature(scores, targets, np.ones(20), CAUTION)
    assert sure < 0.1
    assert 0.4 < careful < 1.0
    many = fit_temperature(np.tile(scores, (500, 1)), np.tile(targets, (500, 1)), np.ones(10_000), CAUTION)
    assert many < 0.3
