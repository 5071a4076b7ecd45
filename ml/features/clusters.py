"""Clusters of nuclei by a minimum spanning tree, and their descriptors.

Survey reference 12, on prostate: nuclei are nodes, edges are as long as nuclei lie apart, the tree's long
edges are cut, and the shape of what remains, with the shape of its nuclei, tells grades apart. The tree is
computed among the edges of the Delaunay triangulation, which hold it, so that a slide's million nuclei take
seconds and not Prim's square of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree, shortest_path
from scipy.spatial import Delaunay, QhullError

NAMES: Final = (
    "nuclei",
    "edge_mean",
    "edge_deviation",
    "edge_longest",
    "diameter",
    "leaves",
    "forks",
    "hull_area",
    "density",
    "elongation",
    "nucleus_area",
    "nucleus_area_deviation",
    "nucleus_elongation",
)
FEW: Final = 4
LONGEST_PATH: Final = 2000
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tree:
    """``edges`` int64 (m, 2) join points; ``length`` (m,) in the unit of the points."""

    edges: NDArray[np.int64]
    length: Floats


def spanning_tree(points: Floats) -> Tree:
    """Return the minimum spanning tree of points (n, 2); points at one place are joined at no length."""
    count = len(points)
    if count < 2:  # noqa: PLR2004 - one point has no edge
        return Tree(np.zeros((0, 2), dtype=np.int64), np.zeros(0))
    edges = _candidates(points)
    # A length of zero would be no edge in a sparse matrix.
    length = np.maximum(np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1), 1e-9)
    tree = minimum_spanning_tree(csr_matrix((length, edges.T), shape=(count, count))).tocoo()
    pairs = np.stack([tree.row, tree.col], axis=1).astype(np.int64)
    return Tree(pairs, np.asarray(tree.data, dtype=np.float64))


def _candidates(points: Floats) -> NDArray[np.int64]:
    """Return candidate edges (m, 2), which include those of the tree."""
    places, which = np.unique(points, axis=0, return_inverse=True)
    which = which.ravel()
    first = np.full(len(places), -1)
    first[which[::-1]] = np.arange(len(points))[::-1]
    same = np.stack([first[which], np.arange(len(points))], axis=1)
    same = same[same[:, 0] != same[:, 1]]
    try:
        if len(places) < FEW:
            raise QhullError
        corners = Delaunay(places).simplices
        between = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
    except QhullError:
        # Too few, or all on one line: neighbours along it are enough.
        order = np.lexsort((places[:, 1], places[:, 0]))
        between = np.stack([order[:-1], order[1:]], axis=1)
    between = np.unique(np.sort(between, axis=1), axis=0)
    candidates: NDArray[np.int64] = np.concatenate([first[between], same]).astype(np.int64)
    return candidates


def cut_tree(tree: Tree, count: int, longest: float) -> NDArray[np.int64]:
    """Return the cluster (n,) of each of ``count`` points when edges above ``longest`` are cut."""
    kept = tree.edges[tree.length <= longest]
    graph = csr_matrix((np.ones(len(kept)), kept.T), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    clusters: NDArray[np.int64] = labels.astype(np.int64)
    return clusters


def usual_longest(tree: Tree, times: float = 2.5) -> float:
    """Return the length above which an edge is cut: ``times`` the median."""
    return float(times * np.median(tree.length)) if len(tree.length) else 0.0


def describe_clusters(
    shapes: Sequence[shapely.Polygon], tree: Tree, clusters: NDArray[np.int64], smallest: int
) -> tuple[NDArray[np.int64], Floats]:
    """Return the clusters of at least ``smallest`` nuclei, and descriptors (k, 13) in ``NAMES`` order.

    ``shapes`` (n,) are outlines in the unit of the tree, usually µm.
    """
    geometry = np.asarray(shapes, dtype=object)
    centres = shapely.get_coordinates(shapely.centroid(geometry))
    area = shapely.area(geometry)
    stretched = np.array([_elongation(np.asarray(shape.exterior.coords)) for shape in shapes])
    inner = clusters[tree.edges[:, 0]] == clusters[tree.edges[:, 1]]
    owner = clusters[tree.edges[:, 0]]
    sizes = np.bincount(clusters)
    large = np.flatnonzero(sizes >= smallest)
    rows = []
    for number in large:
        members = np.flatnonzero(clusters == number)
        own = inner & (owner == number)
        rows.append(
            [
                *_tree_numbers(tree.edges[own], tree.length[own], members),
                *_hull_numbers(centres[members]),
                area[members].mean(),
                area[members].std(),
                stretched[members].mean(),
            ]
        )
    return large, np.array(rows).reshape(-1, len(NAMES))


def _tree_numbers(edges: NDArray[np.int64], length: Floats, members: NDArray[np.intp]) -> list[float]:
    if not len(edges):
        return [float(len(members)), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    places = np.searchsorted(members, edges)
    degree = np.bincount(places.ravel(), minlength=len(members))
    diameter = float("nan")
    if len(members) <= LONGEST_PATH:
        graph = csr_matrix((length, places.T), shape=(len(members), len(members)))
        # The longest path of a tree starts at the point furthest from any other.
        first = shortest_path(graph, directed=False, indices=0)
        ends = shortest_path(graph, directed=False, indices=int(first.argmax()))
        diameter = float(ends.max())
    return [
        float(len(members)),
        float(length.mean()),
        float(length.std()),
        float(length.max()),
        diameter if np.isfinite(diameter) else float(length.sum()),
        float((degree == 1).mean()),
        float((degree > 2).mean()),  # noqa: PLR2004 - more than a way through
    ]


def _hull_numbers(centres: Floats) -> list[float]:
    hull = float(shapely.area(shapely.convex_hull(shapely.multipoints(centres))))
    return [hull, len(centres) / max(hull, 1.0), _elongation(centres)]


def _elongation(points: Floats) -> float:
    if len(points) < 3:  # noqa: PLR2004 - a line has no width
        return 1.0
    values = np.linalg.eigvalsh(np.cov(points.T))
    return float(np.sqrt(max(values[1], 1e-12) / max(values[0], 1e-12)).clip(1, 100))


def k_medoids(rows: Floats, count: int, seed: int, rounds: int = 50) -> NDArray[np.int64]:
    """Return the cluster (n,) of each row, around ``count`` of the rows as medoids.

    Alternating as Park and Jun, Expert Systems with Applications 36:3336 (2009), from ten drawn starts.
    """
    spread = rows.std(axis=0)
    scaled = (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1)
    apart = np.linalg.norm(scaled[:, None] - scaled[None], axis=2)
    random = np.random.default_rng(seed)
    best, least = np.zeros(len(rows), dtype=np.int64), np.inf
    for _ in range(10):
        medoids = random.choice(len(rows), min(count, len(rows)), replace=False)
        for _ in range(rounds):
            groups = apart[:, medoids].argmin(axis=1)
            moved = np.array(
                [
                    own[apart[np.ix_(own, own)].sum(axis=1).argmin()] if len(own) else medoid
                    for medoid, own in ((m, np.flatnonzero(groups == k)) for k, m in enumerate(medoids))
                ]
            )
            if np.array_equal(moved, medoids):
                break
            medoids = moved
        total = float(apart[np.arange(len(rows)), medoids[groups]].sum())
        if total < least:
            best, least = groups.astype(np.int64), total
    return best
