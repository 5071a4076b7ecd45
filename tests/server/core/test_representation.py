"""Prepared serializers convert as the REST framework's own do."""

from __future__ import annotations

import uuid

import pytest
from rest_framework import serializers

from server.annotations.models import Annotation
from server.annotations.serializers import AnnotationSerializer, BatchSerializer
from server.core.representation import represent, represent_all, validate
from server.review.models import Verdict
from server.review.serializers import GivenVerdictSerializer
from server.slides.serializers import SlideSerializer

pytestmark = pytest.mark.django_db

KEY = "0b0e0a0e-0000-4000-8000-000000000001"
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]}


@pytest.fixture
def rows(project_factory, slide_factory, label_factory, user_factory):
    from server.objects.models import ObjectSet

    project = project_factory()
    slide, label = slide_factory(project), label_factory(project)
    annotation = Annotation.objects.create(
        slide=slide, label=label, shape="polygon", geometry=SQUARE, author=user_factory("ann"),
        min_x=0, min_y=0, max_x=9, max_y=9, parent_object_set_id=uuid.uuid4(), parent_object_index=3,
    )  # fmt: skip
    made = ObjectSet.objects.create(slide=slide, name="first", source="model")
    verdict = Verdict.objects.create(
        object_set=made, sequence=1, kind="accepted", reviewer=user_factory("rita"), objects_bitmap=b"",
        first_index=1, last_index=1, count=1,
    )  # fmt: skip
    verdict.meanwhile = [verdict]
    return {AnnotationSerializer: annotation, SlideSerializer: slide, GivenVerdictSerializer: verdict}


def test_represents_as_the_framework_does(rows):
    for serializer, row in rows.items():
        assert represent(serializer, row) == serializer(row).data
        assert represent_all(serializer, [row, row]) == serializer([row, row], many=True).data


def test_leaves_out_what_a_row_does_not_have(rows):
    """An old verdict has no ``meanwhile``; a field that is not required is left out."""

    class Optional(serializers.Serializer):
        kind = serializers.CharField()
        other = serializers.CharField(required=False)

    row = rows[GivenVerdictSerializer]
    assert represent(Optional, row) == Optional(row).data == {"kind": "accepted"}


def test_objects_that_refer_to_one_row_share_its_values(rows):
    first, second = rows[GivenVerdictSerializer], Verdict(id=uuid.uuid4(), kind="accepted")
    second.reviewer = first.reviewer
    second.meanwhile = []
    one, other = represent_all(GivenVerdictSerializer, [first, second])
    assert one["reviewer"] is other["reviewer"]
    assert other == GivenVerdictSerializer(second).data


def test_values_of_rows_that_are_made_for_each_object_are_not_mixed_up():
    """Their ids in memory may be used again."""
    from server.slides.models import Case
    from server.slides.serializers import CaseSerializer

    class Holder(serializers.Serializer):
        case = CaseSerializer()

    class Made:
        def __init__(self, name):
            self.name = name

        @property
        def case(self):
            return Case(pseudonym=self.name)

    values = represent_all(Holder, (Made(str(number)) for number in range(200)))
    assert [value["case"]["pseudonym"] for value in values] == [str(number) for number in range(200)]


@pytest.mark.parametrize(
    "changes",
    [
        [
            {
                "op": "create",
                "id": KEY,
                "shape": "polygon",
                "geometry": SQUARE,
            }
        ],
        [{"op": "create", "id": "nothing"}],
        [{"op": "update", "id": KEY}],
        "nothing",
    ],
)
def test_validates_as_the_framework_does(changes):
    form = BatchSerializer(data={"changes": changes})
    if form.is_valid():
        assert validate(BatchSerializer, {"changes": changes}) == form.validated_data
    else:
        with pytest.raises(serializers.ValidationError) as refused:
            validate(BatchSerializer, {"changes": changes})
        assert refused.value.detail == form.errors
