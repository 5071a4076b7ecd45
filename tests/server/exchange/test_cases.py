"""Reported cases of annotation files, imported through the API."""

from __future__ import annotations

import pytest

from server.annotations.models import Annotation
from server.jobs.models import Job
from server.projects.models import Label
from tests.server.exchange.test_import_identity import send

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def slide(project, slide_factory):
    """A slide as large as that of the cases."""
    return slide_factory(project, "slide", width=300, height=260)


@pytest.fixture
def bring(mia, slide, case_file):
    def one(case, name, **options):
        return send(mia, slide, case_file(case, name).read_bytes(), name=name, create_labels=True, **options)

    return one


def labels():
    return {label.name: label.colour for label in Label.objects.all()}


NAMES = [
    ("14-class-as-json-text", "class-text.geojson", {"Tumor": "#c80000"}),
    ("15-class-named-zero", "zero.geojson", {"0": None, "1": None}),
    ("15-class-named-zero", "number-and-list.geojson", {"7": None, "Tumor: Positive": None}),
]


@pytest.mark.parametrize(("case", "name", "expected"), NAMES)
def test_classes_become_labels_wherever_they_are(bring, case, name, expected):
    bring(case, name)
    by_name = labels()
    assert set(by_name) == set(expected)
    assert all(colour is None or by_name[label] == colour for label, colour in expected.items())
    assert not Annotation.objects.filter(label=None).exists()


def test_colours_are_those_of_the_file(bring):
    bring("16-class-colours", "colours.geojson")
    assert {"#ff0000", "#00ff00"} <= set(labels().values())


def test_long_names_stay_two_labels(bring):
    report = bring("31-long-class-names", "long.geojson")
    assert (report["created"], len(labels())) == (2, 2)
    assert Annotation.objects.values("label").distinct().count() == 2


def test_an_empty_description_of_aperio_is_no_label(bring):
    assert bring("13-aperio-empty-description", "layer.xml")["created"] == 1
    assert "Description" not in labels()


def test_nothing_within_or_among_shapes_is_lost(bring):
    assert bring("17-nested-child-objects", "hierarchy.geojson")["skipped"] == []
    nested = Annotation.objects.count()
    assert nested > 1
    assert bring("18-many-part-geometries", "lines-and-points.geojson")["skipped"] == []
    assert Annotation.objects.count() > nested + 1


def test_an_exclusion_alone_is_a_shape(bring):
    assert bring("19-asap-exclusion-alone", "exclusion.xml")["created"] == 1
    assert set(labels()) == {"Exclusion"}


def test_equal_outlines_of_two_readers_are_two_annotations(bring):
    report = bring("20-same-outline-two-readers", "two-readers.geojson")
    assert (report["created"], report["already_there"]) == (2, 0)
    assert len(set(Annotation.objects.values_list("note", flat=True))) == 2


def test_a_bad_number_spoils_its_own_row_only(bring):
    report = bring("24-nan-probability", "nan.geojson")
    assert report["created"] == 2
    reasons = [row["reason"]["code"] for row in report["rows"] if row["reason"]]
    assert reasons == ["row_score_left_out"]
    assert [one.source.get("score") for one in Annotation.objects.order_by("created_at")] == [None, 0.7]


def test_packed_files_are_read_as_annotations(bring, run_jobs):
    report = bring("25-gzip-as-annotations", "shapes.geojson.gz", become="annotations")
    assert report["created"] == 1
    queued = bring("25-gzip-as-annotations", "shapes.geojson.gz", status=202)
    run_jobs()
    assert Job.objects.get(pk=queued["job_id"]).result["report"]["already_there"] == 1


def test_a_shape_that_touches_the_corner_from_outside_is_skipped(bring):
    report = bring("30-beyond-the-corner", "corner.geojson")
    assert (report["created"], len(report["skipped"])) == (0, 1)


def test_an_annotator_gets_all_but_the_new_class_which_is_named(
    ann, slide, case_file, label_factory, project
):
    content = case_file("28-annotator-and-a-new-class", "new-class.geojson").read_bytes()
    label_factory(project, "Tumour")
    report = send(ann, slide, content, name="new-class.geojson", create_labels=True)
    assert "Nerve" in str([row["reason"] for row in report["skipped"]])
    assert report["created"] + len(report["skipped"]) == content.count(b'"Feature"')
    assert set(labels()) == {"Tumour"}
