"""Worker processes that read blocks of patches into memory shared with the computing process.

They are plain child processes, not those of ``multiprocessing``: a Celery worker's own processes may not
have children of that kind, and a child that is forked or spawned would bring the networks with it. The
memory has no name, so that nothing is left of it whatever dies, and the size of ``/dev/shm`` is no limit.
"""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from multiprocessing.connection import Connection, Pipe
from typing import IO, Self, cast

import numpy as np
from numpy.typing import NDArray

from ml.contracts import DataError, SlideReader
from ml.messages import Message
from ml.storage.process_limits import Limits, plain_environment

# Blocks that each process has before it: one to read, and one so that it need not wait for the next.
QUEUED = 2
# Fifteen read slower than one large GPU looks; more than this would crowd out whoever else reads slides.
MOST = 16
# The file is a stranger's: it may take this much memory, and this much time for each block.
LIMITS = Limits(memory=4 * 2**30, cpu_seconds=300, seconds=900)
Shape = tuple[int, int, int, int, int]


def usual_workers(device: str) -> int:
    """Return the default number of reading processes: none on a CPU, whose cores the network needs."""
    return 0 if device == "cpu" else max(1, min(MOST, (os.cpu_count() or 1) - 1))


def read_block(
    reader: SlideReader, corners: NDArray[np.int64], sides: tuple[int, ...], out: NDArray[np.uint8]
) -> None:
    """Fill ``out`` (n, views, pixels, pixels, depth) from corners (views, n, 2) and a side for each view."""
    for number, (places, side) in enumerate(zip(corners, sides, strict=True)):
        out[:, number] = reader.read_squares(places, side, out.shape[2])


def read_in_workers(
    reader: SlideReader,
    asked: Iterator[NDArray[np.int64]],
    sides: tuple[int, ...],
    shape: Shape,
    workers: int,
) -> Generator[NDArray[np.uint8], None, None]:
    """Yield the pixels of blocks in order, from a ring of ``QUEUED * workers + 1`` blocks of ``shape``.

    ``asked`` gives the corners (views, n, 2) of each block. The pixels are overwritten once the next block is
    asked for. Raises what the reader raises, and DataError(``reader_died``) when a process was killed.
    """
    slots = QUEUED * workers + 1
    with ExitStack() as stack:
        file = stack.enter_context(_unnamed_file(slots * int(np.prod(shape))))
        ring = _mapped(file.fileno(), (slots, *shape))
        what = (reader, sides, ring.shape)
        pool = [stack.enter_context(_Worker(file.fileno(), what)) for _ in range(workers)]
        waiting: deque[tuple[int, int]] = deque()

        def taken() -> NDArray[np.uint8]:
            number, count = waiting.popleft()
            pool[number % workers].answer()
            return ring[number % slots, :count]

        for number, corners in enumerate(asked):
            pool[number % workers].ask(number % slots, corners)
            waiting.append((number, corners.shape[1]))
            if len(waiting) == slots:
                yield taken()
        while waiting:
            yield taken()


class _Worker:
    """One process, which answers in the order in which it is asked."""

    def __init__(self, memory: int, what: tuple[SlideReader, tuple[int, ...], tuple[int, ...]]) -> None:
        self._pipe, theirs = Pipe()
        paths = os.pathsep.join(filter(None, sys.path))
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this very file
                [sys.executable, "-m", "ml.data.workers", str(theirs.fileno()), str(memory)],
                pass_fds=(theirs.fileno(), memory),
                env={**plain_environment(), "PYTHONPATH": paths},
            )
        self._pipe.send(what)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.wait()

    def ask(self, slot: int, corners: NDArray[np.int64]) -> None:
        """Request a block for a slot of the ring."""
        try:
            self._pipe.send((slot, corners))
        except OSError as error:
            raise self._death() from error

    def answer(self) -> None:
        """Wait for the oldest requested block; raises the worker's error."""
        try:
            error = self._pipe.recv()
        except (EOFError, OSError) as reason:
            raise self._death() from reason
        if error is not None:
            raise error

    def _death(self) -> DataError:
        message = Message(
            "reader_died",
            status=self._process.wait(),
        )
        return DataError(message)


def _unnamed_file(size: int) -> IO[bytes]:
    """Return memory as an unnamed file; a file on disk where the system has no such thing."""
    if hasattr(os, "memfd_create"):
        file: IO[bytes] = os.fdopen(os.memfd_create("patches"), "r+b")
    else:
        file = cast("IO[bytes]", tempfile.TemporaryFile())  # noqa: SIM115 - the caller closes it
    file.truncate(size)
    return file


def _mapped(memory: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.frombuffer(mmap.mmap(memory, int(np.prod(shape))), dtype=np.uint8).reshape(shape)


def _serve(pipe: Connection, memory: int) -> None:
    """Read requested blocks until the other end is closed."""
    # An interrupt from the keyboard goes to the whole group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    reader, sides, shape = pipe.recv()
    ring = _mapped(memory, shape)
    LIMITS.bound_sizes()
    while True:
        slot, corners = pipe.recv()
        LIMITS.start_clock()
        try:
            read_block(reader, corners, sides, ring[slot, : corners.shape[1]])
        except Exception as error:  # noqa: BLE001 - raised again where it can be dealt with
            pipe.send(error)
        else:
            pipe.send(None)
        LIMITS.stop_clock()


if __name__ == "__main__":
    try:
        _serve(Connection(int(sys.argv[1])), int(sys.argv[2]))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        sys.exit(0)
