"""Fixtures that all tests share: people, projects, slides, signed-in clients, jobs run in place."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

# A busy machine must not fail a test: properties are asserted, times never.
hypothesis_settings.register_profile(
    "busy", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=False
)
hypothesis_settings.load_profile("busy")

ROOT = Path(__file__).resolve().parents[1]


def data_folder() -> Path:
    return Path(os.environ.get("COVERSLIP_DATA", ROOT.parent / "shared" / "data"))


def pytest_report_header():
    folder = data_folder()
    return f"data of tests: {folder if folder.is_dir() else 'stand-in of phantoms, no folder ' + str(folder)}"


def pytest_collection_modifyitems(items):
    """Skip tests of facts of the real data without it, and mark the tests that use no database.

    Those run on SQLite; on PostgreSQL they would only run again.
    """
    without = pytest.mark.skip(reason="asserts facts of the real data, which is missing (COVERSLIP_DATA)")
    is_real = data_folder().is_dir()
    for item in items:
        if not is_real and item.get_closest_marker("real_data"):
            item.add_marker(without)
        if "db" not in item.fixturenames and item.get_closest_marker("django_db") is None:
            item.add_marker(pytest.mark.one_database)


def pytest_terminal_summary(terminalreporter):
    """Name the data, also where -q hides the header, and count the skipped tests by reason."""
    if terminalreporter.verbosity < 0:
        terminalreporter.write_line(pytest_report_header())
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    )
    if reasons:
        terminalreporter.section("skipped, by reason")
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count:5}  {reason}")


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """Return the folder of real data, or where it is missing a stand-in that is written once a run."""
    folder = data_folder()
    if folder.is_dir():
        return folder
    from tests.stand_in import stand_in_folder

    own = tmp_path_factory.getbasetemp()
    # The runners of pytest-xdist have a folder each, below that of the run.
    return stand_in_folder(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


@pytest.fixture(scope="session")
def case_file():
    """Return a file of a reported case, or skip: ``case_file("01-grey16-edge-tiles", "grey16.tif")``."""

    def find(case: str, name: str) -> Path:
        cases = ROOT.parent / "shared" / "cases"
        path = cases / case / name
        if not path.exists():
            pytest.skip(f"the reported cases are missing: {cases}")
        return path

    return find


@pytest.fixture(autouse=True)
def home(request, tmp_path_factory):
    """Give each test that uses Django its own data folder."""
    if "settings" not in request.fixturenames and "django_db_setup" not in request.fixturenames:
        yield None
        return
    settings = request.getfixturevalue("settings")
    folder = tmp_path_factory.mktemp("home")
    settings.HOME = folder
    settings.STORAGE_ROOT = folder / "storage"
    yield folder


@pytest.fixture(autouse=True)
def no_broker(request, monkeypatch):
    """Disable the broker: ``run_jobs`` runs queued jobs."""
    if "django_db_setup" in request.fixturenames:
        monkeypatch.setattr("server.jobs.services.send", lambda _job: True)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup):
    """End the threads of the web application before the database is dropped, which they hold open."""
    yield
    web = sys.modules.get("server.config.asgi")
    if web is not None:
        web.django_application.close()


@pytest.fixture
def user_factory(db):
    from server.accounts.models import User

    def make(username: str = "person", *, administrator: bool = False) -> User:
        user, new = User.objects.get_or_create(
            username=username, defaults={"is_superuser": administrator, "display_name": username.title()}
        )
        if new:
            user.set_password("a long test password")
            user.save()
        return user

    return make


@pytest.fixture
def project_factory(user_factory):
    from server.projects.models import Membership, Project

    def make(name: str = "Project", **members: str) -> Project:
        """Create a project with its members, as in ``project_factory(manager="mia", reviewer="rob")``."""
        project = Project.objects.create(name=name)
        for role, username in members.items():
            Membership.objects.create(project=project, user=user_factory(username), role=role)
        return project

    return make


@pytest.fixture
def label_factory():
    from server.projects.models import Label

    def make(project, name: str = "Tumour", colour: str = "#d55e00", key: int | None = None) -> Label:
        order = project.labels.count()
        return Label.objects.create(project=project, name=name, colour=colour, key=key, order=order)

    return make


@pytest.fixture
def slide_factory(user_factory):
    """Create a ready slide without a file, for tests that read no pixels."""
    from server.slides.models import Case, Slide

    def make(project, name: str = "slide", case: str = "", **values) -> Slide:
        number = Slide.objects.count() + 1
        defaults = {
            "state": Slide.State.READY,
            "sha256": f"{number:064x}",
            "width": 10_000,
            "height": 8_000,
            "tile_size": 256,
            "level_count": 6,
            "mpp_x": 0.5,
            "mpp_y": 0.5,
            "resolution_source": "file",
            "file_mpp_x": 0.5,
            "file_mpp_y": 0.5,
            "file_resolution_source": "file",
            "magnification_source": "file",
            "magnification": 20.0,
            "format": "test",
            "size_bytes": 1,
        }
        case_row, _ = Case.objects.get_or_create(project=project, pseudonym=case or f"case of {name}")
        return Slide.objects.create(
            project=project,
            case=case_row,
            name=name,
            created_by=user_factory("importer"),
            **{**defaults, **values},
        )

    return make


@pytest.fixture
def real_slide(user_factory, run_jobs):
    """Import a real file through the product's own way in."""
    from django.core.management import call_command

    from server.slides.models import Slide

    def bring(project, path: Path) -> Slide:
        user_factory("root", administrator=True)
        before = set(Slide.objects.values_list("pk", flat=True))
        call_command("import_slides", str(path), project=str(project.pk), verbosity=0)
        run_jobs()
        return Slide.objects.exclude(pk__in=before).get()

    return bring


