"""Errors name the user's own file, never the name in the storage."""

from __future__ import annotations

import pytest
from tifffile import TiffFile, imwrite

from ml.contracts import DataError
from ml.messages import Message
from ml.slides import open_slide
from ml.slides.errors import SlideError, with_names
from ml.slides.resolution import opened_square
from server.jobs.models import Job
from server.learning.rounds.jobs import load_dataset
from server.slides.imports.given_names import given_name
from server.slides.selectors import slide_path
from tests import dicom_material as make
from tests.server.slides.conftest import API, send

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def test_a_refusal_of_dicom_names_the_file_that_was_sent(mia, project, gallery, run_jobs, tmp_path):
    path = make.write_colour(tmp_path / "biopsy 7.dcm", make.tissue(), syntax=make.MPEG)
    send(mia, project, path)
    run_jobs()
    [slide] = gallery()
    assert slide["state"] == "failed"
    assert "biopsy 7.dcm" in slide["failure"]["text"]
    assert "slide.dcm" not in slide["failure"]["text"]
    assert "0001.dcm" not in slide["failure"]["text"]


def test_names_are_replaced_in_messages_within_messages():
    inner = Message("dicom_header_damaged", file="0002.dcm")
    outer = Message("of_file", file="0001.dcm", reason=inner)
    renamed = with_names(outer, {"0001.dcm": "a.dcm", "0002.dcm": "b.dcm"})
    assert str(renamed) == "a.dcm: The DICOM header of b.dcm cannot be read."
    assert renamed.params["file"] == "a.dcm"
    assert renamed.params["reason"].params["file"] == "b.dcm"


def test_errors_of_a_stored_slide_name_the_slide(project, slide_factory):
    slide = slide_factory(project, "Kidney", source_key="slides/0/content/slide.svs")
    detail = Message("dicom_header_damaged", file="slide.svs")
    with (
        pytest.raises(SlideError, match="The DICOM header of Kidney cannot be read") as error,
        given_name(slide),
    ):
        raise SlideError(detail, code="unreadable")
    assert (error.value.code, error.value.detail.params["file"]) == ("unreadable", "Kidney")


@pytest.mark.parametrize("damage", ["header", "pixels"])
def test_an_alignment_names_the_one_slide_that_is_damaged(
    mia, project, real_slide, run_jobs, tmp_path, damage
):
    """Both slides are stored under the same file name."""
    slides = []
    for seed, name in enumerate(("Kidney HE", "Kidney IHC")):
        imwrite(
            tmp_path / f"{name}.tif", make.tissue(seed=seed), tile=(128, 128), photometric="rgb",
            compression="deflate",
        )  # fmt: skip
        slides.append(real_slide(project, tmp_path / f"{name}.tif"))
    stored = slide_path(slides[1])
    with TiffFile(stored) as tiff:
        start = tiff.pages[0].dataoffsets[0]
        size = sum(tiff.pages[0].databytecounts)
    content = stored.read_bytes()
    broken = content[:start] + b"\xff" * size + content[start + size :]
    stored.write_bytes(b"nothing" if damage == "header" else broken)
    asked = mia.post(
        f"{API}/slides/{slides[0].pk}/registrations", {"moving_id": str(slides[1].pk)}, format="json"
    )
    assert asked.status_code == 202, asked.content
    run_jobs()
    job = Job.objects.get(kind="register_slides")
    assert job.state == "failed"
    assert "Kidney IHC" in str(job.error)
    assert "Kidney HE" not in str(job.error)
    assert "slide.tif" not in str(job.error)


def test_errors_over_several_slides_name_the_slide_that_is_damaged(project, real_slide, tmp_path):
    """Slides are stored under one file name, so that a round of training cannot name the file."""
    slides = []
    for seed, name in enumerate(("Kidney 1", "Kidney 2")):
        imwrite(tmp_path / f"{name}.tif", make.tissue(seed=seed), tile=(128, 128), photometric="rgb")
        slides.append(real_slide(project, tmp_path / f"{name}.tif"))
    entries = [
        {"slide": str(one.pk), "case": "a", "content": one.sha256, "shapes": [], "finished": [], "mpp": None}
        for one in slides
    ]
    document = {"labels": [], "slides": entries, "parts": {}, "split_by": "case"}
    dataset = load_dataset(document)
    assert [one.path.name for one in dataset.slides] == ["slide.tif", "slide.tif"]
    slide_path(slides[1]).write_bytes(b"nothing")
    with pytest.raises(SlideError) as error, opened_square(open_slide, dataset.slides[1]):
        pass
    assert "Kidney 2" in str(error.value)
    assert "slide.tif" not in str(error.value)
    with pytest.raises(DataError, match="Kidney 1"), opened_square(open_slide, dataset.slides[0]):
        raise DataError(Message("verbatim", text="slide.tif shows no tissue."), code="no_tissue")
