"""Survival metrics against small cases computed by hand, and fusion with clinical fields."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from ml.__main__ import main
from ml.contracts import DataError, Survival
from ml.data import load_dataset, split_dataset
from ml.data.clinical import encode_case, learn_fields, width_of
from ml.evaluation.card import model_card
from ml.evaluation.comparison import compare
from ml.evaluation.survival import concordance, evaluate_survival, kaplan_meier, log_rank
from ml.methods.loading import load_model, load_recipe_class
from ml.slides import open_slide
from ml.storage.model_folder import read_model
from ml.training.hazards import cox_loss, hazard_loss, interval_edges, log_risk
from tests.ml.materials.bag_material import bags, write_table

SMALL = {"width": 16, "epochs": 25, "patience": 25, "learning_rate": 1e-2, "batch": 8}


def followed(count, seed):
    """Return bags whose follow-up is short with the rare tiles, and shorter for old patients."""
    random = np.random.default_rng(seed)
    made = []
    for bag in bags(count, seed):
        old = bool(random.integers(2))
        months = float(random.uniform(60, 80) / (1 + 2 * bag.label) / (1 + 6 * old))
        made.append(
            dataclasses.replace(
                bag, clinical={"age": 70.0 + 10 * old}, survival=Survival(min(months, 60.0), months < 60)
            )
        )
    return made


def test_concordance_counts_the_pairs_whose_order_is_known():
    months, event = np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, False, True, True])
    risk = np.array([4.0, 9.0, 1.0, 1.0])
    # Known pairs: (1,2) wrong, (1,3) right, (1,4) right, (3,4) equal.
    assert concordance(np.ones((1, 4)), months, event, risk)[0] == pytest.approx(2.5 / 4)
    assert math.isnan(concordance(np.ones((1, 4)), months, np.zeros(4, bool), risk)[0])
    twice = concordance(np.array([[2.0, 0, 1, 1]]), months, event, risk)[0]
    assert twice == pytest.approx((2 + 2 + 0.5) / 5)


def test_the_curve_is_the_one_of_the_textbook():
    """Remission of leukaemia under 6-MP, Freireich et al. (1963): 0.857 at 6 weeks, 0.448 at 23."""
    weeks = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    relapse = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    treated = (np.array(weeks, float), np.array(relapse, bool))
    curve = kaplan_meier(*treated)
    np.testing.assert_allclose(curve.share[[0, -1]], [0.8571, 0.4482], atol=1e-4)
    np.testing.assert_array_equal(curve.at_risk[:3], [21, 17, 15])
    assert ((curve.low < curve.share) & (curve.share < curve.high)).all()
    placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
    test = log_rank([treated, (np.array(placebo, float), np.ones(21, bool))])
    assert (test.statistic, test.freedom) == (pytest.approx(16.79, abs=0.01), 1)
    assert test.p < 1e-4


def test_groups_without_an_event_cannot_be_told_apart():
    nobody = (np.array([3.0, 4.0]), np.zeros(2, bool))
    assert math.isnan(log_rank([nobody, nobody]).p)
    with pytest.raises(DataError, match="in one"):
        log_rank([nobody])
    with pytest.raises(DataError, match="Nobody"):
        kaplan_meier(np.zeros(0), np.zeros(0, bool))


def test_losses_of_survival_are_what_their_formulas_say():
    risk, months = torch.tensor([0.5, -0.2, 1.0]), torch.tensor([3.0, 2.0, 5.0])
    event = torch.tensor([True, True, False])
    wanted = (
        math.log(math.exp(0.5) + math.e) - 0.5 + math.log(math.exp(0.5) + math.exp(-0.2) + math.e) + 0.2
    ) / 2
    assert float(cox_loss(risk, months, event)) == pytest.approx(wanted, rel=1e-5)
    scores = torch.zeros(2, 3)
    loss = hazard_loss(scores, torch.tensor([1, 2]), torch.tensor([True, False]))
    assert float(loss) == pytest.approx((2 + 3) * math.log(2) / 2)
    assert interval_edges(np.arange(1.0, 9.0), np.ones(8, bool), 4) == [2.75, 4.5, 6.25]
    assert log_risk(torch.tensor([[0.0, 1.0]]), "hazards") > log_risk(torch.tensor([[0.0, 0.0]]), "hazards")


def test_clinical_fields_become_numbers_with_an_indicator():
    fields = learn_fields([{"age": 50.0, "sex": "f"}, {"age": 70.0, "sex": None}, {"age": None, "sex": "m"}])
    assert width_of(fields) == 5
    np.testing.assert_allclose(encode_case({"age": 70.0, "sex": "m"}, fields), [0, 1, 0, 0, 1])
    np.testing.assert_allclose(encode_case({}, fields), [1, 0, 1, 0, 0])
    np.testing.assert_allclose(encode_case({"age": "60", "sex": "x"}, fields), [0, 0, 0, 0, 0])
    with pytest.raises(DataError, match="age"):
        encode_case({"age": "old"}, fields)


@pytest.mark.parametrize(("answer", "how"), [("cox", "late"), ("hazards", "kronecker")])
def test_survival_is_learned_from_both_sides(answer, how, context, tmp_path):
    recipe = load_recipe_class("fusion").build((), {**SMALL, "epochs": 20, "answer": answer, "how": how})
    recipe.learn_bags(followed(48, 0), followed(24, 1), context)
    evaluation = recipe.evaluate_bags(followed(60, 2), 0)
    assert evaluation.metrics["c_index"].value > 0.6
    assert {"c_index:image alone", "c_index:clinical alone"} <= set(evaluation.metrics)
    recipe.save(tmp_path / "m")
    again = load_model(tmp_path / "m").evaluate_bags(followed(60, 2), 0)
    np.testing.assert_array_equal(again.outcomes["risk"], evaluation.outcomes["risk"])
    assert compare(evaluation, again)["c_index"].value == 0


@pytest.mark.parametrize("how", ["late", "early", "kronecker"])
def test_a_label_is_learned_from_both_sides_and_from_either_alone(how, context):
    recipe = load_recipe_class("fusion").build(("no", "yes"), {**SMALL, "batch": 4, "how": how})
    recipe.learn_bags(bags(24), bags(12, 1), context)
    metrics = recipe.evaluate_bags(bags(20, 2), 0).metrics
    assert metrics["auc:image alone"].value > metrics["auc:clinical alone"].value
    assert metrics["auc"].value > 0.8


def test_missing_follow_up_is_reported(context):
    recipe = load_recipe_class("fusion").build(("no", "yes"), {**SMALL, "answer": "cox"})
    with pytest.raises(DataError, match="0 cases") as nobody:
        recipe.learn_bags(bags(8), [], context)
    bare = [dataclasses.replace(bag, clinical={}) for bag in bags(8)]
    with pytest.raises(DataError, match="clinical field") as nothing:
        recipe.learn_bags(bare, [], context)
    assert (nobody.value.code, nothing.value.code) == ("no_follow_up", "no_clinical")
    with pytest.raises(DataError, match="was followed"):
        load_recipe_class("fusion").build((), {"answer": "cox"}).evaluate_bags(bags(4), 0)


def test_a_risk_is_given_for_a_slide_and_moves_with_the_patient(context, tmp_path):
    write_table(tmp_path / "data", 20, clinical=True)
    dataset = split_dataset(load_dataset(tmp_path / "data"), 0)
    config = {
        **SMALL,
        "epochs": 4,
        "answer": "cox",
        "patch": 32,
        "stride": 32,
        "compare": False,
        "forget": 0.0,
    }
    recipe = load_recipe_class("fusion").build(dataset.labels, config)
    recipe.fit(dataset, context)
    risks = []
    for age in (20.0, 90.0):
        with open_slide(tmp_path / "data/s1.tif") as slide:
            (last,) = recipe.predict(slide, dataclasses.replace(context, clinical={"age": age}))
        risks.append(last.finding.risk)
        assert last.finding.probability.shape == (2,)
    assert risks[0] != risks[1]
    recipe.save(tmp_path / "m")
    data = ["run", "survival", "--data", f"{tmp_path / 'data'}"]
    assert main([*data, "--model", f"{tmp_path / 'm'}", "--out", f"{tmp_path / 'risk.json'}"]) == 0
    curves = json.loads((tmp_path / "risk.json").read_text())["groups"]
    assert sum(group["cases"] for group in curves.values()) == 20
    for field, names in (("label", {"benign", "tumour"}), ("sex", {"f", "m"}), ("", {"all"})):
        assert main([*data, "--by", field, "--out", f"{tmp_path / 'by.json'}"]) == 0
        report = json.loads((tmp_path / "by.json").read_text())
        assert set(report["groups"]) == names
        assert (report["log_rank"] is None) == (field == "")
    assert main([*data, "--by", "age"]) == 0
    assert main([*data, "--by", "shoe size"]) == 2
    assert "- clinical fields: age, sex\n" in model_card(read_model(tmp_path / "m"))


def test_an_evaluation_of_survival_has_an_interval():
    months = np.arange(1.0, 21.0)
    evaluation = evaluate_survival(months, np.ones(20, bool), -months, np.arange(20).astype(str))
    estimate = evaluation.metrics["c_index"]
    # All 20 patients are in order: that is no certainty, but what Wilson's interval says of 20 of 20.
    assert (estimate.value, estimate.high) == (1, 1)
    assert estimate.low == pytest.approx(20 / (20 + 1.96**2), abs=1e-4)
