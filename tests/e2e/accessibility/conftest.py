"""The projects that the tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.accessibility.checks import AXE
from tests.e2e.accessibility.place import Desk, Place
from tests.e2e.conftest import Installation


@pytest.fixture(scope="session")
def place(installation: Installation, data: Path) -> Place:
    if not AXE.exists():
        pytest.fail("axe-core is not installed: run npm ci in frontend")
    return Place(installation, data)


@pytest.fixture(scope="session")
def desk(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(installation, tmp_path_factory.mktemp("desk"))
