"""Recipes that join several models, and what makes their confidence honest."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue import shared_settings as shared
from ml.catalogue.info import RecipeInfo, ToolInfo
from ml.catalogue.patch_settings import EncoderConfig, PatchConfig
from ml.catalogue.settings import setting
from ml.contracts import Task

MEMBERS = (
    "Recipes with settings in brackets, as in convolutional(encoder=small; epochs=9), separated by commas"
)
ENCODERS = ("resnet18", "efficientnet-b0", "densenet121", "small")


@dataclass(frozen=True, slots=True)
class VotingConfig(PatchConfig):
    """Settings of ``voting``."""

    members: str = setting(
        "descriptors, residual", "Members", f"{MEMBERS}; or model: and the name of an earlier model."
    )
    weights: str = setting(
        "held-out",
        "Weights",
        "equal, or by how well the members do on the held-out part.",
        choices=("held-out", "equal"),
    )


@dataclass(frozen=True, slots=True)
class StackingConfig(PatchConfig):
    """Settings of ``stacking``."""

    members: str = setting("descriptors, residual", "Members", f"{MEMBERS}.")
    folds: int = setting(
        4, "Folds", "How often the members are trained to learn what they say of unseen cases.",
        minimum=2, maximum=10,
    )  # fmt: skip
    penalty: float = setting(
        1.0, "Penalty", "Strength of the L2 penalty of the regression.", minimum=1e-4, maximum=1e4
    )


@dataclass(frozen=True, slots=True)
class HeadConfig(PatchConfig):
    """How heads over stored features are trained."""

    encoder: str = setting(
        "descriptors",
        "Encoder",
        "What describes a patch: descriptors (colour, texture, nuclei), or encoder: and then the name of an "
        "earlier model.",
    )
    hidden: int = setting(64, "Hidden numbers", "Width of the hidden layer.", minimum=4, maximum=2048)
    epochs: int = shared.epochs(60)
    minutes: float = shared.time_budget(10.0)
    batch: int = shared.batch(64, "Patches", least=2)
    learning_rate: float = shared.learning_rate(2e-3)
    patience: int = shared.patience(10)


@dataclass(frozen=True, slots=True)
class EnsembleConfig(HeadConfig):
    """Settings of ``ensemble``."""

    members: int = setting(5, "Heads", "How many heads there are.", minimum=2, maximum=50)
    uncertainty: str = setting(
        "mutual information",
        "Uncertainty",
        "What is shown as uncertainty: disagreement of the heads, entropy of their mean, or their deviation.",
        choices=("mutual information", "entropy", "deviation"),
    )


@dataclass(frozen=True, slots=True)
class UncertaintyConfig(HeadConfig):
    """Settings of ``uncertainty``."""

    dropout: float = setting(
        0.1, "Dropout", "Share of hidden numbers left out in training and in each pass.",
        minimum=0.01, maximum=0.9,
    )  # fmt: skip
    passes: int = setting(30, "Passes", "How often each patch is judged.", minimum=2, maximum=200)
    patches: int = setting(
        500,
        "Patches per slide",
        "Most patches that are learned from of a slide that has a label and no marks.",
        minimum=10,
        maximum=100_000,
    )


@dataclass(frozen=True, slots=True)
class MutualConfig(EncoderConfig):
    """Settings of ``mutual``."""

    members: int = setting(2, "Members", "How many networks learn together.", minimum=2, maximum=4)
    second: str = setting(
        "same",
        "Second encoder",
        "The encoder of every other member.",
        choices=("same", *ENCODERS),
    )
    teaching: float = setting(
        1.0, "Teaching", "How much the others' answers count beside the labels.", minimum=0.0, maximum=10.0
    )
    answer: str = setting(
        "mean", "Answer", "mean: all members judge. first: one alone, at its cost.", choices=("mean", "first")
    )


@dataclass(frozen=True, slots=True)
class TransferPairConfig(EncoderConfig):
    """Settings of ``omkt``."""

    second: str = setting(
        "resnet18", "Second encoder", "The encoder of the second network.", choices=ENCODERS
    )
    heat: float = setting(
        3.0, "Softening", "Temperature at which networks teach each other.", minimum=1.0, maximum=20.0
    )
    alpha: float = setting(
        0.5, "Mutual teaching", "Weight of what the two networks teach each other.", minimum=0.0, maximum=10.0
    )
    beta: float = setting(
        0.5, "Joint teaching", "Weight of what their joint answer teaches.", minimum=0.0, maximum=10.0
    )
    warm_up: int = setting(5, "Warm-up", "Epochs before teaching starts.", minimum=0, maximum=1000)


@dataclass(frozen=True, slots=True)
class ConformalConfig:
    """Settings of ``conformal``."""

    source: str = setting("", "Model", "Name of the earlier model whose answers become sets.")
    error: float = setting(
        0.1, "Error", "Share of sets that may miss the true label.", minimum=0.001, maximum=0.5
    )


RECIPES: tuple[RecipeInfo, ...] = (
    RecipeInfo(
        name="voting",
        title="Voting",
        task=Task.PATCH,
        summary="Several models vote with their probabilities.",
        source="Soft voting with weights from held-out cases; ten networks against one: Cruz-Roa et al. "
        "and others, as cited in the survey.",
        claim="Should beat its best member in log-loss; no difference was measured.",
        needs="What its members need.",
        cost="The sum of its members.",
        quick=False,
        config=VotingConfig,
        class_name="Voting",
    ),
    RecipeInfo(
        name="stacking",
        title="Stacking",
        task=Task.PATCH,
        summary="A regression learns how far to trust each of several models.",
        source="Wolpert, Stacked generalization, Neural Networks 5:241 (1992).",
        claim="Should beat its best member in log-loss; no difference was measured.",
        needs="What its members need, and as many cases as folds.",
        cost="The sum of its members, once per fold and once more.",
        quick=False,
        config=StackingConfig,
        class_name="Stacking",
    ),
    RecipeInfo(
        name="ensemble",
        title="Ensemble of heads",
        task=Task.PATCH,
        summary="Several heads over stored features; where they disagree, a person should look.",
        source="Lakshminarayanan, Pritzel and Blundell, Deep ensembles, NeurIPS (2017).",
        claim="Should lower the log-loss of a single such head; no difference was measured.",
        needs="A few dozen labelled patches.",
        cost="Seconds on a CPU.",
        quick=False,
        config=EnsembleConfig,
        class_name="Ensemble",
    ),
    RecipeInfo(
        name="mutual",
        title="Mutual learning",
        task=Task.PATCH,
        summary="Networks learn together, each also from what the others say.",
        source="Zhang, Xiang, Hospedales and Lu, Deep mutual learning, CVPR (2018).",
        claim="A member should beat the same network trained alone, in log-loss; no difference was measured.",
        needs="Hundreds of labelled patches.",
        cost="Minutes to hours on a CPU; the sum of its members.",
        quick=False,
        config=MutualConfig,
        class_name="Mutual",
        channels=True,
    ),
    RecipeInfo(
        name="omkt",
        title="Mutual transfer with feature fusion",
        task=Task.PATCH,
        summary="Two kinds of network teach each other; their joined features answer.",
        source="MF-OMKT, Artificial Intelligence in Medicine (2022), and EFML, Biomedical Signal "
        "Processing and Control (2023), reconstructed from their abstracts.",
        claim="Beats one of its networks trained alone, in log-loss.",
        needs="Hundreds of labelled patches.",
        cost="Minutes to hours on a CPU; the sum of both networks.",
        quick=False,
        config=TransferPairConfig,
        class_name="MutualTransfer",
        channels=True,
    ),
    RecipeInfo(
        name="uncertainty",
        title="Uncertainty-informed prediction",
        task=Task.PATCH,
        summary="Leaves out patches that it doubts, and refers slides that it doubts to a person.",
        source="Dolezal et al., Nature Communications 13:6572 (2022).",
        claim="The patches that it keeps have a higher area under the curve than all patches.",
        needs="Labelled patches of several cases of each label, or slides with labels.",
        cost="A minute on a CPU; sixteen small trainings on stored features.",
        quick=False,
        config=UncertaintyConfig,
        class_name="Uncertainty",
    ),
    RecipeInfo(
        name="conformal",
        title="Sets with a promise",
        task=Task.PATCH,
        summary="Tells a label only where it is the only likely one; promises how often the truth is "
        "among the likely ones.",
        source="Split conformal prediction: Sadinle, Lei and Wasserman, Journal of the American "
        "Statistical Association 114:223 (2019).",
        claim="Sets hold the true label at least as often as promised.",
        needs="An earlier model for the same labels, and a validation part that it did not learn from.",
        cost="Seconds; then the cost of the model.",
        quick=False,
        config=ConformalConfig,
        class_name="Conformal",
    ),
)

TOOLS: tuple[ToolInfo, ...] = (
    ToolInfo(
        name="calibration",
        title="Calibration",
        group="combining",
        summary="Says how honest a model's confidence is, with and without its temperature, and how sets "
        "of labels fare.",
        source="Guo et al., On calibration of modern neural networks, ICML (2017); Sadinle, Lei and "
        "Wasserman, JASA 114:223 (2019).",
        claim="With a temperature from held-out patches no difference in calibration error was measured.",
    ),
)
