"""Decompression bombs are refused with a message, and the parent survives."""

from __future__ import annotations

import io
import resource

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from server.annotations.models import Annotation
from server.jobs.models import Job
from server.objects.models import ObjectSet
from tests.server.exchange.test_geojson import API, bring

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", reviewer="rob", manager="mia")


@pytest.fixture
def mia(api, user_factory, project):
    return api(user_factory("mia"))


@pytest.fixture
def slide(project, slide_factory):
    return slide_factory(project)


def growing_table(rows=16_384, size=2**20) -> bytes:
    """Return a Parquet of one value in every row: some kilobytes that unpack to 16 GiB."""
    value = pa.array([b"\x01" + bytes(size)], pa.binary())
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int32)), value)
    table = pa.table({"geometry": column})
    sink = io.BytesIO()
    pq.write_table(table.cast(pa.schema({"geometry": pa.binary()})) if rows < 10 else table, sink,
                   compression="zstd", store_schema=False)  # fmt: skip
    return sink.getvalue()


def test_a_table_that_grows_is_refused_and_costs_the_parent_nothing(mia, slide, run_jobs):
    content = growing_table()
    assert len(content) < 100_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused = bring(mia, slide, content, 422, name="a.parquet", become="annotations")
    assert refused["code"] in {"breaks_reader", "bad_object_file"}
    assert refused["message"]["code"]
    bring(mia, slide, content, 202, name="a.parquet", become="objects")
    run_jobs()
    job = Job.objects.get()
    assert (job.state, job.error_code in {"breaks_reader", "bad_object_file"}) == (Job.State.FAILED, True)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 2**20, "the parent took the memory of the file (in KiB)"
    assert not ObjectSet.objects.exists()
    assert not Annotation.objects.exists()


def test_a_preview_of_a_table_that_grows_is_refused(mia, slide):
    file = io.BytesIO(growing_table())
    file.name = "a.parquet"
    body = {"file": file, "become": "objects"}
    answer = mia.post(f"{API}/slides/{slide.pk}/import/preview", body, format="multipart")
    assert (answer.status_code, bool(answer.json()["message"]["code"])) == (422, True)


DIGITS = "9" * 4000


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "Polygon", "coordinates": [[[%s, 1], [5, 5], [9, 1], [1, 1]]]}',
        '{"type": "Feature", "geometry": null, "properties": {"classification": %s}}',
        (
            '{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]},'
            ' "properties": {"classification": {"name": "a", "color": %s}, "measurements": {"a": %s}}}'
        ),
        '{"name": "a", "elements": [{"type": "rectangle", "center": [%s, 1, 0], "width": 5, "height": 5}]}',
    ],
)
@pytest.mark.parametrize("digits", [DIGITS, DIGITS * 2])
def test_a_number_of_thousands_of_digits_is_no_failure_of_the_server(text, digits):
    from server.exchange.errors import NotGeoJsonError
    from server.exchange.formats.files import read_file

    content = text.replace("%s", digits).encode()
    if digits == DIGITS:
        assert list(read_file(content, "a.geojson"))
    else:
        with pytest.raises(NotGeoJsonError):
            list(read_file(content, "a.geojson"))
