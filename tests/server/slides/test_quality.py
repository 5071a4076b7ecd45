"""The quality map of a slide through the API: requested, made by a job, shown, used as a filter."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from ml.claims.pairs import write_tiff
from ml.contracts import Bounds
from ml.slides import open_slide
from ml.slides.quality.map import CLASSES as KNOWN
from server.slides.quality.services import CLASSES

# Files, pixels and networks are checked here, which no database changes.
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

API = "/api/v1"
GREEN = (20, 120, 60)


@pytest.fixture
def marked(data, tmp_path):
    """A piece of a real slide with a stroke of green pen over it."""
    with open_slide(data / "slides" / "cmu-1-small-region.svs") as reader:
        pixels = reader.read(Bounds(300, 400, 1500, 1500), (1500, 1500)).copy()
    pixels[600:900, 200:1300] = GREEN
    write_tiff(tmp_path / "marked.tif", pixels)
    return tmp_path / "marked.tif"


def test_pen_is_mapped_where_it_is_and_the_gallery_finds_the_slide(
    api, user_factory, project_factory, real_slide, slide_factory, marked, run_jobs
):
    project = project_factory(annotator="ann", manager="mia")
    ann = api(user_factory("ann"))
    slide = real_slide(project, marked)
    slide_factory(project, "other")
    address = f"{API}/slides/{slide.pk}/quality"
    assert ann.get(address).json() == {"job": None, "map": None}
    asked = ann.post(address)
    assert (asked.status_code, asked.json()["map"]) == (202, None)
    assert ann.post(address).json()["job"]["id"] == asked.json()["job"]["id"]
    run_jobs()
    quality = ann.post(address).json()
    assert quality["job"]["id"] == asked.json()["job"]["id"]
    shown = quality["map"]
    shares = {row["name"]: row for row in shown["shares"]}
    assert shares["pen"]["share"] > 0.1
    classes = np.asarray(Image.open(io.BytesIO(ann.get(shown["picture"]).content)))
    assert classes.shape == (shown["rows"], shown["columns"])
    row, column = int(750 / shown["step"]), int(700 / shown["step"])
    assert classes[row, column] == shares["pen"]["number"]
    listed = ann.get(f"{API}/projects/{project.pk}/slides?artefact=pen").json()["results"]
    assert [row["id"] for row in listed] == [str(slide.pk)]
    assert ann.get(f"{API}/projects/{project.pk}/slides?artefact=dust").status_code == 400


def test_a_slide_that_cannot_be_read_fails_with_a_sentence_and_can_be_tried_again(
    api, user_factory, project_factory, slide_factory, run_jobs
):
    project = project_factory(annotator="ann")
    ann = api(user_factory("ann"))
    address = f"{API}/slides/{slide_factory(project).pk}/quality"
    first = ann.post(address).json()["job"]["id"]
    run_jobs()
    failed = ann.get(address).json()
    assert (failed["job"]["state"], failed["map"]) == ("failed", None)
    assert failed["job"]["error"]["text"]
    assert ann.post(address).json()["job"]["id"] != first


def test_numbers_of_classes_are_those_of_the_method():
    assert CLASSES == KNOWN


def test_a_project_maps_new_slides_only_where_its_manager_says_so(
    api, user_factory, project_factory, real_slide, marked, data
):
    project = project_factory(annotator="ann", manager="mia")
    ann, mia = api(user_factory("ann")), api(user_factory("mia"))
    address = f"{API}/projects/{project.pk}"
    assert mia.get(address).json()["map_quality"] is False
    before = real_slide(project, data / "slides" / "cmu-1-small-region.svs")
    assert ann.get(f"{API}/slides/{before.pk}/quality").json()["job"] is None
    assert ann.patch(address, {"map_quality": True}, format="json").status_code == 403
    assert mia.patch(address, {"map_quality": True}, format="json").json()["map_quality"] is True
    after = real_slide(project, marked)
    assert ann.get(f"{API}/slides/{after.pk}/quality").json()["map"] is not None
    assert ann.get(f"{API}/slides/{before.pk}/quality").json()["job"] is None


def test_all_slides_without_a_map_are_mapped_at_once(
    api, user_factory, project_factory, real_slide, slide_factory, marked, run_jobs
):
    project = project_factory(annotator="ann", manager="mia")
    slide = real_slide(project, marked)
    slide_factory(project, "being brought", state="importing", sha256="")
    mia = api(user_factory("mia"))
    address = f"{API}/projects/{project.pk}/quality"
    assert api(user_factory("ann")).post(address).status_code == 403
    assert [mia.post(address).json()["count"] for _ in range(2)] == [1, 0]
    run_jobs()
    assert mia.get(f"{API}/slides/{slide.pk}/quality").json()["map"] is not None
    assert mia.post(address).json() == {"count": 0}


def test_slides_of_channels_are_left_to_methods_that_read_them(
    api, user_factory, project_factory, real_slide, tmp_path
):
    project = project_factory(manager="mia")
    mia = api(user_factory("mia"))
    mia.patch(f"{API}/projects/{project.pk}", {"map_quality": True}, format="json")
    path = tmp_path / "two.ome.tif"
    planes = np.full((2, 512, 512), 900, np.uint16)
    tifffile.imwrite(
        path,
        planes,
        ome=True,
        tile=(256, 256),
        photometric="minisblack",
        metadata={"axes": "CYX", "Channel": {"Name": ["DAPI", "CD3"]}},
    )
    slide = real_slide(project, path)
    assert slide.channel_names == ("DAPI", "CD3")
    jobs = mia.get(f"{API}/jobs", {"project": str(project.pk)}).json()["results"]
    assert [job["kind"] for job in jobs if job["kind"] != "import_slide"] == []
    assert mia.post(f"{API}/projects/{project.pk}/quality").json() == {"count": 0}
    assert mia.post(f"{API}/projects/{project.pk}/atlas").json()["code"] == "no_slides"
