"""JSON of responses, beside that of the REST framework."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal

import numpy as np
import pytest
from django.utils.functional import lazystr
from rest_framework.exceptions import ErrorDetail
from rest_framework.renderers import JSONRenderer as SlowJSONRenderer
from rest_framework.utils.serializer_helpers import ReturnDict

from server.core.rendering import JSONRenderer
from server.slides.models import Slide

VALUES = {
    "texts": ["", 'é\n"\\', "病理", "\u2028", lazystr("later"), ErrorDetail("no", code="bad")],
    "numbers": [0, -1, 2**62, 0.1, 1e16, 1e-7, -0.0, np.float64(2.5), np.float32(1.5), np.int64(7)],
    "arrays": [np.arange(3), (1, 2), [], {}],
    "choices": [Slide.State.READY, None, True, False],
    "places": {1: "one", "two": {"x": 1.5}},
    "others": [
        uuid.UUID(int=7),
        Decimal("1.50"),
        dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC),
        dt.date(2026, 1, 2),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_the_document_equals_that_of_the_framework(name):
    data = ReturnDict({name: VALUES[name]}, serializer=None)
    document = JSONRenderer().render(data, "application/json", {})
    assert json.loads(document) == json.loads(SlowJSONRenderer().render(data, "application/json", {}))


def test_no_content_and_indented_documents_are_those_of_the_framework():
    for data, media_type in ((None, "application/json"), ({"a": [1]}, "application/json; indent=4")):
        expected = SlowJSONRenderer().render(data, media_type, {})
        assert JSONRenderer().render(data, media_type, {}) == expected


def test_a_number_that_json_lacks_becomes_null():
    assert JSONRenderer().render([float("nan"), float("inf"), 1.0]) == b"[null,null,1.0]"


def test_an_object_that_is_no_json_is_refused():
    with pytest.raises(TypeError):
        JSONRenderer().render([object()])
