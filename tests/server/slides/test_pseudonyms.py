"""Cases get neutral pseudonyms: names of files and folders often name the patient."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command

from server.slides.models import Case, Slide
from tests.server.slides.conftest import send

pytestmark = pytest.mark.django_db

API = "/api/v1"
PATIENT = "DOE_Jane_1961-04-02"


@pytest.fixture
def bring(mia, project, tmp_path):
    """Upload a file of this name, as in ``bring(name)``; returns its slide."""

    def upload(name=f"{PATIENT}.tif", to=project, **extra):
        path = tmp_path / "content.tif"
        path.write_bytes(str(Slide.objects.count()).encode())
        return Slide.objects.get(pk=send(mia, to, path, filename=name, **extra)["Coverslip-Slide"])

    return upload


def pseudonyms():
    return [str(slide.case) for slide in Slide.objects.select_related("case").order_by("created_at")]


def test_an_upload_is_not_named_after_its_file(mia, project, bring):
    bring()
    cases = mia.get(f"{API}/projects/{project.pk}/cases").json()["results"]
    assert [case["pseudonym"] for case in cases] == ["Case 0001"]
    assert "DOE" not in json.dumps(cases)
    assert "DOE" not in str(list(Case.objects.values()))


def test_files_of_one_name_are_one_case(bring):
    for name in (f"{PATIENT}.tif", f"{PATIENT}.svs", "other.tif"):
        bring(name)
    assert pseudonyms() == ["Case 0001", "Case 0001", "Case 0002"]


def test_a_chosen_pseudonym_stays_and_a_taken_one_is_passed_over(bring):
    bring("a.tif", case="P-17")
    bring("b.tif", case="Case 0001")
    bring("c.tif")
    assert pseudonyms() == ["P-17", "Case 0001", "Case 0002"]


def test_a_number_is_not_given_again(mia, bring):
    slide = bring("a.tif")
    assert mia.delete(f"{API}/slides/{slide.pk}").status_code == 204
    assert not Case.objects.exists()
    bring("b.tif")
    assert pseudonyms() == ["Case 0002"]


def test_each_project_counts_for_itself(bring, project_factory):
    bring()
    bring(to=project_factory("Other", manager="mia"))
    assert pseudonyms() == ["Case 0001", "Case 0001"]
    assert Case.objects.count() == 2


@pytest.mark.parametrize("folder", [PATIENT, "drop"])
def test_a_folder_names_no_case(mia, project, data, folder):
    """The instances of a series are one slide, named after their folder."""
    files = sorted((data / "slides" / "cmu-1-small-region-dicom").iterdir())
    assert files
    for number, path in enumerate(files):
        send(mia, project, path, folder="f", relative_path=f"{folder}/{PATIENT}-{number}.dcm")
    done = mia.post(f"{API}/projects/{project.pk}/uploads/finish", {"folder": "f"}, format="json").json()
    assert done["slides"]
    assert {slide["case"]["pseudonym"] for slide in done["slides"]} == {"Case 0001"}


def test_the_command_line_names_no_case_after_a_file(project, user_factory, tmp_path):
    user_factory("root", administrator=True)
    (tmp_path / f"{PATIENT}.tif").write_bytes(b"x")
    call_command("import_slides", str(tmp_path / f"{PATIENT}.tif"), project=str(project.pk), verbosity=0)
    assert pseudonyms() == ["Case 0001"]
    (tmp_path / "b.tif").write_bytes(b"y")
    call_command("import_slides", str(tmp_path / "b.tif"), project=str(project.pk), case="P-1", verbosity=0)
    assert pseudonyms() == ["Case 0001", "P-1"]
