"""Read mutated files in children and count the outcomes."""

from __future__ import annotations

import logging
import os
import random
import sys
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ml.contracts import DataError
from ml.storage.process_limits import Limits
from server.core.children.calls import ReaderBrokeError, call_in_child, register_reader
from server.core.children.held import HeldChildren
from server.core.errors import DomainError
from tests.fuzz.material import FORMATS, mutate

LIMITS: Final = Limits(memory=2**30, cpu_seconds=20, seconds=60, written=2**24)
PROBES: Final = {
    "geojson": "rows", "xml": "rows", "parquet": "rows", "safetensors": "weights",
    "png": "image", "jpeg": "image",
}  # fmt: skip
READ, REFUSED, BROKE = "read", "refused by a sentence", "broke its reader"
# The child ended: native code crashed, or the file took too long.
NO_ANSWER: Final = "no answer"

register_reader("tests.fuzz.probes")


@dataclass
class Outcomes:
    """Numbers of files by outcome; of broken readers also the reasons, each with its first file."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, int] = field(default_factory=dict)

    def add(self, number: int, outcome: str, reason: str = "") -> None:
        """Count one file."""
        self.counts[outcome] += 1
        if reason:
            self.reasons[reason] += 1
            self.examples.setdefault(reason, number)

    def __str__(self) -> str:
        lines = [str(dict(self.counts))]
        for reason, count in self.reasons.most_common():
            lines.append(f"  {count} x {reason} (first: file {self.examples[reason]})")
        return "\n".join(lines)


class _BrokenReaderLog(logging.Handler):
    """Keeps the reason of the last broken reader of each thread, which only the log has."""

    def __init__(self) -> None:
        super().__init__()
        self._own = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the last line of the reason: of an exception, its name and text."""
        self._own.reason = str(record.args[0]).strip().splitlines()[-1] if record.args else NO_ANSWER

    def take(self) -> str:
        """Return the reason since the last call."""
        reason: str = getattr(self._own, "reason", NO_ANSWER)
        self._own.reason = NO_ANSWER
        return reason


_broken: Final = _BrokenReaderLog()
_log: Final = logging.getLogger("server.core.children.calls")
_log.addHandler(_broken)


def fuzz(kind: str, count: int, seed: int = 0) -> Outcomes:
    """Read ``count`` mutations of a format; return the number of each outcome.

    Raises AssertionError when this process or its open files are harmed.
    """
    outcomes = Outcomes()
    name, write = FORMATS[kind]
    children = HeldChildren("tests.fuzz.probes:probe", LIMITS, 1)
    with tempfile.TemporaryDirectory(prefix="coverslip-fuzz-") as scratch, closing(children):
        folder = Path(scratch)
        write(folder)
        good = (folder / name).read_bytes()
        main = folder / (Path(name).parts[0] + ".mrxs" if kind.startswith("mirax") else name)
        for number in range(count):
            content = mutate(good, random.Random(f"{kind} {seed} {number}"))
            (folder / name).write_bytes(content)
            outcomes.add(number, *_read(children, kind, main))
            for sidecar in folder.glob("*.json"):
                if sidecar != main:
                    sidecar.unlink()
    assert len(os.listdir("/proc/self/fd")) < 200, "files stay open"  # noqa: PTH208
    assert threading.active_count() < 50, "threads stay"
    assert call_in_child("builtins:len", [1]) == 1
    return outcomes


def _read(children: HeldChildren, kind: str, path: Path) -> tuple[str, str]:
    """Read a file in a child that has read others before; in a new one where it broke that one.

    Returns the outcome, and the reason of a broken reader.
    """
    try:
        children.call(kind, PROBES.get(kind, "slide"), path)
    except ReaderBrokeError:
        return BROKE, _broken.take()
    except (DomainError, DataError):
        return REFUSED, ""
    return READ, ""


def main() -> None:
    """Run ``python -m tests.fuzz.run [COUNT] [SEED] [FORMAT ...]``."""
    count, seed, *kinds = [*sys.argv[1:], "10000", "0"][: max(2, len(sys.argv) - 1)]
    # The reasons are counted below.
    _log.propagate = False
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        ends = {kind: threads.submit(fuzz, kind, int(count), int(seed)) for kind in kinds or FORMATS}
        for kind, result in ends.items():
            print(kind, result.result(), flush=True)  # noqa: T201 - a program


if __name__ == "__main__":
    main()
