"""Annotations in a view: all of few, large ones and exact counts of many, by an index."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from django.db import connection

from server.annotations import in_view
from server.annotations.models import Annotation

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture
def crowd(project_factory, slide_factory, label_factory, user_factory):
    """A slide with n squares at random places, two labels; returns the slide and the rows."""

    def make(number: int, side: float = 6.0):
        project = project_factory(annotator="ann")
        slide = slide_factory(project)
        labels = [label_factory(project), label_factory(project, "Stroma", "#0072b2")]
        random = np.random.default_rng(1)
        corners = random.uniform(0, (9900, 7900), (number, 2)).round(2)
        rows = []
        for place, (x, y) in enumerate(corners.tolist()):
            length = side * 40 if place % 50 == 0 else side
            ring = [[x, y], [x + length, y], [x + length, y + length], [x, y + length], [x, y]]
            rows.append(
                Annotation(
                    slide=slide,
                    label=labels[place % 3 % 2],
                    author=user_factory("ann"),
                    shape="polygon",
                    geometry={"type": "Polygon", "coordinates": [ring]},
                    min_x=x,
                    min_y=y,
                    max_x=x + length,
                    max_y=y + length,
                    area_px=length**2,
                )
            )
        Annotation.objects.bulk_create(rows)
        return slide, rows

    return make


@pytest.fixture
def look(api, user_factory):
    def ask(slide, box, scale, status=200):
        query = {"bbox": ",".join(str(part) for part in box), "scale": scale}
        answer = api(user_factory("ann")).get(f"{API}/slides/{slide.pk}/annotations/view", query)
        assert answer.status_code == status, answer.json()
        return answer.json()

    return ask


def test_a_view_of_few_gets_them_all(crowd, look):
    slide, rows = crowd(120)
    view = look(slide, (1000, 1000, 5000, 4000), 0.5)
    inside = [r for r in rows if r.max_x >= 1000 and r.min_x <= 5000 and r.max_y >= 1000 and r.min_y <= 4000]
    assert view["complete"]
    assert {row["id"] for row in view["annotations"]} == {str(row.pk) for row in inside}
    assert view["count"] == len(inside) > 5
    assert view["cells"] is None


def test_a_view_of_many_gets_the_large_ones_and_exact_counts_of_the_rest(crowd, look, monkeypatch):
    monkeypatch.setattr(in_view, "MOST_IN_VIEW", 60)
    slide, rows = crowd(600)
    view = look(slide, (0, 0, 10_000, 8_000), 0.1)
    assert not view["complete"]
    assert view["count"] == view["total"] == 600
    large = {str(row.pk) for row in rows if row.max_x - row.min_x >= view["min_side"]}
    assert {row["id"] for row in view["annotations"]} == large
    assert 0 < len(large) <= 60
    cells = view["cells"]
    counted: Counter[tuple[int, int, str]] = Counter()
    for row in rows:
        if str(row.pk) not in large:
            column, line = (row.min_x + row.max_x) / 2, (row.min_y + row.max_y) / 2
            counted[int(column // cells["size"]), int(line // cells["size"]), str(row.label_id)] += 1
    answered = {(x, y, cells["labels"][place]): count for x, y, place, count in cells["rows"]}
    assert answered == dict(counted)
    assert {row["label_id"]: row["count"] for row in view["per_label"]} == {
        str(key): value for key, value in Counter(row.label_id for row in rows).items()
    }


def test_more_large_ones_than_a_view_may_have_are_counted_too(crowd, look, monkeypatch):
    monkeypatch.setattr(in_view, "MOST_IN_VIEW", 10)
    slide, _rows = crowd(100, side=30)
    view = look(slide, (0, 0, 10_000, 8_000), 1.0)
    counted = sum(row[3] for row in view["cells"]["rows"])
    assert len(view["annotations"]) <= 10
    assert len(view["annotations"]) + counted == 100


def test_the_view_is_read_through_the_index(crowd):
    slide, _rows = crowd(300)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
    rows = Annotation.objects.filter(slide=slide, deleted_at__isnull=True)
    near = in_view.touching(rows, (100, 100, 900, 900)).order_by().values_list("label_id", "min_x", "max_x")
    assert "annotations_by_view" in near.explain()


def test_a_view_that_is_no_box_is_refused(crowd, look):
    slide, _rows = crowd(1)
    for box in [(5, 0, 1, 1), ("nan", 0, 1, 1), (0, 0, "inf", 1), (1, 2, 3), ("a", 1, 2, 3)]:
        assert "bbox" in look(slide, box, 1, status=400)["errors"]
    look(slide, (0, 0, 1, 1), 0, status=400)


def test_the_list_is_searched_ordered_and_named_by_the_server(crowd, api, user_factory):
    slide, rows = crowd(60)
    client = api(user_factory("ann"))
    address = f"{API}/slides/{slide.pk}/annotations"
    largest = client.get(address, {"order": "largest", "page_size": 2}).json()["results"]
    assert {row["id"] for row in largest} == {str(rows[0].pk), str(rows[50].pk)}
    assert client.get(address, {"search": "strom"}).json()["count"] == 20
    two = f"{rows[3].pk},{rows[7].pk}"
    assert {row["id"] for row in client.get(address, {"ids": two}).json()["results"]} == set(two.split(","))
    assert client.get(address, {"bbox": "0,0,10000,8000"}).json()["count"] == 60
    assert client.get(address, {"ids": "no id"}).status_code == 400
