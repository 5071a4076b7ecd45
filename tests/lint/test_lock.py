"""The image's lock names the versions that the tests run with."""

from __future__ import annotations

import re
from pathlib import Path

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", re.MULTILINE)


def versions(name: str) -> dict[str, str]:
    found = PINNED.findall((DEPLOY / name).read_text())
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in found}


def test_the_lock_has_the_versions_of_the_constraints():
    lock, constraints = versions("requirements.lock"), versions("constraints.txt")
    assert len(lock) > 80
    assert {name: lock[name] for name in lock if name in constraints} == {
        name: constraints[name] for name in lock if name in constraints
    }
    assert lock.keys() <= constraints.keys(), lock.keys() - constraints.keys()


def test_each_package_of_the_lock_has_a_hash():
    entries = re.split(r"\n(?=[a-z])", (DEPLOY / "requirements.lock").read_text())[1:]
    assert entries
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
