"""Fifty busy users of one web process: response times, and processor time per request.

The baseline is the same load on an earlier commit (``BENCH_BEFORE``), checked out beside this tree and
measured in the same run. SQLite always; PostgreSQL where ``DATABASE_URL`` names one, in databases that
are made for this and dropped.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.bench.harness import ROOT, Figure, bench

PEOPLE = 50
SECONDS = 20
# The commit before requests were made cheaper. It needs packages that are no longer installed (wsidicom and
# large-image-source-dicom, -openslide and -tiff): BENCH_BEFORE_PACKAGES names a folder with them.
BEFORE = "337b9a4"
START_SECONDS = 60
KINDS = ("save", "verdict", "list")


@bench("load.people")
def measure_people() -> Iterator[Figure]:
    """Measure response times of all users in parallel and processor time per request, before and after."""
    with tempfile.TemporaryDirectory(prefix="coverslip-bench-") as folder, _earlier(Path(folder)) as earlier:
        for name, server in _databases():
            now = _measure(ROOT, Path(folder), server)
            before = _measure(earlier, Path(folder), server) if earlier else None
            yield from _figures(name, now, before)


def _figures(name: str, now: dict[str, Any], before: dict[str, Any] | None) -> Iterator[Figure]:
    for kind in KINDS:
        for share in ("p50", "p95"):
            count = f"{now['times'][kind]['count']} requests"
            baseline = before and before["times"][kind][share]
            yield Figure(
                f"load.people.{name}.{kind}.{share}", now["times"][kind][share], "ms", baseline, count
            )
        baseline = before and before["processor"][kind]
        yield Figure(f"load.people.{name}.{kind}.processor", now["processor"][kind], "ms", baseline)
    note = "" if before is None else f"before: {before['errors']} errors; "
    yield Figure(f"load.people.{name}.busy", now["busy"], "cores", before and before["busy"], "web process")
    yield Figure(f"load.people.{name}.errors", now["errors"], "requests", note=note + now["first_error"])


@contextmanager
def _earlier(folder: Path) -> Iterator[Path | None]:
    """Check an earlier commit out, with the benchmarks of this tree; yield None where it is unknown."""
    place = folder / "before"
    git = ["git", "-C", str(ROOT), "worktree"]
    commit = os.environ.get("BENCH_BEFORE", BEFORE)
    made = subprocess.run([*git, "add", "--detach", str(place), commit], capture_output=True, check=False)
    try:
        if made.returncode == 0:
            shutil.rmtree(place / "tests")
            (place / "tests").symlink_to(ROOT / "tests")
        yield place if made.returncode == 0 else None
    finally:
        if made.returncode == 0:
            subprocess.run([*git, "remove", "--force", str(place)], capture_output=True, check=True)


def _databases() -> Iterator[tuple[str, str]]:
    yield "sqlite", ""
    address = os.environ.get("DATABASE_URL", "")
    if address.startswith("postgres"):
        yield "postgresql", address


def _measure(tree: Path, folder: Path, server: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=folder) as home, _own_database(server) as database:
        environment = {
            **os.environ,
            "COVERSLIP_HOME": home,
            "DJANGO_SETTINGS_MODULE": "server.config.settings.development",
            "PYTHONPATH": os.pathsep.join(_packages_of(tree)),
            "OMP_NUM_THREADS": "1",
        }
        environment.pop("DATABASE_URL", None)
        if database:
            environment["DATABASE_URL"] = database
        site = Path(home) / "site.json"
        site.write_text(_run(["-m", "tests.bench.rigs.people_site", str(PEOPLE)], tree, environment))
        with _web_server(tree, environment) as (port, pid):
            load = ["-m", "tests.bench.rigs.people_load", str(port), str(pid), str(site), str(SECONDS)]
            figures: dict[str, Any] = json.loads(_run(load, ROOT, {**os.environ}))
            return figures


def _packages_of(tree: Path) -> list[str]:
    older = os.environ.get("BENCH_BEFORE_PACKAGES") if tree != ROOT else None
    return [str(tree), *([older] if older else [])]


def _run(arguments: list[str], folder: Path, environment: dict[str, str]) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()[-1]


@contextmanager
def _own_database(server: str) -> Iterator[str]:
    """Create a PostgreSQL database beside the one of a URL; yield its URL."""
    if not server:
        yield ""
        return
    name = f"coverslip_bench_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield f"{server.rpartition('/')[0]}/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _web_server(tree: Path, environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Start the web server as ``manage.py up`` does; yield its port and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "server.config.asgi:application", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--log-level", "warning", "--no-access-log"]
    process = subprocess.Popen(command, cwd=tree, env=environment)
    try:
        _wait_until_healthy(port)
        yield port, process.pid
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def _wait_until_healthy(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/session", timeout=2)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    message = "The web server did not answer within a minute."
    raise TimeoutError(message)
