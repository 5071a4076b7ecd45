"""Files of the server: serializers, views and queries are in the modules of their kind."""

from __future__ import annotations

import ast
import importlib
import inspect
from functools import cache
from pathlib import Path

from django.views import View
from rest_framework.serializers import BaseSerializer

ROOT = Path(__file__).resolve().parents[2]
NO_APP_CODE = {"migrations", "management", "settings"}


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@cache
def modules():
    """Return the paths of the server's modules by name, without migrations, commands and settings."""
    paths = sorted((ROOT / "server").rglob("*.py"))
    return {module_name(path): path for path in paths if not NO_APP_CODE & set(path.parts)}


def modules_with(base):
    """Return the names of the modules that define a subclass of ``base``."""
    names = set()
    for name in modules():
        classes = inspect.getmembers(importlib.import_module(name), inspect.isclass)
        if any(issubclass(value, base) and value.__module__ == name for _, value in classes):
            names.add(name)
    return names


@cache
def imports_of(path):
    """Return the names that a module imports: modules, and members of modules with their module's name."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_no_module_has_serializers_and_views():
    serializers, views = modules_with(BaseSerializer), modules_with(View)
    assert len(serializers) > 15
    assert len(views) > 15
    assert serializers & views == set()


def test_no_app_imports_the_views_of_another():
    views = modules_with(View)
    crossing = {
        (name, view)
        for name, path in modules().items()
        for view in imports_of(path) & views
        if name.split(".")[1] not in {view.split(".")[1], "config"}
    }
    assert crossing == set()


QUERY_MODULES = {"models", "selectors", "services"}
MANAGERS = {"objects", "_default_manager", "_base_manager"}
# Generic code, whose callers name the model.
WITHOUT_MODEL = {"server.core.files.leftovers", "server.core.row_writes"}


def has_service(tree):
    """Return whether a module defines a function with the decorator of services."""
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return any(getattr(part, "id", "") == "service" for node in functions for part in node.decorator_list)


def queries(tree):
    """Yield the lines that use a model's manager; ``.objects.none()`` reads nothing."""
    nodes = list(ast.walk(tree))
    empty = {node.value for node in nodes if isinstance(node, ast.Attribute) and node.attr == "none"}
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr in MANAGERS and node not in empty:
            owner = getattr(node.value, "attr", getattr(node.value, "id", ""))
            if node.attr != "objects" or owner[:1].isupper():
                yield node.lineno


def test_no_module_reads_the_input_of_a_job_by_key():
    """Each kind of job has a ``JobInput``, whose ``from_json`` reads the stored values."""
    keyed = {
        (name, node.lineno)
        for name, path in modules().items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Subscript | ast.Attribute) and getattr(node.value, "attr", "") == "input"
    }
    assert keyed == set()


def test_only_models_selectors_and_services_query():
    stray, seen = {}, 0
    for name, path in modules().items():
        tree = ast.parse(path.read_text())
        lines = list(queries(tree))
        seen += len(lines)
        if path.stem not in QUERY_MODULES and not has_service(tree) and name not in WITHOUT_MODEL and lines:
            stray[name] = lines
    assert seen > 100
    assert stray == {}
