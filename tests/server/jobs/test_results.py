"""Results of jobs: the pages have words for each outcome and figure, in both languages."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

import server.config.celery  # noqa: F401 - registers the tasks of all apps
from server.core.tasks import job_kinds

ROOT = Path(__file__).resolve().parents[3]
UI = ROOT / "frontend" / "src" / "ui"
# Shown by other parts of the page: the report of an import, links, and the sentence of an outcome.
NO_FIGURES = {"outcome", "report", "detail", "slide_id", "object_set_id", "model_version_id", "comparison_id"}


def results():
    """Yield outcome and keys of each result that a task returns."""
    for path in (ROOT / "server").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
                if "outcome" in keys and isinstance(node.values[keys.index("outcome")], ast.Constant):
                    yield node.values[keys.index("outcome")].value, keys


def texts(language):
    return json.loads((UI / "locales" / language / "results.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_each_outcome_and_each_figure_has_words(language):
    every = list(results())
    assert {outcome for outcome, _ in every} == set(texts(language)["outcomes"])
    assert {key for _, keys in every for key in keys} - NO_FIGURES == set(texts(language)["figures"])


def test_the_test_of_the_page_shows_every_kind_and_outcome():
    source = (UI / "jobs" / "JobResult.test.tsx").read_text(encoding="utf-8")
    table = source.split("RESULTS: ")[1].split("\n};")[0]
    assert set(re.findall(r"^  (\w+): \[", table, re.MULTILINE)) == set(job_kinds())
    assert set(re.findall(r'outcome: "([^"]+)"', table)) == {outcome for outcome, _ in results()}
