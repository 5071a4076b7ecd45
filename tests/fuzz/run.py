"""Read mutated files in children and count the outcomes."""

from __future__ import annotations

import os
import random
import sys
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
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
}  # fmt: skip
READ, REFUSED, BROKE = "read", "refused by a sentence", "broke its reader"

register_reader("tests.fuzz.probes")


def fuzz(kind: str, count: int, seed: int = 0) -> Counter[str]:
    """Read ``count`` mutations of a format; return the number of each outcome.

    Raises AssertionError when this process or its open files are harmed.
    """
    ends: Counter[str] = Counter()
    name, write = FORMATS[kind]
    children = HeldChildren("tests.fuzz.probes:probe", LIMITS, 1)
    with tempfile.TemporaryDirectory(prefix="coverslip-fuzz-") as scratch, closing(children):
        folder = Path(scratch)
        write(folder)
        good = (folder / name).read_bytes()
        main = folder / (Path(name).parts[0] + ".mrxs" if kind == "mirax" else name)
        for number in range(count):
            content = mutate(good, random.Random(f"{kind} {seed} {number}"))
            (folder / name).write_bytes(content)
            ends[_read(children, kind, main)] += 1
            for sidecar in folder.glob("*.json"):
                if sidecar != main:
                    sidecar.unlink()
    assert len(os.listdir("/proc/self/fd")) < 200, "files stay open"  # noqa: PTH208
    assert threading.active_count() < 50, "threads stay"
    assert call_in_child("builtins:len", [1]) == 1
    return ends


def _read(children: HeldChildren, kind: str, path: Path) -> str:
    """Read a file in a child that has read others before; in a new one where it broke that one."""
    try:
        children.call(kind, PROBES.get(kind, "slide"), path)
    except ReaderBrokeError:
        return BROKE
    except (DomainError, DataError):
        return REFUSED
    return READ


def main() -> None:
    """Run ``python -m tests.fuzz.run [COUNT] [SEED] [FORMAT ...]``."""
    count, seed, *kinds = [*sys.argv[1:], "10000", "0"][: max(2, len(sys.argv) - 1)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        ends = {kind: threads.submit(fuzz, kind, int(count), int(seed)) for kind in kinds or FORMATS}
        for kind, result in ends.items():
            print(kind, dict(result.result()), flush=True)  # noqa: T201 - a program


if __name__ == "__main__":
    main()
