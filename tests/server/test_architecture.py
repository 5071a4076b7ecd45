"""Rules of the whole server: no torch in web processes, every write a service, a valid schema."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = (
    "accounts", "annotations", "exchange", "inference", "jobs", "learning", "objects", "painting", "projects",
    "registry", "review", "slides",
)  # fmt: skip


def test_no_web_process_imports_torch_or_scikit_learn():
    script = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'server.config.settings.testing';"
        "import server.config.asgi;"
        "from django.urls import get_resolver; get_resolver().url_patterns;"
        "heavy = {'torch', 'monai', 'sklearn'} & set(sys.modules);"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def modules_of(app):
    """Yield the path and the tree of each module of an app, but for migrations and commands."""
    for path in sorted((ROOT / "server" / app).rglob("*.py")):
        if not {"migrations", "management"} & set(path.parts):
            yield path, ast.parse(path.read_text())


def has_decorator(node, name):
    """Return whether a function has a decorator, called or not."""
    decorators = (getattr(part, "func", part) for part in getattr(node, "decorator_list", ()))
    return any(getattr(part, "id", getattr(part, "attr", "")) == name for part in decorators)


def service_modules(app):
    """Yield the path and the tree of each module of services: by its name, or by the decorator in it."""
    for path, tree in modules_of(app):
        if path.stem == "services" or any(has_decorator(node, "service") for node in tree.body):
            yield path, tree


def imported(path):
    return importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def services():
    for app in APPS:
        for path, _ in service_modules(app):
            module = imported(path)
            for function in vars(module).values():
                if getattr(function, "is_service", False) and function.__module__ == module.__name__:
                    yield function


def test_every_service_takes_its_actor_by_keyword():
    checked = list(services())
    assert len(checked) > 30
    for function in checked:
        parameters = inspect.signature(function).parameters
        assert "actor" in parameters, function
        assert all(p.kind in (p.KEYWORD_ONLY, p.VAR_KEYWORD) for p in parameters.values()), function


@pytest.mark.django_db
def test_the_schema_generates_without_a_warning_and_tells_lists_from_things(capsys, tmp_path):
    from django.core.management import call_command

    file = tmp_path / "schema.json"
    call_command("spectacular", "--fail-on-warn", "--format", "openapi-json", "--file", str(file))
    assert "Warning" not in capsys.readouterr().err
    paths = json.loads(file.read_text())["paths"]
    for path in ("/jobs", "/projects/{project_id}/slides", "/slides/{slide_id}/annotations"):
        operation = paths[f"/api/v1{path}"]["get"]
        answer = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        assert "Paginated" in answer, path
        assert {"page", "page_size"} <= {row["name"] for row in operation["parameters"]}


# Writes that are no service of their own, each with the reason why it leaves no record itself.
NOT_SERVICES = {
    ("accounts", "forget_wrong_confirmations"): "counters, which need no record",
    ("accounts", "forget_wrong_sign_ins"): "the same",
    ("accounts", "note_token_use"): "a time stamp; the making of the token is on record",
    ("jobs", "create_job"): "part of the calling service, and puts itself on record",
    ("jobs", "start_job"): "a worker's own book-keeping",
    ("jobs", "finish_job"): "the same",
    ("jobs", "hand_back_job"): "the same",
    ("jobs", "report_progress"): "the same",
    ("jobs", "store_heartbeat"): "the same",
    ("jobs", "sweep_jobs"): "the scheduler's",
    ("jobs", "tell_project"): "news of a service that is on record",
    ("learning", "recount_slide"): "an operator's; makes derived numbers again",
    ("objects", "grow_heat_map"): "progress of a run that is on record",
    ("objects", "drop_files_of"): "part of the deletion of a slide",
    ("painting", "ask_for_painting"): "shows what the strokes teach, which are on record",
    ("painting", "stop_painting"): "the same",
    ("painting", "begin_painting"): "a worker's own book-keeping",
    ("slides", "append_bytes"): "bytes of an upload whose begin and end are on record",
    ("slides", "drop_arrived"): "part of the end of an import, or of the deletion of a slide",
    ("slides", "drop_expired_uploads"): "the scheduler's",
    (
        "slides",
        "store_views",
    ): "a person's own record, seen by them alone; the consent is on record",
}
ROW_WRITES = {"insert_row", "insert_rows", "update_row"}
BULK_WRITES = {"bulk_create", "bulk_update", "get_or_create", "update_or_create", "save"} | ROW_WRITES
WRITES = BULK_WRITES | {"create", "delete", "update"}


def writes(tree):
    """Return the names of methods and functions called in a function that change rows or files."""
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    methods = {func.attr for func in called if isinstance(func, ast.Attribute)}
    return (methods & WRITES) | ({func.id for func in called if isinstance(func, ast.Name)} & ROW_WRITES)


def public_functions():
    """Yield (app, function's tree, the function) of everything public in modules with a service."""
    for app in APPS:
        for path, tree in service_modules(app):
            module = imported(path)
            for node in tree.body:
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                    yield app, node, getattr(module, node.name)


def test_every_public_function_that_writes_is_a_service_or_says_why_not():
    checked = list(public_functions())
    bare = {
        (app, node.name) for app, node, function in checked
        if writes(node) and not getattr(function, "is_service", False)
    }  # fmt: skip
    assert bare - set(NOT_SERVICES) == set()
    assert set(NOT_SERVICES) <= {(app, node.name) for app, node, _ in checked}


def test_every_service_puts_itself_on_record_or_calls_one_that_does():
    """The decorator refuses at run time; this one needs no test that runs the service."""
    names = {function.__name__ for function in services()} | {"record", "create_job"}
    for app, node, function in public_functions():
        if getattr(function, "is_service", False):
            called = {
                part.func.id for part in ast.walk(node)
                if isinstance(part, ast.Call) and isinstance(part.func, ast.Name)
            }  # fmt: skip
            helpers = {name for name in called if name.startswith("_")}
            assert called & names or helpers, f"{app}.{node.name} leaves no record"


# Services that refuse: each is called where the first one did not succeed, and writes on its own.
REFUSALS = {"refuse_session", "refuse_password_change"}


def test_a_request_is_one_transaction():
    """A view that called two services could keep the first change and lose the second."""
    modules = {path: ast.parse(path.read_text()) for path in (ROOT / "server").rglob("*.py")}
    names = {
        node.name for tree in modules.values() for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and any(getattr(part, "id", "") == "service" for part in node.decorator_list)
    }  # fmt: skip
    assert len(names) > 60
    several = {}
    for path, tree in modules.items():
        for view in ast.walk(tree):
            if not (isinstance(view, ast.ClassDef) and view.name.endswith("View")):
                continue
            for method in view.body:
                if isinstance(method, ast.FunctionDef):
                    calls = [node.func for node in ast.walk(method) if isinstance(node, ast.Call)]
                    called = {getattr(call, "id", getattr(call, "attr", "")) for call in calls}
                    if len(called & names - REFUSALS) > 1:
                        several[path.name, view.name, method.name] = called & names
    assert not several


READERS = {"selectors", "policies", "streams"}
VIEWS = {"APIView", "GenericAPIView", "ListAPIView", "Serializer", "ModelSerializer", "View"}


def base_names(node):
    """Return the names of the bases of a class, without their brackets and modules."""
    bases = (getattr(base, "value", base) if isinstance(base, ast.Subscript) else base for base in node.bases)
    return {getattr(base, "attr", getattr(base, "id", "")) for base in bases}


def readers(path, tree):
    """Yield modules that may not write: those named as readers, and views and serializers by their bases."""
    if path.stem in READERS:
        yield tree
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and (base_names(node) & VIEWS or node.name.endswith("View")):
            yield node


def test_nothing_is_written_outside_services():
    """Views, serializers and selectors read."""
    seen = 0
    for app in APPS:
        for path, tree in modules_of(app):
            for part in readers(path, tree):
                seen += 1
                assert not writes(part) & BULK_WRITES, (path, getattr(part, "name", ""))
    assert seen > 150


@pytest.fixture
def graph(db):
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    return MigrationLoader(connection).graph


def test_migrations_of_each_app_are_one_line_and_named(graph):
    for app in (*APPS, "audit"):
        leaves = graph.leaf_nodes(app)
        assert len(leaves) <= 1, leaves
        own = sorted(name for label, name in graph.nodes if label == app)
        assert [name[:4] for name in own] == [f"{number:04d}" for number in range(1, len(own) + 1)]
        assert not [name for name in own if "_auto_" in name or name[4:] in {"", "_"}]
        for first, second in itertools.pairwise(own):
            assert graph.node_map[app, first] in graph.node_map[app, second].parents, second


def test_migrations_run_down_the_flow_of_data(graph):
    """An app's tables refer to those of apps above it only, as its imports do."""
    order = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0][
        "layers"
    ]
    above = [layer.partition(".")[2] for layer in order][::-1]
    for (app, _), node in graph.node_map.items():
        for parent in node.parents if app in above else ():
            other = parent.key[0]
            if other in above:
                assert above.index(other) <= above.index(app), f"{node.key} depends on {parent.key}"


