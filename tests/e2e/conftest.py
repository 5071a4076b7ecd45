"""Whole installations: web server, workers, scheduler and broker as a user starts them."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "coverslip"
START_SECONDS = 240

logging.getLogger("httpx").setLevel(logging.WARNING)


def wait_for(what, *, seconds=240.0, every=0.1):
    """Return the first true value of ``what()``; fails when it stays false."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = what()
        if value:
            return value
        time.sleep(every)
    pytest.fail(f"waited {seconds:.0f} s in vain for {getattr(what, '__name__', what)}")
    return None


class Installation:
    """One ``manage.py up`` in its own folder."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._environment = {**os.environ, **environment, "COVERSLIP_HOME": str(home)}
        self._environment["DJANGO_SETTINGS_MODULE"] = "server.config.settings.development"
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[str, Client] = {}

    def start(self) -> None:
        command = [sys.executable, "manage.py", "up", "--port", str(self.port), "--no-demo"]
        self._log = (self.home / "up.log").open("ab")
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=self._environment, stdout=self._log, stderr=subprocess.STDOUT
        )

        def is_up():
            assert self._process.poll() is None, self.log()
            return self.answers()

        wait_for(is_up, seconds=START_SECONDS)
        wait_for(lambda: self.client("admin").get("/projects").json()["count"] >= 1)

    def answers(self) -> bool:
        """Return whether the web server answers."""
        try:
            return httpx.get(f"{self.address}/api/v1/session").status_code == 204
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        """Press Ctrl-C and wait; return the exit code."""
        for client in self._clients.values():
            client.close()
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(30)
        self._log.close()
        return code

    def log(self) -> str:
        return (self.home / "up.log").read_text(errors="replace")[-4000:]

    def client(self, username: str) -> Client:
        """Return the signed-in client of a user; there is one for each."""
        if username not in self._clients:
            self._clients[username] = Client(self.address, username)
        return self._clients[username]

    def processes(self, part: str | None = None) -> list[int]:
        """Return the process ids of one part of this installation, or of all."""
        running = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environ = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            names = [line.partition("=")[2] for line in environ if line.startswith("COVERSLIP_PART=")]
            if f"COVERSLIP_HOME={self.home}" in environ and names and part in (None, names[0]):
                running.append(int(folder.name))
        return running


class Client:
    """A signed-in user's browser session, by HTTP."""

    def __init__(self, address: str, username: str) -> None:
        self._http = httpx.Client(base_url=f"{address}/api/v1", timeout=30)
        me = self._http.post("/session", json={"username": username, "password": PASSWORD}).json()
        self._http.headers["X-CSRFToken"] = me["csrf_token"]

    def __getattr__(self, name: str):
        return getattr(self._http, name)

    def jobs(self, **query) -> list[dict]:
        return self._http.get("/jobs", params={"page_size": 200, **query}).json()["results"]

    def wait_for_jobs(self, project: str, seconds: float = 400) -> None:
        """Wait until no job of a project is queued or running; fail when a job of it failed."""

        def all_ended():
            jobs = self.jobs(project=project)
            failed = [job for job in jobs if job["state"] == "failed"]
            assert not failed, failed
            return jobs and all(job["state"] in ("succeeded", "cancelled") for job in jobs)

        wait_for(all_ended, seconds=seconds)


def _own_database(url: str) -> str:
    """Make a fresh database beside the one that the URL names; return its URL."""
    import psycopg

    name = f"coverslip_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{url.rpartition('/')[0]}/{name}"


def _drop_database(url: str) -> None:
    import psycopg

    base, _, name = url.rpartition("/")
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def installation(tmp_path_factory):
    """The installation that the tests of this folder share."""
    environment = {"JOB_HEARTBEAT_SECONDS": "1", "JOB_LAPSE_SECONDS": "10"}
    url = os.environ.get("DATABASE_URL")
    if url:
        environment["DATABASE_URL"] = url = _own_database(url)
    made = Installation(tmp_path_factory.mktemp("installation"), environment)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        if url:
            _drop_database(url)
    assert made.processes() == []


def import_slide(installation: Installation, path: Path, project: str) -> str:
    """Import a file by the management command; return the slide's id when all jobs have ended."""
    environment = installation._environment
    command = [sys.executable, "manage.py", "import_slides", str(path), "--project", project]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    manager = installation.client("admin")
    manager.wait_for_jobs(project)
    slides = manager.get(f"/projects/{project}/slides", params={"ordering": "-created_at"}).json()
    return slides["results"][0]["id"]


def import_plain_slide(installation: Installation, path: Path, project: str) -> str:
    """Import a file without the computations after an import; return the slide's id."""
    command = [sys.executable, "manage.py", "import_slides", str(path), "--project", project]
    subprocess.run(command, cwd=ROOT, env=installation._environment, check=True, stdout=subprocess.DEVNULL)
    admin = installation.client("admin")

    def ready():
        query = {"ordering": "-created_at"}
        [newest, *_] = admin.get(f"/projects/{project}/slides", params=query).json()["results"]
        return newest["id"] if newest["state"] == "ready" else None

    slide = wait_for(ready, seconds=300)
    for job in admin.jobs(project=project):
        if job["state"] in ("queued", "running"):
            admin.post(f"/jobs/{job['id']}/cancel")
    admin.wait_for_jobs(project)
    return slide


def add_material(installation: Installation, kind: str, slide: str, count: int) -> dict:
    """Write "objects" or "annotations" over a slide as ``tests.material`` does; return the result."""
    command = [sys.executable, "-m", "tests.material", kind, "--slide", slide, "--count", str(count)]
    done = subprocess.run(
        command, cwd=ROOT, env=installation._environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def chromium():
    """A real browser, shared by all tests."""
    from playwright.sync_api import sync_playwright

    from tests.e2e.browser import FLAGS, find_chromium

    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, installation):
    """Open a browser for a user; at the end no page may have logged an error."""
    from tests.e2e.browser import Visitor

    visitors = []

    def arrive(username: str = "manager", **look) -> Visitor:
        visitors.append(Visitor(chromium, installation, username, **look))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        visitor.leave()


def make_project(installation: Installation, name: str, labels: dict[str, str]) -> dict:
    """Make a project with its labels, keys 1 and up, and the first people as members; return it."""
    admin = installation.client("admin")
    project = admin.post("/projects", json={"name": name}).json()
    address = f"/projects/{project['id']}"
    for key, (label, colour) in enumerate(labels.items(), 1):
        body = {"name": label, "colour": colour, "key": key}
        assert admin.post(f"{address}/labels", json=body).status_code == 201
    people = {person["username"]: person["id"] for person in admin.get("/users").json()["results"]}
    for role in ("annotator", "reviewer", "manager"):
        body = {"user_id": people[role], "role": role}
        answer = admin.post(f"{address}/members", json=body)
        assert answer.status_code == 201, answer.json()
    return admin.get(address).json()
