"""Every reported case has a test by its number; a case that consists of steps has its test here by name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT.parent / "shared" / "cases"
NUMBER = re.compile(r"\d\d-[a-z0-9-]+")
# Cases without a file: the test that takes their steps.
STEPS = {
    "21-own-export-edited-elsewhere": (
        "tests/server/exchange/test_import_identity.py",
        "test_an_edit_elsewhere_is_an_update_with_a_revision",
    ),
    "27-import-report-in-the-browser": (
        "tests/e2e/test_imports.py",
        "test_a_manager_maps_the_classes_and_reads_what_was_left_out",
    ),
    "29-digits-on-azerty": (
        "tests/e2e/accessibility/test_pages.py",
        "test_a_label_is_chosen_by_the_physical_digit",
    ),
    "32-zip-names-letter-case": (
        "tests/server/exchange/test_export_names.py",
        "test_an_archive_unpacks_on_systems_that_ignore_case",
    ),
    "33-export-with-a-retired-label": (
        "tests/server/exchange/test_import_identity.py",
        "test_a_retired_label_is_matched_to_itself",
    ),
}


def reported() -> list[str]:
    return sorted(each.name for each in CASES.glob("[0-9][0-9]-*")) if CASES.is_dir() else []


def texts_of(path: Path) -> set[str]:
    """Return the strings in a test module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_case_with_a_file_is_read_by_a_test():
    if not reported():
        pytest.skip(f"the reported cases are missing: {CASES}")
    read = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        if path != Path(__file__)
        for text in texts_of(path)
        for name in NUMBER.findall(text)
    }
    with_files = [name for name in reported() if len(list((CASES / name).iterdir())) > 1]
    assert [name for name in with_files if name not in read] == []
    assert [name for name in reported() if name not in with_files and name not in STEPS] == []


@pytest.mark.parametrize("case", STEPS)
def test_the_steps_of_a_case_are_taken_by_a_test(case):
    path, name = STEPS[case]
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
