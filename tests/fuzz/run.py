"""Read mutated files in children and count the outcomes."""

from __future__ import annotations

import os
import random
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import Final

from ml.contracts import DataError
from ml.storage.process_limits import Limits
from server.core.children.calls import ReaderBrokeError, call_in_child, register_reader
from server.core.errors import DomainError
from tests.fuzz.material import FORMATS, mutate

LIMITS: Final = Limits(memory=2**30, cpu_seconds=20, seconds=60, written=2**24)
PROBES: Final = {
    "geojson": "probe_rows", "xml": "probe_rows", "parquet": "probe_rows", "safetensors": "probe_weights",
}  # fmt: skip
READ, REFUSED, BROKE = "read", "refused by a sentence", "broke its reader"

register_reader("tests.fuzz.probes")


def fuzz(kind: str, count: int, seed: int = 0) -> Counter[str]:
    """Read ``count`` mutations of a format; return the number of each outcome.

    Raises AssertionError when this process or its open files are harmed.
    """
    ends: Counter[str] = Counter()
    name, write = FORMATS[kind]
    with tempfile.TemporaryDirectory(prefix="coverslip-fuzz-") as scratch:
        folder = Path(scratch)
        write(folder)
        good = (folder / name).read_bytes()
        main = folder / (Path(name).parts[0] + ".mrxs" if kind == "mirax" else name)
        for number in range(count):
            content = mutate(good, random.Random(f"{kind} {seed} {number}"))
            (folder / name).write_bytes(content)
            ends[_read(kind, main)] += 1
            for sidecar in folder.glob("*.json"):
                if sidecar != main:
                    sidecar.unlink()
    assert len(os.listdir("/proc/self/fd")) < 200, "files stay open"  # noqa: PTH208
    assert threading.active_count() < 50, "threads stay"
    assert call_in_child("builtins:len", [1]) == 1
    return ends


def _read(kind: str, path: Path) -> str:
    try:
        call_in_child(f"tests.fuzz.probes:{PROBES.get(kind, 'probe_slide')}", path, limits=LIMITS)
    except ReaderBrokeError:
        return BROKE
    except (DomainError, DataError):
        return REFUSED
    return READ


def main() -> None:
    """Run ``python -m tests.fuzz.run [COUNT] [SEED] [FORMAT ...]``."""
    count, seed, *kinds = [*sys.argv[1:], "10000", "0"][: max(2, len(sys.argv) - 1)]
    for kind in kinds or FORMATS:
        print(kind, dict(fuzz(kind, int(count), int(seed))), flush=True)  # noqa: T201 - a program


if __name__ == "__main__":
    main()