def test_every_name_of_background_work_has_a_function():
    """Services enqueue by name; a name that no task has would only fail in a worker."""
    import server.config.celery
    from server.core.tasks import job_kinds

    server.config.celery.app.loader.import_default_modules()
    used = set()
    for path in (ROOT / "server").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "create_job":
                used |= {
                    word.value.value for word in node.keywords
                    if word.arg == "kind" and isinstance(word.value, ast.Constant)
                }  # fmt: skip
    assert len(used) >= 4
    assert used <= set(job_kinds())


# Files that are written as a part of a folder which ``core.files.storage`` flushes or removes as a whole.
PARTS_OF_A_FOLDER = {
    "exchange/project_files.py", "registry/tensors.py", "slides/imports/examine.py",
    "slides/imports/steps.py", "slides/tiles/overview.py",
}  # fmt: skip
# Archives that are written into an open file on their way to a person; what the demo draws once more;
# pictures of live paintings, which the next stroke replaces.
NEVER_ACKNOWLEDGED = {"exchange/exports/selectors.py", "config/demo.py", "painting/pictures.py"}
FILE_WRITES = {"write_bytes", "write_text", "TemporaryDirectory", "mkdtemp", "copyfile", "copytree"}


def written_files(path):
    """Yield the lines of a module that write a file themselves, or make a folder that a kill leaves."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            is_storage = getattr(node.func.value, "id", "") == "storage"
            modes = [str(part.value)[:1] for part in node.args if isinstance(part, ast.Constant)]
            is_opened = node.func.attr == "open" and not {"w", "x"}.isdisjoint(modes)
            if not is_storage and (is_opened or node.func.attr in FILE_WRITES):
                yield node.lineno


def test_every_file_that_is_kept_is_written_by_the_storage():
    """It is written aside, flushed and renamed there; temporary folders lie where the sweep finds them."""
    elsewhere = {
        path.relative_to(ROOT / "server").as_posix()
        for path in (ROOT / "server").rglob("*.py")
        if list(written_files(path))
    }
    assert elsewhere - PARTS_OF_A_FOLDER - NEVER_ACKNOWLEDGED - {"core/files/storage.py"} == set()
