"""Calls into child processes with limits, so that no untrusted file harms the caller."""

from __future__ import annotations

import atexit
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Final

from ml.messages import Message
from ml.storage.process_limits import Limits, plain_environment
from server.core.children.child import BROKEN, END, FAILED
from server.core.children.messages import MessageError, read_message, write_message
from server.core.errors import ContentError

log = logging.getLogger(__name__)

_ROOT: Final = Path(__file__).resolve().parents[3]
_readers: Final[list[str]] = []


def register_reader(module: str) -> None:
    """Register a module that children use, so that it is imported once for all of them."""
    _readers.append(module)


class ReaderBrokeError(ContentError):
    """The file crashed its reader, or took more memory or time than allowed."""

    code = "breaks_reader"


class _ForkServer:
    """The process that forks children, started on first use and again after a fork or its end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def connect(self) -> socket.socket:
        """Return the near end of a socket to a new child."""
        near, far = socket.socketpair()
        with self._lock, far:
            if self._owner != os.getpid() or self._process is None or self._process.poll() is not None:
                self._start()
            try:
                socket.send_fds(self._open_control, [b"x"], [far.fileno()])
            except OSError:
                self._start()
                socket.send_fds(self._open_control, [b"x"], [far.fileno()])
        return near

    def close(self) -> None:
        """End the process, if this process owns it."""
        with self._lock:
            if self._owner == os.getpid() and self._process is not None and self._control is not None:
                self._control.close()
                self._process.wait()
                self._process = self._control = None

    @property
    def _open_control(self) -> socket.socket:
        assert self._control is not None  # noqa: S101 - set by _start
        return self._control

    def _start(self) -> None:
        if self._control is not None:
            self._control.close()
        self._control, far = socket.socketpair()
        with far:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "server.core.children.child", str(far.fileno()), *_readers],
                cwd=_ROOT,
                env=plain_environment(),
                pass_fds=(far.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self._owner = os.getpid()


_server: Final = _ForkServer()
atexit.register(_server.close)


def call_in_child(target: str, *arguments: Any, limits: Limits = Limits()) -> Any:  # noqa: B008 - frozen
    """Return the result of ``module:function`` in a child; raises its errors, or ReaderBrokeError."""
    messages = _messages(target, arguments, limits)
    try:
        while True:
            next(messages)
    except StopIteration as stop:
        return stop.value


def iterate_in_child(target: str, *arguments: Any, limits: Limits = Limits()) -> Iterator[Any]:  # noqa: B008
    """Yield the items of the generator ``module:function`` in a child; raises as ``call_in_child``."""
    yield from _messages(target, arguments, limits)


def start_children() -> None:
    """Start the process that forks children, so that the first call does not wait for its imports."""
    _server.connect().close()


def connect_child(limits: Limits) -> socket.socket:
    """Return a connection to a new child that waits for its work; it times out after the limit."""
    connection = _server.connect()
    connection.settimeout(limits.seconds + 5)
    return connection


def read_answers(stream: Any) -> Generator[Any, None, Any]:
    """Yield the items of an answer and return its result; raises its error, or ReaderBrokeError."""
    try:
        while True:
            kind, value = read_message(stream)
            if kind == END:
                return value
            if kind == FAILED:
                raise value
            if kind == BROKEN:
                # For operators; a person reads that the file broke its reader.
                log.warning("a file broke its reader in a child: %s", value)
                raise broken_reader()
            yield value
    except (EOFError, OSError, MessageError) as error:
        raise broken_reader() from error


def _messages(target: str, arguments: tuple[Any, ...], limits: Limits) -> Generator[Any, None, Any]:
    connection = connect_child(limits)
    with connection, connection.makefile("rwb") as stream:
        try:
            write_message(stream, (target, limits, arguments))
        except (OSError, MessageError) as error:
            raise broken_reader() from error
        return (yield from read_answers(stream))


def broken_reader() -> ReaderBrokeError:
    """Return the error of a file that broke its reader."""
    message = Message(
        "file_breaks_reader",
    )
    return ReaderBrokeError(message)
