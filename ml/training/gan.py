"""Training of tile GANs: WGAN-GP, alone or steered by the layout of real tiles."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.filters import threshold_otsu
from skimage.morphology import dilation, disk, erosion, remove_small_objects
from torch import Tensor, nn
from torch.nn import functional

from ml.contracts import Context, DataError
from ml.messages import Message
from ml.networks.gan import LATENT, Critic, Embeddings, Generator, Reconstructor, Segmenter, halvings
from ml.slides.stain_separation import separate_stains

PENALTY = 10.0
CRITIC_STEPS = 5
RATE = 1e-4
# torch refuses an integer zero here.
BETAS = (0.0, 0.9)
LAYOUT = 1.0
RECONSTRUCTION = 10.0
SHARPEST, BLUNTEST = 0.1, 1.0
LEAST_PSEUDO = 0.1
SPECK = 4
FEWEST = 2
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class DrawingPlan:
    """Settings: ``steps`` of the generator, each with five of the critic; ``width`` of the finest maps."""

    steps: int = 400
    batch: int = 16
    width: int = 16
    minutes: float = 20.0


@dataclass(frozen=True, slots=True)
class Drawn:
    """Drawn tiles uint8 (n, pixels, pixels, 3), labels (n,), if steered masks bool (n, pixels, pixels)."""

    tiles: Bytes
    labels: NDArray[np.int64]
    masks: NDArray[np.bool_] | None = None


class Drawer:
    """A tile GAN, trained on tiles (n, pixels, pixels, 3) and labels (n,) of 0..classes - 1.

    ``steered``: first learns without any masks to separate nuclei and to draw a tile again from its mask;
    each new tile then follows the layout of a real one and inherits its mask.
    """

    def __init__(self, tiles: Bytes, labels: NDArray[np.int64], plan: DrawingPlan, *, steered: bool) -> None:
        pixels = tiles.shape[1]
        if pixels < 8 or 4 * 2 ** halvings(pixels) != pixels or tiles.shape[2] != pixels:  # noqa: PLR2004
            message = Message("drawing_side", side=pixels)
            raise DataError(message, code="bad_size")
        if len(tiles) < FEWEST:
            message = Message("drawing_too_few_tiles")
            raise DataError(message, code="no_labels")
        self._tiles, self._labels, self._plan = tiles, labels, plan
        self._pixels, self._classes = pixels, int(labels.max()) + 1
        self._steered = steered
        self._device = "cpu"
        self.networks: dict[str, nn.Module] = {}

    def train(self, context: Context) -> None:
        """Train with all randomness from the context's seed; ends early when the time budget is used up."""
        self._device = context.device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(context.seed)
            random = np.random.default_rng(context.seed)
            self._make()
            if self._steered:
                self._learn_layout(random, context)
            self._learn_drawing(random, context)
        for network in self.networks.values():
            network.eval()

    def draw(self, labels: NDArray[np.int64], seed: int) -> Drawn:
        """Return a tile for each label; steered ones follow a random real tile of that label."""
        random = np.random.default_rng([seed, 1])
        tiles, masks = [], []
        with torch.inference_mode():
            for start in range(0, len(labels), self._plan.batch):
                chosen = labels[start : start + self._plan.batch]
                latent = torch.from_numpy(random.normal(size=(len(chosen), LATENT))).float()
                references = self._references(chosen, random) if self._steered else None
                generated = self._generate(latent.to(self._device), self._to(chosen), references)
                tiles.append(_bytes(generated))
                if references is not None:
                    mask = self.networks["segmenter"](references).argmax(dim=1) == 1
                    masks.append(mask.cpu().numpy())
        return Drawn(np.concatenate(tiles), labels, np.concatenate(masks) if masks else None)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all weights by name."""
        return {
            f"{name}.{key}": value.cpu().numpy()
            for name, network in self.networks.items()
            for key, value in network.state_dict().items()
        }

    def _make(self) -> None:
        pixels, classes, width = self._pixels, self._classes, self._plan.width
        self.networks = {
            "generator": Generator(pixels, classes, width, steered=self._steered),
            "critic": Critic(pixels, classes, width),
        }
        if self._steered:
            self.networks |= {
                "segmenter": Segmenter(width),
                "reconstructor": Reconstructor(pixels, width),
                "embeddings": Embeddings(pixels, width),
            }
        for network in self.networks.values():
            network.to(self._device).train()

    def _learn_layout(self, random: np.random.Generator, context: Context) -> None:
        """Train the nuclei segmenter with a fading pseudo-mask, and the reconstructor from its masks."""
        segmenter, reconstructor = self.networks["segmenter"], self.networks["reconstructor"]
        pseudo = torch.from_numpy(np.stack([pseudo_mask(tile) for tile in self._tiles])).float()
        weights = [*segmenter.parameters(), *reconstructor.parameters()]
        optimizer = torch.optim.Adam(weights, lr=1e-3)
        for step in range(self._plan.steps):
            done = step / self._plan.steps
            context.report(
                0.5 * done,
                Message(
                    "learning_layouts",
                    step=step + 1,
                    steps=self._plan.steps,
                ),
            )
            chosen = random.integers(0, len(self._tiles), self._plan.batch)
            tiles = _signed(self._tiles[chosen]).to(self._device)
            scores = segmenter(tiles)
            heat = BLUNTEST + (SHARPEST - BLUNTEST) * done
            mask = functional.gumbel_softmax(scores, tau=heat, dim=1)
            target = pseudo[chosen].to(self._device)
            margins = scores[:, 1] - scores[:, 0]
            faithful = functional.binary_cross_entropy_with_logits(margins, target)
            say = 1.0 + (LEAST_PSEUDO - 1.0) * done
            loss = say * faithful + RECONSTRUCTION * (reconstructor(mask, tiles) - tiles).abs().mean()
            _descend(optimizer, loss)
        segmenter.eval().requires_grad_(requires_grad=False)
        reconstructor.eval().requires_grad_(requires_grad=False)

    def _learn_drawing(self, random: np.random.Generator, context: Context) -> None:
        generator, critic = self.networks["generator"], self.networks["critic"]
        drawing = [*generator.parameters()]
        if self._steered:
            drawing += list(self.networks["embeddings"].parameters())
        draws = torch.optim.Adam(drawing, lr=RATE, betas=BETAS)
        judges = torch.optim.Adam(critic.parameters(), lr=RATE, betas=BETAS)
        began, base = time.monotonic(), 0.5 if self._steered else 0.0
        for step in range(self._plan.steps):
            share = base + (1 - base) * step / self._plan.steps
            context.report(
                share,
                Message(
                    "learning_to_draw",
                    step=step + 1,
                    steps=self._plan.steps,
                ),
            )
            for tiles, labels, references in self._batches(random, CRITIC_STEPS):
                with torch.no_grad():
                    fakes = self._generate(self._latent(len(tiles)), labels, references)
                _descend(judges, critic_loss(critic, tiles, fakes, labels))
            for _, labels, references in self._batches(random, 1):
                fakes = self._generate(self._latent(len(labels)), labels, references)
                loss = -critic(fakes, labels).mean()
                if references is not None:
                    loss = loss + LAYOUT * self._layout_loss(fakes, references)
                _descend(draws, loss)
            if time.monotonic() - began > self._plan.minutes * 60:
                return

    def _layout_loss(self, fakes: Tensor, references: Tensor) -> Tensor:
        """Return the distance of the segmentation of drawn tiles from that of their references."""
        segmenter = self.networks["segmenter"]
        scores, target = segmenter(fakes), segmenter(references).softmax(dim=1)[:, 1]
        return functional.binary_cross_entropy_with_logits(scores[:, 1] - scores[:, 0], target)

    def _generate(self, latent: Tensor, labels: Tensor, references: Tensor | None) -> Tensor:
        maps = None
        if references is not None:
            with torch.no_grad():
                hard = self.networks["segmenter"](references).argmax(dim=1)
                mask = functional.one_hot(hard, 2).movedim(-1, 1).float()
                reconstructor: Any = self.networks["reconstructor"]
                seen = reconstructor.maps(mask, references)
            maps = self.networks["embeddings"](seen)
        tiles: Tensor = self.networks["generator"](latent, labels, maps)
        return tiles

    def _batches(
        self, random: np.random.Generator, count: int
    ) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Yield (real tiles, their labels, other real tiles of the same labels where steered)."""
        for _ in range(count):
            chosen = random.integers(0, len(self._tiles), self._plan.batch)
            labels = self._labels[chosen]
            references = self._references(labels, random) if self._steered else None
            yield _signed(self._tiles[chosen]).to(self._device), self._to(labels), references

    def _references(self, labels: NDArray[np.int64], random: np.random.Generator) -> Tensor:
        chosen = [int(random.choice(np.flatnonzero(self._labels == label))) for label in labels]
        return _signed(self._tiles[chosen]).to(self._device)

    def _latent(self, count: int) -> Tensor:
        return torch.randn(count, LATENT).to(self._device)

    def _to(self, labels: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(np.asarray(labels, dtype=np.int64)).to(self._device)


def critic_loss(critic: nn.Module, tiles: Tensor, fakes: Tensor, labels: Tensor) -> Tensor:
    """Return E[D(fake)] - E[D(real)] + 10 E[(|grad D(x)| - 1)^2], x on the line between the two."""
    share = torch.rand(len(tiles), 1, 1, 1, device=tiles.device)
    between = (share * tiles + (1 - share) * fakes).requires_grad_()
    slope = torch.autograd.grad(critic(between, labels).sum(), between, create_graph=True)[0]
    steep = (slope.flatten(1).norm(dim=1) - 1).square().mean()
    loss: Tensor = critic(fakes, labels).mean() - critic(tiles, labels).mean() + PENALTY * steep
    return loss


def pseudo_mask(tile: Bytes) -> NDArray[np.bool_]:
    """Return where a tile (side, side, 3) has much haematoxylin: Otsu's threshold, opened, without specks."""
    stain = separate_stains(tile)[..., 0]
    if float(np.ptp(stain)) == 0:
        return np.zeros(stain.shape, dtype=bool)
    dark = stain > threshold_otsu(stain)
    opened = dilation(erosion(dark, disk(1)), disk(1))
    kept: NDArray[np.bool_] = remove_small_objects(opened, max_size=SPECK)
    return kept


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _signed(tiles: Bytes) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(tiles)).movedim(-1, 1).float() / 127.5 - 1


def _bytes(tiles: Tensor) -> Bytes:
    pixels: Bytes = ((tiles.movedim(1, -1) + 1) * 127.5).round().clamp(0, 255).byte().cpu().numpy()
    return pixels
