"""Clusters of nuclei and descriptors of slides, from outlines."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import shapely
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist
from shapely.geometry import Point, mapping

from ml.__main__ import main
from ml.contracts import DataError
from ml.features.clusters import NAMES, cut_tree, describe_clusters, k_medoids, spanning_tree, usual_longest
from ml.features.derived import NAMES as NUMBERS
from ml.features.derived import fit_line, left_out, slide_features


def test_the_tree_is_as_short_as_any():
    points = np.random.default_rng(1).uniform(0, 100, (80, 2))
    tree = spanning_tree(points)
    assert len(tree.edges) == 79
    assert tree.length.sum() == pytest.approx(minimum_spanning_tree(cdist(points, points)).sum())


@pytest.mark.parametrize(
    "points",
    [
        [[0, 0], [3, 0], [9, 0], [1, 0]],
        [[0, 0], [1, 1]],
        [[0, 0], [0, 0], [5, 5], [5, 5], [9, 1], [1, 9]],
        [[4, 4]],
    ],
)
def test_few_points_points_on_a_line_and_points_at_one_place_are_joined(points):
    points = np.array(points, dtype=float)
    tree = spanning_tree(points)
    assert len(tree.edges) == len(points) - 1
    assert len(set(cut_tree(tree, len(points), 1e6))) == 1


def test_long_edges_part_clusters_of_any_outline():
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) * 50
    middle = np.random.default_rng(0).normal(0, 4, (20, 2))
    points = np.concatenate([ring, middle])
    tree = spanning_tree(points)
    clusters = cut_tree(tree, len(points), 15)
    assert len(set(clusters[:40])) == len(set(clusters[40:])) == 1
    assert clusters[0] != clusters[-1]
    assert usual_longest(tree) > np.median(tree.length)
    shapes = [Point(x, y).buffer(3) for x, y in points]
    numbers, rows = describe_clusters(shapes, tree, clusters, 5)
    assert rows.shape == (2, len(NAMES))
    first = dict(zip(NAMES, rows[numbers.tolist().index(int(clusters[0]))], strict=True))
    assert first["nuclei"] == 40
    assert first["diameter"] == pytest.approx(39 * 2 * 50 * np.sin(np.pi / 40), rel=0.01)
    assert first["leaves"] == pytest.approx(2 / 40)
    assert first["nucleus_area"] == pytest.approx(np.pi * 9, rel=0.02)


def test_medoids_find_separate_groups():
    random = np.random.default_rng(3)
    rows = np.concatenate([random.normal(centre, 0.3, (15, 2)) for centre in (0, 5, 10)])
    groups = k_medoids(rows, 3, 0)
    assert sorted(len(set(groups[k : k + 15])) for k in (0, 15, 30)) == [1, 1, 1]
    assert len(set(groups)) == 3


def write(path, points, name, radius=8.0):
    features = [
        {
            "type": "Feature",
            "geometry": mapping(Point(x, y).buffer(radius)),
            "properties": {"classification": {"name": name}},
        }
        for x, y in points
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def test_the_tool_writes_clusters_and_tells_grades(tmp_path, capsys):
    random = np.random.default_rng(5)
    grades = []
    for number in range(8):
        grade = "high" if number % 2 else "low"
        centres = random.uniform(100, 3900, (6, 2))
        spread = 40 if grade == "low" else 15
        points = np.concatenate([random.normal(centre, spread, (12, 2)) for centre in centres])
        write(tmp_path / f"s{number}.geojson", points, "tumour", 8 if grade == "low" else 12)
        grades.append(f"s{number},{grade}")
    (tmp_path / "grades.csv").write_text("\n".join(grades))
    slides = [f"{path}" for path in sorted(tmp_path.glob("s*.geojson"))]
    common = ["--out", f"{tmp_path / 'out'}", "--mpp", "0.5", "--kind", "tumour", "--longest", "60"]
    assert main(["run", "nucleus-clusters", *slides, *common, "--grades", f"{tmp_path / 'grades.csv'}"]) == 0
    assert "1.000 right" in capsys.readouterr().out
    with (tmp_path / "out/clusters.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 40
    features = json.loads((tmp_path / "out/s0-clusters.geojson").read_text())["features"]
    assert features[0]["properties"]["measurements"]["nuclei"] >= 5
    assert shapely.geometry.shape(features[0]["geometry"]).area > 0
    assert main(["run", "nucleus-clusters", slides[0], *common[:5], "x"]) == 2
    (tmp_path / "grades.csv").write_text("s0,low")
    assert main(["run", "nucleus-clusters", *slides, *common, "--grades", f"{tmp_path / 'grades.csv'}"]) == 2
    assert "has no grade for" in capsys.readouterr().err


def test_numbers_of_a_slide_are_what_was_put_there():
    tumour = [Point(x, 50).buffer(5) for x in (50, 100, 150)]
    lymphocytes = [Point(60, 50).buffer(3), Point(600, 600).buffer(3)]
    row = dict(zip(NUMBERS, slide_features(tumour, lymphocytes), strict=True))
    assert row["tumour_density"] == pytest.approx(3 / (2 * 0.0625))
    assert row["lymphocyte_share"] == pytest.approx(2 / 5)
    assert row["lymphocytes_near_tumour"] == pytest.approx(0.5)
    assert row["nuclear_grade"] == pytest.approx(2)
    assert np.isnan(slide_features([], lymphocytes)).all()
    assert slide_features(tumour, [])[1] == 0


def test_a_line_tells_scores_of_slides_left_out():
    random = np.random.default_rng(2)
    rows = random.normal(size=(30, 8))
    score = rows[:, 0] * 3 - rows[:, 3] + random.normal(0, 0.1, 30) + 20
    assert np.corrcoef(left_out(rows, score), score)[0, 1] > 0.95
    with pytest.raises(DataError) as caught:
        fit_line(rows[:3], score[:3])
    assert caught.value.code == "too_few_slides"


def test_the_tool_fits_a_score(tmp_path, capsys):
    random = np.random.default_rng(4)
    scores = []
    for number in range(7):
        write(tmp_path / f"a{number}.geojson", random.uniform(0, 2000, (10 + 5 * number, 2)), "tumour")
        scores.append(f"a{number},{10 + 5 * number}")
    (tmp_path / "scores.csv").write_text("\n".join(scores))
    slides = [f"{path}" for path in sorted(tmp_path.glob("a*.geojson"))]
    arguments = [
        "--out",
        f"{tmp_path / 'numbers.csv'}",
        "--mpp",
        "0.5",
        "--scores",
        f"{tmp_path / 'scores.csv'}",
    ]
    assert main(["run", "slide-features", *slides, *arguments]) == 0
    assert "Scores of 7 slides by the others: r = 0." in capsys.readouterr().out
    assert json.loads((tmp_path / "numbers.line.json").read_text())["names"] == list(NUMBERS)
    (tmp_path / "scores.csv").write_text("a0,much")
    assert main(["run", "slide-features", *slides, *arguments]) == 2
