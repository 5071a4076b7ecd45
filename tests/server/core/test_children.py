"""Children that read untrusted files: their limits, their environment, and a parent that survives."""

from __future__ import annotations

import io
import json
import os
import sys
import time

import numpy as np
import pytest

from ml.messages import Message
from ml.storage.process_limits import Limits, plain_environment
from server.core.children.calls import ReaderBrokeError, call_in_child, iterate_in_child
from server.core.children.held import HeldChildren
from server.core.children.messages import MessageError, read_message, write_message
from server.exchange.errors import BadForeignFileError, NotGeoJsonError
from server.exchange.formats.shapes import ForeignShape, UnreadRow
from server.exchange.reading import read_rows

pytestmark = pytest.mark.one_database

SECRETS = ("SECRET_KEY", "DATABASE_URL", "CELERY_BROKER_URL", "COVERSLIP_TOKEN")


def test_a_child_has_no_secret_and_is_another_process(monkeypatch):
    for name in SECRETS:
        monkeypatch.setenv(name, "a secret")
        assert call_in_child("os:getenv", name) is None
        assert name not in plain_environment()
    assert call_in_child("os:getpid") not in {os.getpid(), call_in_child("os:getpid")}


@pytest.mark.parametrize(
    ("target", "arguments", "limits"),
    [
        ("builtins:bytearray", (4 * 2**30,), Limits()),
        ("numpy:ones", (4 * 2**30,), Limits(memory=2**30)),
        ("time:sleep", (60,), Limits(seconds=1)),
        ("tests.server.core.test_children:spin", (), Limits(cpu_seconds=1)),
        ("tests.server.core.test_children:open_many", (), Limits()),
        ("tests.server.core.test_children:write_much", (), Limits(written=1000)),
        ("os:_exit", (0,), Limits()),
        ("os:abort", (), Limits()),
        ("ctypes:string_at", (0,), Limits()),
        ("builtins:int", ("none",), Limits()),
        ("os:environ.copy", (), Limits()),
    ],
)
def test_a_child_that_breaks_is_a_sentence_and_the_next_one_works(target, arguments, limits):
    with pytest.raises(ReaderBrokeError, match="limits of memory and time"):
        call_in_child(target, *arguments, limits=limits)
    assert call_in_child("builtins:len", [1, 2, 3]) == 3


def test_what_a_reader_prints_goes_nowhere_and_the_cause_to_the_log_of_the_parent(caplog):
    limits = Limits(written=1000)
    assert call_in_child("tests.server.core.test_children:print_much", limits=limits) == os.devnull
    with pytest.raises(ReaderBrokeError):
        call_in_child("builtins:int", "none")
    assert "ValueError: invalid literal" in caplog.text


def print_much():
    for _ in range(1000):
        sys.stderr.write("x" * 1000)
    return os.readlink("/proc/self/fd/2")  # noqa: PTH115


HELD = "tests.server.core.test_children:remember"
_seen = []


def remember(what):
    """Perform a test's request; return the process id and the number of its calls."""
    _seen.append(what)
    if what == "much memory" or (what == "memory of two" and len(_seen) > 1):
        bytearray(2**30)
    if what == "too long":
        spin()
    if what == "half a second":
        until = time.process_time() + 0.5
        while time.process_time() < until:
            pass
    if what == "crash":
        os.abort()
    if what == "refused":
        raise BadForeignFileError(Message("xml_empty"))
    return os.getpid(), len(_seen)


@pytest.fixture
def held():
    children = HeldChildren(HELD, Limits(memory=2**28, cpu_seconds=1, seconds=5), 2)
    yield children
    children.close()


def test_a_held_child_goes_on_with_what_it_opened(held):
    first, _ = held.call("a", "one")
    assert held.call("a", "two") == [first, 2]
    with pytest.raises(BadForeignFileError):
        held.call("a", "refused")
    assert held.call("b", "three") == [first, 4]


@pytest.mark.parametrize("harm", ["much memory", "too long", "crash"])
def test_a_held_child_that_breaks_is_replaced(held, harm):
    first, _ = held.call("a", "one")
    with pytest.raises(ReaderBrokeError):
        held.call("b", harm)
    second, count = held.call("a", "one")
    assert (second != first, count) == (True, 1)


def test_waiting_costs_a_held_child_no_time():
    children = HeldChildren(HELD, Limits(seconds=1), 1)
    first, _ = children.call("a", "one")
    time.sleep(1.2)
    assert children.call("a", "one")[0] == first
    children.close()


def test_each_call_of_a_held_child_has_its_own_time(held):
    first, _ = held.call("a", "half a second")
    assert [held.call("a", "half a second")[0] for _ in range(3)] == [first] * 3


def test_what_a_file_needs_beside_others_it_gets_in_a_new_child(held):
    first, _ = held.call("a", "one")
    assert held.call("b", "memory of two")[1] == 1
    assert held.call("a", "one")[0] != first


def spin():
    while True:
        pass


def open_many():
    return len([open(os.devnull) for _ in range(1100)])  # noqa: PTH123


def write_much():
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(b"x" * 10_000)
        file.flush()


def test_items_come_one_by_one_and_an_error_of_ours_is_itself():
    assert list(iterate_in_child("builtins:iter", [1, 2, 3])) == [1, 2, 3]
    with pytest.raises(NotGeoJsonError) as caught:
        read_rows(b"{", "a.geojson")
    assert caught.value.detail.code == "file_breaks_off"
    assert caught.value.specific_code == "not_geojson"


def test_a_reader_that_leaves_early_ends_the_child():
    rows = iterate_in_child("tests.server.core.test_children:count", 10**9)
    assert next(rows) == 0
    rows.close()
    assert call_in_child("builtins:len", [1]) == 1


def count(most):
    yield from range(most)


def crossed(value):
    stream = io.BytesIO()
    write_message(stream, value)
    stream.seek(0)
    return read_message(stream)


def test_values_cross_whole():
    sentence = Message("row_no_shape")
    shape = ForeignShape(
        3, None, "polygon", {"type": "Polygon", "coordinates": [[[0.5, 1]]]}, "é\ud800", None, "",
        measurements={"a": 1.5},
    )  # fmt: skip
    assert crossed(shape) == shape
    row = crossed([[UnreadRow(1, sentence)]])[0][0]
    assert (row, row.reason.code) == (UnreadRow(1, sentence), "row_no_shape")
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    back = crossed({"a": [array, array[:, ::2]], "b": b"\0x", "c": float("inf")})
    np.testing.assert_array_equal(back["a"][0], array)
    np.testing.assert_array_equal(back["a"][1], array[:, ::2])
    assert (back["b"], back["c"]) == (b"\0x", float("inf"))


@pytest.mark.parametrize(
    "value",
    [
        {"~is": "data", "of": "subprocess:Popen", "values": {"args": ["true"]}},
        {"~is": "data", "of": "server.core.children.calls:call_in_child", "values": {"target": "os:getpid"}},
        {"~is": "error", "of": "ml.contracts:Bounds", "args": [], "state": {}},
        {"~is": "error", "of": "builtins:SystemExit", "args": [], "state": {}},
        {"~is": "array", "at": [0, 8], "dtype": "O", "shape": [1]},
        {"~is": "unknown"},
    ],
)
def test_a_hostile_message_runs_nothing(value):
    text = json.dumps(value).encode()
    stream = io.BytesIO(len(text).to_bytes(8, "little") + (8).to_bytes(8, "little") + text + bytes(8))
    with pytest.raises(MessageError):
        read_message(stream)
