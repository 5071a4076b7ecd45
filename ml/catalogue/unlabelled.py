"""What is learned without labels."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue import shared_settings as shared
from ml.catalogue.info import RecipeInfo, ToolInfo
from ml.catalogue.patch_settings import EncoderConfig, NetworkConfig
from ml.catalogue.settings import setting
from ml.contracts import Task

NEEDS = "Slides or tiles without labels, hundreds of tiles; a few labels, where it should name something."


@dataclass(frozen=True, slots=True)
class SimilarityConfig(EncoderConfig):
    """Settings of encoders that learn from tiles without labels."""

    encoder: str = setting(
        "small",
        "Encoder",
        "The network that looks at the pixels; small is for few tiles and slow machines.",
        choices=("small", "resnet18", "densenet121", "efficientnet-b0"),
    )
    tiles: int = setting(
        4000,
        "Tiles",
        "Most tiles that are learned from without labels, drawn from all slides and images.",
        minimum=8,
        maximum=200_000,
    )
    view_epochs: int = setting(
        30, "Epochs without labels", "Passes over those tiles.", minimum=1, maximum=5000
    )
    group: int = setting(
        64, "Tiles compared", "How many tiles are compared with each other.", minimum=2, maximum=2048
    )
    projection: int = setting(
        128, "Projection", "Size of the vectors that are compared.", minimum=8, maximum=4096
    )
    least: float = setting(
        0.4, "Smallest view", "Least share of a tile that a view shows.", minimum=0.05, maximum=1.0
    )
    blur: float = setting(0.3, "Blur", "Share of views that are blurred.", minimum=0.0, maximum=1.0)
    mode: str = setting(
        "linear probe",
        "Mode",
        "linear probe: only the last layer learns from labels, within seconds. partial: also the upper "
        "stages. full: all, the lower stages more slowly.",
        choices=("linear probe", "partial", "full"),
    )
    trained: int = setting(
        2, "Trained stages", "How many upper stages learn in the mode partial.", minimum=1, maximum=20
    )
    decay: float = setting(
        0.3,
        "Rate per stage",
        "Each stage learns at this share of the rate of the stage above it.",
        minimum=0.01,
        maximum=1.0,
    )
    anchor: float = setting(
        0.0,
        "Anchor",
        "Penalty on leaving what was learned without labels (L2-SP); 0 switches it off.",
        minimum=0.0,
        maximum=100.0,
    )
    beside: bool = setting(
        False,
        "From scratch beside it",
        "Also train the same network from scratch on the labels, and note how both do on the held-out part.",
    )

    @property
    def source(self) -> str:
        """Return where the encoder's weights come from."""
        return "tiles without labels"


@dataclass(frozen=True, slots=True)
class SimClrConfig(SimilarityConfig):
    """Settings of ``simclr``."""

    temperature: float = setting(
        0.5, "Temperature", "Lower looks at the likest tiles more.", minimum=0.01, maximum=10.0
    )


@dataclass(frozen=True, slots=True)
class BarlowConfig(SimilarityConfig):
    """Settings of ``barlow``."""

    redundancy: float = setting(
        0.005, "Redundancy", "Penalty on features that repeat each other.", minimum=0.0, maximum=1.0
    )


@dataclass(frozen=True, slots=True)
class DescriptorAutoencodersConfig(NetworkConfig):
    """Settings of ``descriptor-autoencoders``."""

    pixels: int = setting(
        64,
        "Network input",
        "Side to which a patch is reduced before it is described; a multiple of 16.",
        unit="px",
        minimum=32,
        maximum=256,
    )
    tiles: int = setting(
        2000,
        "Tiles",
        "Most tiles without labels that the auto-encoders learn from.",
        minimum=8,
        maximum=200_000,
    )
    ways: str = setting(
        "all",
        "Ways of looking",
        "all: image, edges and fine texture. image: the image alone, to compare with.",
        choices=("all", "image"),
    )
    kernel: str = setting(
        "rbf",
        "Classifier",
        "linear: logistic regression on what the auto-encoders keep. rbf: on its Gaussian similarity to "
        "labelled patches.",
        choices=("linear", "rbf"),
    )
    penalty: float = shared.penalty()


RECIPES: tuple[RecipeInfo, ...] = (
    RecipeInfo(
        name="simclr",
        title="Contrasted tiles (SimCLR)",
        task=Task.PATCH,
        summary="Learns from tiles without labels to tell them apart, then names them from a few labels.",
        source="Chen et al., A simple framework for contrastive learning of visual representations, ICML "
        "(2020).",
        claim="Should beat the same network from scratch in balanced accuracy when 5 % of tiles have a "
        "label; no sure difference was measured.",
        needs=NEEDS,
        cost="Minutes to hours on a CPU, less on a GPU.",
        quick=False,
        config=SimClrConfig,
        class_name="SimClr",
    ),
    RecipeInfo(
        name="barlow",
        title="Agreeing views (Barlow Twins)",
        task=Task.PATCH,
        summary="Learns from tiles without labels what stays the same when they look different. Suits small "
        "machines.",
        source="Zbontar et al., Barlow Twins: self-supervised learning via redundancy reduction, "
        "ICML (2021).",
        claim="Should beat the same network from scratch in balanced accuracy when 5 % of tiles have a "
        "label; no difference was measured.",
        needs=NEEDS,
        cost="Minutes to hours on a CPU, less on a GPU.",
        quick=False,
        config=BarlowConfig,
        class_name="Barlow",
    ),
    RecipeInfo(
        name="descriptor-autoencoders",
        title="Squeezed descriptors",
        task=Task.PATCH,
        summary="Looks at the image, at its edges and at its fine texture, keeps what matters of each, and "
        "names it.",
        source="Sheikh et al., multiple descriptors under auto-encoders for histopathology (2022), "
        "reconstructed from its abstract; Dalal and Triggs, CVPR (2005); Ojala et al., IEEE TPAMI (2002).",
        claim="Beats the auto-encoder of the image alone in balanced accuracy.",
        needs="A few dozen labelled patches of two labels; tiles without labels help.",
        cost="Minutes on a CPU.",
        quick=False,
        config=DescriptorAutoencodersConfig,
        class_name="DescriptorAutoencoders",
    ),
)

TOOLS: tuple[ToolInfo, ...] = (
    ToolInfo(
        name="atlas",
        title="Atlas of tiles",
        group="without labels",
        summary="Lays tiles out so that like ones lie together, sorts them into kinds, and writes "
        "where each is.",
        source="van der Maaten and Hinton, Visualizing data using t-SNE, JMLR 9:2579 (2008); k-means: Lloyd, "
        "IEEE Transactions on Information Theory 28(2):129 (1982).",
        claim="Its kinds agree with the true tissue better than kinds of colour alone, by adjusted "
        "Rand index.",
    ),
)
