"""An atlas of features: a two-dimensional embedding of rows and their clusters."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.manifold import TSNE

from ml.contracts import DataError
from ml.messages import Message

METHODS: Final = ("tsne", "pca")
COMPONENTS: Final = 50
PERPLEXITY: Final = 30.0
STARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Atlas:
    """``places`` float32 (n, 2) within -1..1; ``kinds`` int32 (n,); ``leads`` int64 (k,), rows.

    The lead of a kind is the row nearest to its centre. Kinds are numbered by size, the largest first.
    """

    places: NDArray[np.float32]
    kinds: NDArray[np.int32]
    leads: NDArray[np.int64]


def lay_out(features: NDArray[np.float32], *, method: str = "tsne", kinds: int = 8, seed: int = 0) -> Atlas:
    """Return the atlas of features (n, d); the same features and seed give the same atlas.

    Features are brought to mean 0 and spread 1 and reduced to at most 50 principal components; t-SNE starts
    from the first two. Raises DataError(``too_few_tiles``) for fewer than three rows, ``bad_config`` for an
    unknown method.
    """
    if method not in METHODS:
        raise DataError(
            Message("layout_unknown", known=", ".join(METHODS), method=method),
            code="bad_config",
        )
    if len(features) < 3:  # noqa: PLR2004 - fewer than three span no plane
        message = Message(
            "too_few_to_lay_out",
            count=len(features),
        )
        raise DataError(message, code="too_few_tiles")
    rows = _reduced(features)
    groups = _grouped(rows, kinds, seed)
    places = rows[:, :2] if method == "pca" else _neighbouring(rows, seed)
    places = places - places.mean(axis=0)
    return Atlas((places / max(float(np.abs(places).max()), 1e-9)).astype(np.float32), *groups)


def _reduced(features: NDArray[np.float32]) -> NDArray[np.float64]:
    rows = np.nan_to_num(features.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    spread = rows.std(axis=0)
    scaled = (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    left, sizes, right = np.linalg.svd(scaled, full_matrices=False)
    # The sign of a component is free; its largest weight is made positive.
    signs = np.sign(right[np.arange(len(right)), np.abs(right).argmax(axis=1)])
    reduced: NDArray[np.float64] = (left * sizes * np.where(signs == 0, 1.0, signs))[:, :COMPONENTS]
    return reduced if reduced.shape[1] > 1 else np.pad(reduced, ((0, 0), (0, 1)))


def _neighbouring(rows: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    perplexity = min(PERPLEXITY, (len(rows) - 1) / 3)
    start = rows[:, :2] / max(float(rows[:, 0].std()), 1e-9) * 1e-4
    embedding: NDArray[np.float64] = TSNE(
        perplexity=perplexity, init=start, learning_rate="auto", random_state=seed, n_jobs=1
    ).fit_transform(rows)
    return embedding


def _grouped(rows: NDArray[np.float64], kinds: int, seed: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    with warnings.catch_warnings():
        # Fewer different tiles than kinds: some kinds then stay empty and are left out.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KMeans(min(kinds, len(rows)), n_init=STARTS, random_state=seed).fit(rows)
    names, member, sizes = np.unique(model.labels_, return_inverse=True, return_counts=True)
    order = np.argsort(-sizes, kind="stable")
    rank = np.argsort(order)
    apart = ((rows - model.cluster_centers_[model.labels_]) ** 2).sum(axis=1)
    leads = [int(np.flatnonzero(member == number)[apart[member == number].argmin()]) for number in order]
    return rank[member].astype(np.int32), np.array(leads[: len(names)], dtype=np.int64)
