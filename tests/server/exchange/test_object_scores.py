"""Objects without a score keep that state through file, queue, filters and export."""

from __future__ import annotations

import io
import json

import pytest
from shapely.geometry import box

from server.jobs.models import Job
from server.objects.models import ObjectSet
from tests.server.exchange.test_objectfiles import API, bring, collection, feature, parquet, wkb_table

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

SHAPES = [box(100 * number, 100, 100 * number + 50, 150) for number in range(4)]
SCORES = [0.9, None, 0.4, None]


@pytest.fixture
def slide(project, slide_factory):
    return slide_factory(project)


def from_geojson():
    return collection(
        [feature(shape, "Cell", score=score) for shape, score in zip(SHAPES, SCORES, strict=True)]
    )


def from_table():
    return parquet(wkb_table(SHAPES, score=SCORES))


@pytest.mark.parametrize(("make", "name"), [(from_geojson, "a.geojson"), (from_table, "a.parquet")])
def test_a_missing_score_is_no_score(make, name, mia, rob, project, slide, run_jobs):
    answer = bring(mia, slide, make(), 202, name=name, become="objects")
    run_jobs()
    report = Job.objects.get(pk=answer["job_id"]).result["report"]
    assert (report["created"], report["without_score"], report["rows"]) == (4, 2, [])
    made = ObjectSet.objects.get()
    assert made.summary["per_label"][0]["mean_score"] == pytest.approx(0.65)

    def scores(**query):
        page = rob.get(f"{API}/projects/{project.pk}/review/queue", query).json()
        listed_scores = [item["score"] for item in page["results"]]
        return [score and round(score, 2) for score in listed_scores], page["next"]

    assert scores(order="score")[0] == [0.4, 0.9, None, None]
    seen, after = [], ""
    while after is not None:
        page, after = scores(order="score", limit=1, after=after)
        seen += page
    assert seen == [0.4, 0.9, None, None]
    assert scores(order="score", min_score=0)[0] == [0.4, 0.9]
    assert scores(order="score", max_score=1)[0] == [0.4, 0.9]
    exported = mia.get(f"{API}/slides/{slide.pk}/export.geojson", {"suggestions": "true"})
    measured = [one["properties"]["measurements"] for one in json.loads(exported.content)["features"]]
    assert sorted("score" in one for one in measured) == [False, False, True, True]


def test_a_preview_counts_objects_without_a_score(mia, slide):
    body = {"file": io.BytesIO(from_geojson()), "become": "objects"}
    answer = mia.post(f"{API}/slides/{slide.pk}/import/preview", body, format="multipart")
    assert answer.json()["report"]["without_score"] == 2
