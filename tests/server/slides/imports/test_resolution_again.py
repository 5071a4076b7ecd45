"""The resolution of imported slides is read again; earlier computations are marked as outdated."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from django.core.management import call_command
from django.utils import timezone
from PIL import Image

from ml.messages import Message
from ml.slides.resolution import Resolution, read_scale
from server.audit.models import AuditRecord
from server.jobs.models import Job
from server.learning.atlas.services import is_outdated
from server.learning.models import Atlas
from server.slides.models import Quality, Slide
from server.slides.quality.services import start_all_quality, start_quality
from server.slides.viewing.services import correct_resolution, read_resolution_again
from tests.server.slides.conftest import API

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

SVS = "cmu-1-small-region.svs"


@pytest.fixture
def manager(user_factory, project):
    return user_factory("mia")


@pytest.fixture
def earlier(project, real_slide, data):
    """A real Aperio slide as an earlier version left it: without the height of its pixels."""
    slide = real_slide(project, data / "slides" / SVS)
    stated = slide.mpp_x
    Slide.objects.filter(pk=slide.pk).update(
        mpp_x=1.0,
        mpp_y=1.0,
        file_mpp_x=1.0,
        file_mpp_y=1.0,
        magnification=10,
        magnification_source="estimated",
    )
    slide.refresh_from_db()
    return slide, stated


def test_the_file_is_read_again_and_the_change_is_audited(earlier, mia):
    slide, stated = earlier
    answer = mia.post(f"{API}/slides/{slide.pk}/resolution")
    assert (answer.status_code, answer.json()["mpp_x"], answer.json()["file_mpp_x"]) == (200, stated, stated)
    record = AuditRecord.objects.get(action="slide.resolution_read")
    assert (record.details["before"]["mpp_x"], record.details["after"]["mpp_x"]) == (1.0, stated)
    assert mia.post(f"{API}/slides/{slide.pk}/resolution").status_code == 200
    assert AuditRecord.objects.filter(action="slide.resolution_read").count() == 1


def test_a_correction_stays_in_use(earlier, manager):
    slide, stated = earlier
    correct_resolution(actor=manager, slide=slide, resolution=Resolution(0.3, 0.4))
    changed = Slide.objects.get(pk=slide.pk).resolution_changed_at
    read_resolution_again(actor=manager, slide=slide)
    slide.refresh_from_db()
    assert (slide.mpp_x, slide.mpp_y, slide.resolution_source) == (0.3, 0.4, "corrected")
    assert (slide.file_mpp_x, slide.resolution_changed_at) == (stated, changed)
    correct_resolution(actor=manager, slide=slide, resolution=None)
    slide.refresh_from_db()
    assert slide.mpp_x == stated


def test_the_command_reads_every_slide_and_names_what_changed_and_what_is_gone(
    earlier, project, slide_factory, capsys
):
    slide, stated = earlier
    slide_factory(project, "lost", source_key="slides/none/content/slide.svs")
    call_command("read_resolution")
    shown = capsys.readouterr()
    assert f"1.0 x 1.0 µm, now {stated}" in shown.out
    assert "than before: 1" in shown.out
    assert "lost: The file of this slide is no longer in the storage." in shown.err
    slide.refresh_from_db()
    assert slide.mpp_x == stated


def test_a_quality_map_from_before_a_change_is_marked_and_made_again(manager, project, mia, slide_factory):
    slide = slide_factory(project)
    made = start_quality(actor=manager, slide=slide)
    Quality.objects.filter(pk=made.pk).update(picture=b"x", step=8.0, rows=1, columns=1)
    Job.objects.update(state="succeeded", finished_at=timezone.now())
    address = f"{API}/slides/{slide.pk}/quality"
    assert mia.get(address).json()["map"]["is_outdated"] is False
    assert start_all_quality(actor=manager, project=project) == 0
    correct_resolution(actor=manager, slide=slide, resolution=Resolution(0.3, 0.3))
    assert mia.get(address).json()["map"]["is_outdated"] is True
    assert start_all_quality(actor=manager, project=project) == 1
    again = Quality.objects.get()
    assert again.job_id != made.job_id
    assert (again.is_outdated, again.picture) == (False, None)


def test_an_atlas_from_before_a_change_is_marked(manager, project, slide_factory):
    slides = [slide_factory(project, name) for name in "ab"]
    job = Job.objects.create(
        kind="build_atlas", title=Message("verbatim", text="Atlas"), project=project, created_by=manager
    )
    atlas = Atlas.objects.create(project=project, job=job)
    assert is_outdated(atlas, Slide.objects.all()) is False
    correct_resolution(actor=manager, slide=slides[1], resolution=Resolution(0.3, 0.3))
    assert is_outdated(atlas, Slide.objects.all()) is True


def png_with_density(path, per_metre, unit=1):
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(path)
    content = path.read_bytes()
    body = b"pHYs" + struct.pack(">IIB", *per_metre, unit)
    chunk = struct.pack(">I", 9) + body + struct.pack(">I", zlib.crc32(body))
    end = content.index(b"IDAT") - 4
    path.write_bytes(content[:end] + chunk + content[end:])


PLAIN = [((4_000_000, 2_000_000), 1, (0.25, 0.5)), ((4_000_000, 4_000_000), 0, None), ((2835, 2835), 1, None)]


@pytest.mark.parametrize(("per_metre", "unit", "expected"), PLAIN)
def test_png_states_pixels_per_metre_along_both_axes(tmp_path, per_metre, unit, expected):
    png_with_density(tmp_path / "a.png", per_metre, unit)
    resolution = read_scale(tmp_path / "a.png", (30, 20)).resolution
    assert (resolution and (round(resolution.x, 4), round(resolution.y, 4))) == expected


JPEGS = [
    ((2, 20_000, 40_000), (0.5, 0.25)),
    ((1, 50_800, 50_800), (0.5, 0.5)),
    ((1, 72, 72), None),
    ((0, 1, 1), None),
]


@pytest.mark.parametrize(("density", "expected"), JPEGS)
def test_jpeg_states_dots_per_inch_or_centimetre(tmp_path, density, expected):
    path = tmp_path / "a.jpg"
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(path)
    content = bytearray(path.read_bytes())
    at = content.index(b"JFIF\0") + 7
    content[at : at + 5] = struct.pack(">BHH", *density)
    path.write_bytes(content)
    resolution = read_scale(path, (30, 20)).resolution
    assert (resolution and (round(resolution.x, 4), round(resolution.y, 4))) == expected


def test_a_vendors_resolution_and_power_are_read(data):
    scale = read_scale(data / "slides" / SVS, (2220, 2967))
    assert (round(scale.resolution.x, 3), round(scale.resolution.y, 3)) == (0.499, 0.499)
    assert (scale.power, scale.estimated) == (20, False)
