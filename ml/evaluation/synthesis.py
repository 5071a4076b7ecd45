"""Distance of drawn from real tiles, by our own features: no third-party weights are needed."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

Floats = NDArray[np.float64]
COMPONENTS = 16
PAIRS = 200
LEAST = 1e-9
# Shares of the scales, finest first: Wang et al., Asilomar (2003), table of section 3.
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW = 11


def drawing_figures(real: Floats, drawn: Floats, seed: int = 0) -> dict[str, float]:
    """Return ``fid``, ``mmd`` and ``diversity`` of features (n, d) and (m, d).

    Features are standardised and reduced to principal components of the real ones. ``diversity`` is the mean
    distance of pairs of drawn tiles as a share of that of pairs of real ones.
    """
    mean, spread = real.mean(axis=0), real.std(axis=0) + LEAST
    plain, other = (real - mean) / spread, (drawn - mean) / spread
    _, _, axes = np.linalg.svd(plain, full_matrices=False)
    kept = axes[: min(COMPONENTS, len(real) - 1)].T
    plain, other = plain @ kept, other @ kept
    random = np.random.default_rng(seed)
    apart = [_pair_distance(values, random) for values in (plain, other)]
    return {
        "fid": frechet(plain, other),
        "mmd": discrepancy(plain, other),
        "diversity": float(apart[1] / max(apart[0], LEAST)),
    }


def frechet(first: Floats, second: Floats) -> float:
    """Return the Fréchet distance of two Gaussians fitted to features: Heusel et al., NeurIPS (2017)."""
    means = first.mean(axis=0) - second.mean(axis=0)
    one, two = (np.atleast_2d(np.cov(values, rowvar=False)) for values in (first, second))
    # The trace of a root of a product is the sum of the roots of its eigenvalues, which are no less than 0.
    roots = np.sqrt(np.maximum(np.real(np.linalg.eigvals(one @ two)), 0.0))
    return float(means @ means + np.trace(one) + np.trace(two) - 2 * roots.sum())


def discrepancy(first: Floats, second: Floats) -> float:
    """Return the squared maximum mean discrepancy under a Gaussian kernel of median width (biased)."""
    both = np.concatenate([first, second])
    apart = cdist(both, both, "sqeuclidean")
    near = np.exp(-apart / max(LEAST, float(np.median(apart[apart > 0])) if (apart > 0).any() else 1.0))
    count = len(first)
    return float(near[:count, :count].mean() + near[count:, count:].mean() - 2 * near[:count, count:].mean())


def structural_similarity(tiles: NDArray[np.uint8], labels: NDArray[np.int64], seed: int = 0) -> float:
    """Return the mean MS-SSIM of pairs of tiles (n, side, side, 3) of one label; high where all look alike.

    Odena et al., ICML (2017). Scales that are too small for the window are left out. 1 where no label has two
    tiles.
    """
    from monai.metrics.regression import compute_ms_ssim  # noqa: PLC0415 - seconds to import

    random = np.random.default_rng(seed)
    first = random.integers(0, len(tiles), PAIRS)
    second = np.array([random.choice(np.flatnonzero(labels == labels[one])) for one in first])
    differ = first != second
    if not differ.any():
        return 1.0
    fit = [count for count in range(1, len(SCALES) + 1) if tiles.shape[1] // max(1, count - 1) ** 2 >= WINDOW]
    shares = np.array(SCALES[: fit[-1]])
    one, two = (
        torch.from_numpy(tiles[chosen[differ]]).permute(0, 3, 1, 2).float() for chosen in (first, second)
    )
    similarity = compute_ms_ssim(
        one,
        two,
        spatial_dims=2,
        data_range=255.0,
        kernel_size=WINDOW,
        weights=tuple(shares / shares.sum()),
    )
    return float(similarity.mean())


def _pair_distance(values: Floats, random: np.random.Generator) -> float:
    pairs = random.integers(0, len(values), (2, PAIRS))
    return float(np.linalg.norm(values[pairs[0]] - values[pairs[1]], axis=1).mean())
