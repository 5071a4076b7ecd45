"""A light load generator in a separate process: ``wrk`` where it is installed, else raw sockets.

``python -m tests.bench.rigs.load PORT CLIENTS SECONDS PATHS_FILE`` prints requests per second, p50 and p99
in milliseconds, and how many answers were not 200.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LUA = """
local paths, at = {}, 0
for line in io.lines(os.getenv("BENCH_PATHS")) do
  paths[#paths + 1] = "GET " .. line .. " HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"
end
request = function()
  at = at % #paths + 1
  return paths[at]
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %f %f %f %d\\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    """Result of one run of the load generator."""

    rate: float
    p50: float
    p99: float
    failed: int


def generator() -> str:
    """Return the name of the load generator."""
    return "wrk" if shutil.which("wrk") else "python"


def run_load(port: int, paths: list[str], clients: int, seconds: float, folder: Path) -> Load:
    """Request the paths in turn, repeatedly, from so many clients in parallel."""
    listing = folder / "paths.txt"
    listing.write_text("\n".join(paths) + "\n")
    if generator() == "wrk":
        script = folder / "load.lua"
        script.write_text(LUA)
        command = ["wrk", "-t1", f"-c{clients}", f"-d{max(1, round(seconds))}", "--timeout", "10s"]
        command += ["-s", str(script), f"http://127.0.0.1:{port}/"]
    else:
        arguments = [str(port), str(clients), str(seconds), str(listing)]
        command = [sys.executable, "-m", "tests.bench.rigs.load", *arguments]
    environment = {**os.environ, "BENCH_PATHS": str(listing)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    rate, p50, p99, failed = line.split()[1:]
    return Load(float(rate), float(p50), float(p99), int(failed))


async def _client(port: int, paths: list[bytes], start: int, until: float, seen: list[float]) -> int:
    failed, at = 0, start
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(b"GET " + paths[at % len(paths)] + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        await reader.readexactly(length)
        seen.append((time.perf_counter() - began) * 1000)
        failed += b" 200 " not in head[:16]
        at += 1
        if head.startswith(b"HTTP/1.0"):
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    return failed


async def _main(port: int, clients: int, seconds: float, paths: list[bytes]) -> None:
    seen: list[float] = []
    began = time.perf_counter()
    step = max(1, len(paths) // clients)
    work = [_client(port, paths, step * n, began + seconds, seen) for n in range(clients)]
    failed = sum(await asyncio.gather(*work))
    seen.sort()
    rate = len(seen) / (time.perf_counter() - began)
    print("RESULT", rate, seen[len(seen) // 2], seen[len(seen) * 99 // 100], failed)


if __name__ == "__main__":
    wanted = Path(sys.argv[4]).read_bytes().split()
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), wanted))
