"""Ellipses, rectangles and finished regions keep their type, on their slide and on another."""

from __future__ import annotations

import json

import pytest

from ml.formats.figures import ellipse_ring
from server.annotations.models import Annotation, Region
from tests.server.exchange.test_geojson import export, square
from tests.server.exchange.test_import_identity import counts, declare, draw, histoml, send

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

ELLIPSES = [
    {"type": "Polygon", "coordinates": [[[300, 200], [330, 230], [300, 260], [270, 230], [300, 200]]]},
    {"type": "Polygon", "coordinates": [ellipse_ring((500, 400), (80, 40))]},
]


def exported(way, client, slide):
    """Return the export of a slide and a name for it."""
    if way == "histoml":
        return histoml(client, slide), "a.zip"
    return json.dumps({"type": "FeatureCollection", "features": export(client, slide)}).encode(), "a.geojson"


WAYS = ("geojson", "histoml")


@pytest.mark.parametrize("way", WAYS)
def test_ellipses_and_rectangles_come_back_as_such(mia, slide, twin, way):
    draw(mia, slide, shape="rectangle")
    for ellipse in ELLIPSES:
        draw(mia, slide, shape="ellipse", geometry=ellipse)
    draw(mia, slide, geometry=square(600))
    content, name = exported(way, mia, slide)
    assert counts(send(mia, slide, content, name=name))["already_there"] == 4
    assert send(mia, twin, content, name=name)["created"] == 4
    assert send(mia, twin, content, name=name)["already_there"] == 4
    shapes = Annotation.objects.filter(slide=twin).values_list("shape", flat=True)
    assert sorted(shapes) == ["ellipse", "ellipse", "polygon", "rectangle"]
    # The copy says so in its own export too.
    again, name = exported(way, mia, twin)
    assert counts(send(mia, twin, again, name=name))["already_there"] == 4


def test_a_rectangle_that_was_reshaped_elsewhere_is_a_polygon(mia, slide):
    annotation = draw(mia, slide, shape="rectangle")
    features = export(mia, slide)
    features[0]["geometry"]["coordinates"][0][1][0] += 30
    assert send(mia, slide, features)["updated"] == 1
    assert Annotation.objects.get(pk=annotation.pk).shape == "polygon"


@pytest.mark.parametrize("way", WAYS)
def test_a_finished_region_comes_to_another_slide_as_one(mia, slide, twin, way):
    declare(mia, slide, square(side=200))
    draw(mia, slide)
    content, name = exported(way, mia, slide)
    assert counts(send(mia, slide, content, name=name))["already_there"] == 2
    assert send(mia, twin, content, name=name)["created"] == 2
    assert send(mia, twin, content, name=name)["already_there"] == 2
    [region] = Region.objects.filter(slide=twin, revoked_at__isnull=True)
    assert region.geometry == square(side=200)
    assert Annotation.objects.filter(slide=twin).count() == 1


def test_the_same_id_with_another_author_is_the_same_annotation(mia, slide):
    """A file does not change the author of a shape."""
    annotation = draw(mia, slide)
    [feature] = export(mia, slide)
    assert "mia" in json.dumps(feature)
    other = json.loads(json.dumps(feature).replace('"mia"', '"zoe"'))
    result = send(mia, slide, [other])
    assert counts(result) == {"created": 0, "updated": 0, "already_there": 1, "conflicts": 0}
    annotation.refresh_from_db()
    assert (annotation.author.username, annotation.revision) == ("mia", 1)


def test_one_id_with_two_authors_in_a_file_is_two_annotations(mia, slide):
    draw(mia, slide)
    [feature] = export(mia, slide)
    other = json.loads(json.dumps(feature).replace('"mia"', '"zoe"'))
    assert counts(send(mia, slide, [feature, other])) == {
        "created": 1, "updated": 0, "already_there": 1, "conflicts": 0,
    }  # fmt: skip
    assert counts(send(mia, slide, [feature, other]))["already_there"] == 2
    drawn = Annotation.objects.filter(slide=slide, deleted_at__isnull=True)
    assert sorted(row.source.get("author") or row.author.username for row in drawn) == ["mia", "zoe"]
