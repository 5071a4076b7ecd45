"""Acknowledged work outlives a loss of power, on a disk that forgets unflushed data."""

from __future__ import annotations

import os
import queue
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.one_database
# Acknowledged saves before the power fails.
SAVES = 12
SECONDS = 90


def explain_missing_fuse():
    """Return why no FUSE file system can be mounted here, empty where it can."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "/dev/fuse is missing or closed to this user"
    try:
        import mfusepy  # noqa: F401
    except (ImportError, OSError, AttributeError) as error:
        return f"libfuse is missing: {error}"
    return "" if os.geteuid() == 0 else "mounting needs root"


class Disk:
    """A mounted file system that can lose its power."""

    def __init__(self, folder):
        self.place = folder / "mount"
        self._store = folder / "store"
        for path in (self.place, self._store):
            path.mkdir()
        self._process = None

    def start(self):
        command = [sys.executable, "-m", "tests.power_loss.disk", str(self._store), str(self.place)]
        self._process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
        deadline = time.monotonic() + SECONDS
        while not os.path.ismount(self.place):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise OSError(self._process.stderr.read().decode())
            time.sleep(0.02)

    def lose_power(self):
        self._process.kill()
        self._process.wait()
        self._process.stderr.close()
        subprocess.run(["umount", "--lazy", str(self.place)], check=True)
        self._process = None

    def stop(self):
        if self._process is not None:
            self.lose_power()


@pytest.fixture
def disk(tmp_path):
    if reason := explain_missing_fuse():
        # `make test` installs libfuse for root.
        assert not (os.environ.get("CI") and reason.startswith("libfuse")), reason
        pytest.skip(reason)
    made = Disk(tmp_path)
    try:
        made.start()
    except OSError as error:
        pytest.skip(f"mounting is refused here: {error}")
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def running(action, home, *arguments):
    """Run the installation; yields a queue of its lines, None after the last one."""
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {
        "COVERSLIP_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "server.config.settings.development",
    }
    command = [sys.executable, "-m", "tests.power_loss.site", action, *map(str, arguments)]
    log = (home.parent.parent / f"{action}.log").open("w+")
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
    )
    lines = queue.Queue()

    def read():
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield lines
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()
        log.seek(0)
        print(log.read()[-4000:])  # noqa: T201 - pytest shows it where the test fails
        log.close()


def read_until(lines, is_last):
    """Return the lines up to the one for which ``is_last`` holds, or the end."""
    received = []
    while not (received and is_last(received)):
        line = lines.get(timeout=SECONDS)
        if line is None:
            break
        received.append(line)
    return received


def rest_of(lines):
    """Return the lines of a program that has ended."""
    return read_until(lines, lambda _received: False)


@pytest.mark.timeout(300)
def test_everything_acknowledged_outlives_a_loss_of_power(disk, data):
    home = disk.place / "home"
    home.mkdir()
    folder = os.open(disk.place, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    with running("work", home, data / "broken" / "boxes.tiff") as lines:
        acknowledged = read_until(
            lines, lambda received: sum('"annotation"' in line for line in received) >= SAVES
        )
        disk.lose_power()
        acknowledged += rest_of(lines)
    kinds = {"job", "slide", "objects", "upload", "annotation"}
    assert all(any(f'"{kind}"' in line for line in acknowledged) for kind in kinds), acknowledged
    disk.start()
    with running("check", home) as lines:
        kept = rest_of(lines)
    assert set(acknowledged) <= set(kept), set(acknowledged) - set(kept)


def test_the_disk_forgets_what_was_not_flushed(disk):
    flushed, loose, unflushed = (disk.place / name for name in ("flushed", "loose", "unflushed"))
    for path in (flushed, unflushed):
        path.mkdir()
    for path in (flushed / "a", loose, unflushed / "a"):
        with path.open("wb") as file:
            file.write(b"first")
            file.flush()
            os.fsync(file.fileno())
            file.write(b" second")
    (flushed / "empty").write_bytes(b"not flushed itself")
    for path in (flushed, disk.place):
        folder = os.open(path, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    (disk.place / "later").write_bytes(b"")
    disk.lose_power()
    disk.start()
    files = {path.relative_to(disk.place).as_posix() for path in disk.place.rglob("*")}
    assert files == {"flushed", "flushed/a", "flushed/empty", "loose", "unflushed"}
    assert (flushed / "a").read_bytes() == b"first"
    assert (flushed / "empty").read_bytes() == b""


@pytest.mark.parametrize(("synchronous", "kept"), [("FULL", 20), ("OFF", 0)])
def test_the_disk_shows_whether_sqlite_flushes(disk, synchronous, kept):
    path = disk.place / "rows.sqlite3"
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute("CREATE TABLE rows (number)")
    connection.close()
    for each in (path, disk.place):
        handle = os.open(each, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA synchronous={synchronous}")
    for number in range(20):
        connection.execute("INSERT INTO rows VALUES (?)", [number])
    disk.lose_power()
    connection.close()
    disk.start()
    after = sqlite3.connect(path)
    assert after.execute("SELECT count(*) FROM rows").fetchone() == (kept,)
    after.close()