@pytest.fixture(scope="session")
def imported(tmp_path_factory):
    """Slides that ``ready_slide`` has imported in this session: by path, their storage and their columns."""
    return {"folder": tmp_path_factory.mktemp("imported")}


@pytest.fixture
def ready_slide(real_slide, user_factory, settings, imported):
    """Return a real slide as its import leaves it; each file is imported once in a session.

    For tests of what comes after an import: the slide has its files, and no job or audit record.
    """
    from server.slides.models import Case, Slide

    def bring(project, path: Path) -> Slide:
        if path not in imported:
            slide = real_slide(project, path)
            kept = imported["folder"] / slide.sha256
            shutil.copytree(settings.STORAGE_ROOT, kept)
            left_out = ("id", "project_id", "case_id", "created_by_id", "import_job_id")
            columns = {field.attname: getattr(slide, field.attname) for field in Slide._meta.fields}
            imported[path] = kept, {name: columns[name] for name in columns if name not in left_out}
            return slide
        kept, columns = imported[path]
        shutil.copytree(kept, settings.STORAGE_ROOT, dirs_exist_ok=True)
        number = Case.objects.filter(project=project).count() + 1
        case = Case.objects.create(project=project, pseudonym=f"Case {number:04}")
        root = user_factory("root", administrator=True)
        return Slide.objects.create(project=project, case=case, created_by=root, **columns)

    return bring


@pytest.fixture
def api():
    """Return a client: ``api(user)`` is signed in, ``api()`` is not."""
    from rest_framework.test import APIClient

    def client(user=None) -> APIClient:
        made = APIClient()
        if user is not None:
            made.force_authenticate(user)
        return made

    return client


@pytest.fixture
def run_jobs(db):
    """Run every queued job in this process, also those that they start; returns their number."""
    import server.config.celery
    from server.jobs.models import Job
    from server.jobs.runner import run_job

    server.config.celery.app.loader.import_default_modules()

    def run(limit: int = 100) -> int:
        for count in range(limit):
            job = Job.objects.filter(state=Job.State.QUEUED).order_by("created_at").first()
            if job is None:
                return count
            run_job(job.pk, with_heart=False)
        raise AssertionError(f"more than {limit} jobs: do they start each other?")

    return run
