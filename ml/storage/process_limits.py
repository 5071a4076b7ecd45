"""Resource limits of a process that reads an untrusted file: memory, time, files, and no secrets."""

from __future__ import annotations

import math
import os
import resource
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# Names that programs need to run; keys, tokens and addresses of databases are none of them.
_KEPT_NAMES: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH")
_ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# A DICOM slide may have hundreds of files.
_OPEN_FILES: Final = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one child, in time of each call. ``memory`` and ``written`` (its largest file) in bytes."""

    memory: int = 2 * 2**30
    cpu_seconds: int = 120
    seconds: int = 300
    written: int = 2**20

    def apply(self) -> None:
        """Apply the limits to this process; beyond memory it raises MemoryError or dies, beyond time dies."""
        self.bound_sizes()
        _lower(resource.RLIMIT_CPU, self.cpu_seconds)
        signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def bound_sizes(self) -> None:
        """Limit the memory and files of this process, not its time."""
        _lower(resource.RLIMIT_DATA, self.memory)
        _lower(resource.RLIMIT_FSIZE, self.written)
        _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
        _lower(resource.RLIMIT_CORE, 0)
        # The default action ends the process in the midst of native code too.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def start_clock(self) -> None:
        """Start the time of one call; beyond it the process dies."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        spent = math.ceil(usage.ru_utime + usage.ru_stime)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (spent + self.cpu_seconds, hard))
        signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def stop_clock(self) -> None:
        """Let the process wait for its next call without a limit of time."""
        signal.setitimer(signal.ITIMER_REAL, 0)


def _lower(kind: int, limit: int) -> None:
    hard = resource.getrlimit(kind)[1]
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(kind, (limit, limit))


def plain_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of a child, without keys, tokens and addresses."""
    kept = {name: environment[name] for name in _KEPT_NAMES if name in environment}
    # The allocators of Arrow reserve memory beyond what they use, which would count.
    return {**kept, **dict.fromkeys(_ONE_THREAD, "1"), "ARROW_DEFAULT_MEMORY_POOL": "system"}
