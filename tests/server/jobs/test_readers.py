"""No job parses a slide in the process of its worker: its file harms its own job alone."""

from __future__ import annotations

import pytest

from ml.slides import reading
from server.jobs.models import Job
from server.slides.selectors import slide_path
from tests.server.core.test_slide_reader import refuse, small_children, write_giant  # noqa: F401 - a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

API = "/api/v1"
READERS = ("file_source", "tiff_source", "DicomSource", "ChannelReader")


@pytest.fixture
def mia(api, user_factory, project_factory):
    user_factory("mia")
    return api(user_factory("mia"))


@pytest.fixture
def project(project_factory, mia):
    return project_factory(manager="mia")


@pytest.fixture
def mosaic(project, real_slide, data):
    return real_slide(project, data / "slides" / "colorectal-mosaic.tif")


def import_truth(client, slide, data):
    with (data / "slides" / "colorectal-mosaic-truth.geojson").open("rb") as file:
        body = {"file": file, "create_labels": "true"}
        assert client.post(f"{API}/slides/{slide.pk}/import", body, format="multipart").json()["created"] == 5


def test_training_prediction_quality_and_alignment_read_in_children(
    mia, project, mosaic, real_slide, data, run_jobs, monkeypatch
):
    other = real_slide(project, data / "slides" / "cmu-1-small-region.svs")
    import_truth(mia, mosaic, data)
    for name in READERS:
        monkeypatch.setattr(reading, name, refuse)
    mia.post(f"{API}/projects/{project.pk}/rounds", {"recipe": "descriptors"}, format="json")
    mia.post(f"{API}/slides/{mosaic.pk}/quality")
    mia.post(f"{API}/slides/{other.pk}/registrations", {"moving_id": str(mosaic.pk)}, format="json")
    run_jobs()
    jobs = Job.objects.values_list("kind", "state", "error_code")
    assert {row for row in jobs if row[1] != Job.State.SUCCEEDED} <= {
        # The two slides are of different tissue.
        ("register_slides", Job.State.FAILED, "not_alike"),
    }
    assert {"run_round", "run_prediction", "map_quality", "register_slides"} <= {row[0] for row in jobs}


def test_a_slide_that_was_exchanged_harms_its_own_job_alone(
    mia,
    project,
    mosaic,
    real_slide,
    data,
    run_jobs,
    small_children,  # noqa: F811
):
    other = real_slide(project, data / "slides" / "cmu-1-small-region.svs")
    path = slide_path(mosaic)
    path.unlink()
    write_giant(path)
    first = mia.post(f"{API}/slides/{mosaic.pk}/quality").json()["job"]["id"]
    second = mia.post(f"{API}/slides/{other.pk}/quality").json()["job"]["id"]
    run_jobs()
    broken = mia.get(f"{API}/jobs/{first}").json()
    assert (broken["state"], broken["error_code"]) == ("failed", "breaks_reader")
    assert "limits of memory and time" in broken["error"]["text"]
    assert mia.get(f"{API}/jobs/{second}").json()["state"] == "succeeded"
