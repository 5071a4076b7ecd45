"""The fork server of children: it has imported the readers, and never reads a file itself.

``python -m server.core.children.child FD MODULE ...`` imports the modules, waits on a socket for the ends of
other sockets, forks a child for each, and leaves when its parent does. Its environment has no secrets.
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from server.core.children.messages import read_message, write_message

_LONGEST_TRACEBACK: Final = 4000
ITEM, END, FAILED, BROKEN = "item", "end", "failed", "broken"


def serve(control: socket.socket) -> None:
    """Fork a child for each received socket, until the other end is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not descriptors:
            return
        if os.fork() == 0:
            control.close()
            with suppress(BaseException):
                _silence()
                # Compiled within a limit of written bytes, a module would be half of one, for everybody.
                sys.dont_write_bytecode = True
                work(socket.socket(fileno=descriptors[0]))
            os._exit(0)
        os.close(descriptors[0])


def work(connection: socket.socket) -> None:
    """Do the single task of a child; without arguments in the first message, one call after another."""
    stream = connection.makefile("rwb")
    target, limits, arguments = read_message(stream)
    if arguments is not None:
        limits.apply()
        _answer(stream, target, arguments)
        return
    limits.bound_sizes()
    with suppress(EOFError):
        while True:
            arguments = read_message(stream)
            limits.start_clock()
            _answer(stream, target, arguments)
            limits.stop_clock()


def _answer(stream: Any, target: str, arguments: list[Any]) -> None:
    """Call ``module:function``; write its results or its error."""
    try:
        module, _, name = target.partition(":")
        result = getattr(importlib.import_module(module), name)(*arguments)
        if isinstance(result, Iterator):
            for item in result:
                write_message(stream, (ITEM, item))
            result = None
        write_message(stream, (END, result))
    except MemoryError:
        write_message(stream, (BROKEN, "memory"))
    except Exception as error:  # noqa: BLE001 - told to the parent, which raises it
        write_message(stream, _told(error))


def _silence() -> None:
    """Discard the output of readers: a file may cause gigabytes of it.

    Where the log is a file longer than ``Limits.written``, a single line to it would kill the child.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _told(error: Exception) -> tuple[str, Any]:
    """Return an error that the parent knows unchanged, of any other the end of its traceback."""
    is_ours = hasattr(error, "detail") and type(error).__module__.partition(".")[0] in {"ml", "server"}
    return (FAILED, error) if is_ours else (BROKEN, traceback.format_exc()[-_LONGEST_TRACEBACK:])


if __name__ == "__main__":
    for reader in sys.argv[2:]:
        importlib.import_module(reader)
    serve(socket.socket(fileno=int(sys.argv[1])))
