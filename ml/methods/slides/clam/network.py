"""Attention with clustering of instances: high and low attention form two clusters."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.networks.bags import BagNetwork, BagOutput, GatedAttention

BAG_SHARE = 0.7
MARGIN = 1.0


class ClamNetwork(BagNetwork):
    """CLAM-SB (one branch of attention) or CLAM-MB (one per label).

    Lu et al., Data-efficient and weakly supervised computational pathology on whole-slide images, Nature
    Biomedical Engineering 5:555 (2021).
    """

    def __init__(
        self,
        size: int,
        classes: int,
        *,
        width: int,
        dropout: float,
        branches: int,
        instances: int,
        exclusive: bool,
        smooth: bool,
    ) -> None:
        super().__init__(size)
        self.tile = nn.Sequential(nn.Linear(size, width), nn.ReLU(), nn.Dropout(dropout))
        self.attention = GatedAttention(width, max(8, width // 2), branches)
        self.heads = nn.ModuleList(nn.Linear(width, 1) for _ in range(classes))
        self.judges = nn.ModuleList(nn.Linear(width, 2) for _ in range(classes))
        self.branches, self.instances, self.exclusive, self.smooth = branches, instances, exclusive, smooth

    def forward(self, tiles: Tensor, places: Tensor) -> BagOutput:
        """See ``BagNetwork``; the attention is that of the branch of the likeliest label."""
        del places
        return self._looked(*self._attended(tiles))

    def loss(self, tiles: Tensor, places: Tensor, label: Tensor) -> Tensor:
        """Return 0.7 of the slide's cross-entropy and 0.3 of the instances' loss."""
        del places
        hidden, raw = self._attended(tiles)
        scores = self._looked(hidden, raw).scores
        bag = functional.cross_entropy(scores[None], label[None])
        return BAG_SHARE * bag + (1 - BAG_SHARE) * self._instance_loss(hidden, raw, int(label))

    def _attended(self, tiles: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.tile(self.standardised(tiles))
        return hidden, self.attention(hidden)

    def _looked(self, hidden: Tensor, raw: Tensor) -> BagOutput:
        attention = torch.softmax(raw, dim=0)
        vectors = attention.T @ hidden
        scores = torch.cat([head(vectors[self._branch(c)]) for c, head in enumerate(self.heads)])
        return BagOutput(scores, attention[:, self._branch(int(scores.argmax()))])

    def _branch(self, label: int) -> int:
        return label if self.branches > 1 else 0

    def _instance_loss(self, hidden: Tensor, raw: Tensor, label: int) -> Tensor:
        """Return the mean loss of the tiles with highest and lowest attention, by label."""
        count = max(1, min(self.instances, len(hidden) // 2))
        losses = []
        for number, judge in enumerate(self.judges):
            order = raw[:, self._branch(number)].argsort(descending=True)
            if number == label:
                chosen = torch.cat([order[:count], order[-count:]])
                truth = torch.cat([order.new_ones(count), order.new_zeros(count)])
            elif self.exclusive:
                chosen, truth = order[:count], order.new_zeros(count)
            else:
                continue
            losses.append(self._judged(judge(hidden[chosen]), truth))
        return torch.stack(losses).mean()

    def _judged(self, scores: Tensor, truth: Tensor) -> Tensor:
        """Return cross-entropy, or the smooth top-1 SVM loss of Berrada, Zisserman and Kumar, ICLR (2018)."""
        if not self.smooth:
            return functional.cross_entropy(scores, truth)
        right = scores.gather(1, truth[:, None])
        margin = MARGIN * (1 - functional.one_hot(truth, 2).to(scores.dtype))
        return torch.logsumexp(scores - right + margin, dim=1).mean()
