"""Operation and protection of an installation: proxies, health, caches, secrets, default passwords."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.db.utils import OperationalError

from server.accounts.models import User
from server.config.demo import DEMO_PASSWORD, DEMO_USERS
from server.config.management.commands import up
from server.config.management.commands.up import _set_passwords
from server.config.proxies import TrustedProxies, parse_networks
from tests.conftest import ROOT

SECRET = "x" * 50


def forwarded(client, headers, trusted=("10.0.0.0/8",), scheme="http"):
    """Return the scope that the application behind the middleware receives."""
    scopes = []

    async def behind(scope, _receive, _send):
        scopes.append(scope)

    scope = {"type": "http", "scheme": scheme, "client": (client, 1), "headers": headers, "path": "/"}
    async_to_sync(TrustedProxies(behind, parse_networks(trusted)))(scope, None, None)
    return scopes[0]


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("1.2.3.4, 192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, 10.1.1.1", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("", "10.0.0.1"),
        ("unknown", "10.0.0.1"),
        ("<script>", "10.0.0.1"),
    ],
)
def test_a_trusted_proxy_reports_the_client(chain, address):
    headers = [(b"x-forwarded-for", chain.encode()), (b"x-forwarded-proto", b"https")]
    scope = forwarded("10.0.0.1", headers)
    assert (scope["client"][0], scope["scheme"]) == (address, "https")


def test_the_headers_of_others_are_not_believed():
    headers = [(b"x-forwarded-for", b"1.2.3.4"), (b"x-forwarded-proto", b"https"), (b"host", b"here")]
    for trusted in ((), ("10.0.0.0/8",)):
        scope = forwarded("192.0.2.9", headers, trusted)
        assert (scope["client"][0], scope["scheme"]) == ("192.0.2.9", "http")
        assert scope["headers"] == [(b"host", b"here")]


def test_a_scheme_that_is_none_changes_nothing():
    assert forwarded("10.0.0.1", [(b"x-forwarded-proto", b"javascript")])["scheme"] == "http"


@pytest.mark.django_db
def test_health_is_public_and_follows_the_database(client, monkeypatch):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json(), answer["Cache-Control"]) == (200, {"status": "ok"}, "no-store")
    assert client.post("/healthz").status_code == 405

    def broken():
        raise OperationalError

    monkeypatch.setattr(connection, "cursor", broken)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"status": "database_unavailable"})


@pytest.mark.django_db
def test_answers_of_the_api_are_kept_by_nobody(client, api, user_factory):
    for path in ("/api/v1/session", "/api/v1/projects", "/api/v1/nothing"):
        assert client.get(path)["Cache-Control"] == "no-store", path
        assert api(user_factory("ann")).get(path)["Cache-Control"] == "no-store", path


@pytest.mark.django_db
def test_the_schema_is_generated_once(client, monkeypatch):
    from drf_spectacular.generators import SchemaGenerator

    first = client.get("/api/v1/schema")
    monkeypatch.setattr(SchemaGenerator, "get_schema", lambda *_args, **_options: pytest.fail("again"))
    assert client.get("/api/v1/schema").content == first.content
    assert "max-age" in first["Cache-Control"]


def start_production(**environment):
    """Import the production settings in a subprocess; return its exit code and its output."""
    complete = {
        "SECRET_KEY": SECRET, "ALLOWED_HOSTS": "slides.example.org",
        "CSRF_TRUSTED_ORIGINS": "https://slides.example.org",
        "DATABASE_URL": "postgres://u@127.0.0.1/d", "CELERY_BROKER_URL": "redis://127.0.0.1:6379/1",
    }  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if name not in complete}
    chosen = {name: value for name, value in {**complete, **environment}.items() if value is not None}
    done = subprocess.run(
        [sys.executable, "-c", "import server.config.settings.production"],
        cwd=ROOT, env={**kept, **chosen}, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stderr


def test_production_starts_with_everything_given():
    assert start_production()[0] == 0
    assert start_production(DATABASE_URL=None, CELERY_BROKER_URL=None, ALLOW_EMBEDDED="1")[0] == 0


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({"DATABASE_URL": None}, "DATABASE_URL"),
        ({"CELERY_BROKER_URL": None}, "CELERY_BROKER_URL"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": None}, "SECRET_KEY"),
        ({"ALLOWED_HOSTS": None}, "ALLOWED_HOSTS"),
    ],
)
def test_production_refuses_what_serves_one_machine_only(environment, word):
    code, words = start_production(**environment)
    assert code != 0
    assert word in words.splitlines()[-1]


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_the_default_password_is_for_the_loopback(host):
    assert _set_passwords(host) == dict.fromkeys(DEMO_USERS, DEMO_PASSWORD)
    assert User.objects.get(username="admin").check_password(DEMO_PASSWORD)


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "slides.example.org"])
def test_elsewhere_a_password_is_generated_also_for_those_who_have_the_default(host):
    _set_passwords("127.0.0.1")
    changed = User.objects.get(username="manager")
    changed.set_password("a password of her own")
    changed.save()
    printed = _set_passwords(host)
    assert set(printed) == set(DEMO_USERS) - {"manager"}
    for name, password in printed.items():
        assert password != DEMO_PASSWORD
        assert User.objects.get(username=name).check_password(password)
    assert User.objects.get(username="manager").check_password("a password of her own")
    assert _set_passwords(host) == {}


@pytest.mark.django_db
def test_new_users_elsewhere_get_a_generated_password():
    printed = _set_passwords("0.0.0.0")
    assert set(printed) == set(DEMO_USERS)
    assert DEMO_PASSWORD not in printed.values()


def test_no_other_user_of_the_machine_may_read_the_data_folder(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    (home / "coverslip.sqlite3").touch(mode=0o644)
    script = (
        "import django, subprocess; django.setup(); from server.core.files.storage import storage_path;"
        "upload = storage_path('uploads/x'); upload.parent.mkdir(parents=True); upload.touch();"
        f"open(r'{home / 'made later'}', 'w').close();"
        f"subprocess.run(['touch', r'{home / 'by a child.log'}'], check=True)"
    )
    environment = {
        **os.environ, "COVERSLIP_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "server.config.settings.development",
    }  # fmt: skip
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=True)
    everything = [home, *home.rglob("*")]
    assert {"coverslip.sqlite3", "made later", "by a child.log", "uploads", "x"} <= {
        path.name for path in everything
    }
    for path in everything:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_a_part_that_crashes_is_started_again_and_ends_no_other(monkeypatch):
    monkeypatch.setattr(up, "FIRST_PAUSE_SECONDS", 0.01)
    stack = up.Stack("127.0.0.1", 0)
    starts = []
    spawn = stack.spawn

    def note(name, arguments, failures=0):
        starts.append((name, failures))
        spawn(name, arguments, failures)
        if failures == 3:
            stack.stop_on_signal(0, None)

    monkeypatch.setattr(stack, "spawn", note)
    stack.spawn("steady", ["-c", "import time; time.sleep(600)"])
    stack.spawn("crashes", ["-c", "raise SystemExit(1)"])
    try:
        stack.watch()
        assert stack._parts["steady"].process.poll() is None
    finally:
        stack.stop()
    assert starts == [("steady", 0), *(("crashes", number) for number in range(4))]
    assert stack._parts["steady"].process.poll() is not None


def test_a_part_that_crashes_often_is_started_again_later_each_time():
    pauses = [up.Part([], None, 0, failures).pause() for failures in range(12)]
    assert pauses[:4] == [0, 0.5, 1, 2]
    assert max(pauses) == pauses[-1] == up.LONGEST_PAUSE_SECONDS


def test_a_secret_is_there_as_a_whole_or_not_at_all(tmp_path):
    environment = {**os.environ, "COVERSLIP_HOME": str(tmp_path)}
    script = (
        "import os, errno;"
        "from server.config.settings import base;"
        "real = os.fsync\n"
        "def full(_handle): raise OSError(errno.ENOSPC, 'No space left')\n"
        "os.fsync = full\n"
        "import server.config.settings.development"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True)
    assert done.returncode != 0
    assert [path for path in tmp_path.iterdir() if "secret" in path.name] == []
