"""Tiles per second beside the DeepZoom example server of openslide-python and beside static files.

All in one run on one machine, one process each for us and for the peer, the same tiles of the same file,
several short rounds in turn; for each server the least disturbed one counts. "Cold" means that
our cache of encoded tiles is off; the peer keeps OpenSlide's cache of decoded ones, as the example does.
"""

from __future__ import annotations

import http.client
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.harness import Figure, bench
from tests.bench.rigs.load import Load, generator, run_load
from tests.bench.rigs.tile_rig import (
    StoredSlide,
    busy,
    coverslip,
    deepzoom,
    free_port,
    running,
    store_slides,
    write_slides,
)
from tests.nginx import find_nginx, write_configuration

CLIENTS = (1, 8, 32)
ROUNDS = 4
SECONDS = 1.0
# Not a multiple of the tile, so that there are edges; full-size slides have fewer for their area.
SIDE = 10_000
CACHE_BYTES = 256 << 20


@dataclass(frozen=True)
class Target:
    """A server to load, and its paths."""

    name: str
    port: int
    paths: list[str]


@dataclass(frozen=True)
class Nginx:
    """The shipped nginx in front: tiles through it, and files of the same size beside them."""

    tiles: Target
    files: Target


class Bench:
    """Rounds of load in turn on several targets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def measure(self, targets: list[Target], clients: int, rounds: int = ROUNDS) -> dict[str, Load]:
        """Return the best round of every target; raises RuntimeError when an answer was not 200."""
        seen: dict[str, list[Load]] = {target.name: [] for target in targets}
        for _ in range(rounds):
            for target in targets:
                load = run_load(target.port, target.paths, clients, SECONDS, self.folder)
                if load.failed:
                    message = f"{target.name}: {load.failed} answers were not 200"
                    raise RuntimeError(message)
                seen[target.name].append(load)
        return {name: max(loads, key=lambda load: load.rate) for name, loads in seen.items()}


@bench("tiles")
def measure_tiles() -> Iterator[Figure]:
    """Measure tiles: cold, decoded, cached, behind nginx, and cold beside an import and a prediction."""
    with tempfile.TemporaryDirectory(prefix="coverslip-bench-") as scratch:
        folder = Path(scratch)
        home = folder / "home"
        home.mkdir()
        jpeg, jpeg2000 = store_slides(home, list(write_slides(folder, SIDE)))
        rig = Bench(folder)
        with nginx(folder, jpeg, home) as web, deepzoom(jpeg) as peer:
            yield from _stored(rig, home, jpeg, web, peer)
            yield from _decoded(rig, home, jpeg, peer)
            yield from _behind_nginx(rig, web)
        with deepzoom(jpeg2000) as peer:
            yield from _jpeg2000(rig, home, jpeg2000, peer)
        yield from _while_busy(rig, home, jpeg)


@contextmanager
def nginx(folder: Path, slide: StoredSlide, home: Path) -> Iterator[Nginx]:
    """Run nginx in front of the application; raises FileNotFoundError where it is not installed."""
    program = find_nginx()
    if program is None:
        message = "nginx is missing (Debian: apt-get install nginx-light)"
        raise FileNotFoundError(message)
    z = len(slide.levels) - 1
    addresses = [slide.address(z, x, y) for x, y in slide.places(z)]
    with coverslip(home, cache=CACHE_BYTES) as application:
        assets = folder / "dist/assets/tiles"
        assets.mkdir(parents=True)
        for number, body in enumerate(ask_for_each(application, addresses)):
            (assets / f"{number}.jpg").write_bytes(body)
        port = free_port()
        main = write_configuration(
            folder, listen=f"127.0.0.1:{port}", dist=str(folder / "dist"), cache=str(folder / "cache"),
            app=f"127.0.0.1:{application}",
        )  # fmt: skip
        files = [f"/assets/tiles/{number}.jpg" for number in range(len(addresses))]
        with running([program, "-p", str(folder), "-c", str(main)], dict(os.environ), port):
            yield Nginx(Target("tiles", port, addresses), Target("static", port, files))


def _stored(rig: Bench, home: Path, slide: StoredSlide, web: Nginx, peer: int) -> Iterator[Figure]:
    z = len(slide.levels) - 1
    places = slide.places(z)
    with coverslip(home, cache=0) as port:
        ours = Target("ours", port, [slide.address(z, x, y) for x, y in places])
        theirs = Target("peer", peer, deepzoom_paths(slide, z, places))
        for clients in CLIENTS:
            loads = rig.measure([ours, theirs, web.files], clients)
            note = f"baseline: DeepZoom; {generator()}"
            yield from _figures("tiles.cold", clients, loads["ours"], loads["peer"], note)
            yield Figure(f"tiles.file.c{clients}", loads["static"].rate, "req/s", note="nginx, same bytes")
        edges = [slide.address(z, x, y) for x, y in slide.places(z, whole=False)]
        load = rig.measure([Target("ours", port, edges)], 8)["ours"]
        yield Figure(
            "tiles.edge.c8", load.rate, "req/s", note=f"p99 {load.p99:.1f} ms; cut at the edge, cold"
        )


def _decoded(rig: Bench, home: Path, slide: StoredSlide, peer: int) -> Iterator[Figure]:
    z = len(slide.levels) - 2
    places = slide.places(z)
    with coverslip(home, cache=0) as cold, coverslip(home, cache=CACHE_BYTES) as warm:
        paths = [slide.address(z, x, y) for x, y in places]
        theirs = Target("peer", peer, deepzoom_paths(slide, z, places))
        ask_for_each(warm, paths)
        for clients in CLIENTS:
            targets = [Target("decoded", cold, paths), Target("cached", warm, paths), theirs]
            loads = rig.measure(targets, clients)
            note = "a level that the file lacks; baseline: DeepZoom"
            yield from _figures("tiles.decoded", clients, loads["decoded"], loads["peer"], note)
            yield from _figures("tiles.cached", clients, loads["cached"], loads["peer"], note)


def _jpeg2000(rig: Bench, home: Path, slide: StoredSlide, peer: int) -> Iterator[Figure]:
    z = len(slide.levels) - 1
    places = slide.places(z)
    with coverslip(home, cache=0) as port:
        ours = Target("ours", port, [slide.address(z, x, y) for x, y in places])
        theirs = Target("peer", peer, deepzoom_paths(slide, z, places))
        loads = rig.measure([ours, theirs], 8)
        note = "JPEG2000; baseline: DeepZoom"
        yield from _figures("tiles.jpeg2000", 8, loads["ours"], loads["peer"], note)


def _behind_nginx(rig: Bench, web: Nginx) -> Iterator[Figure]:
    ask_for_each(web.tiles.port, web.tiles.paths)
    for clients in CLIENTS:
        loads = rig.measure([web.tiles, web.files], clients)
        note = "its cache, grants checked; baseline: same bytes as static files"
        yield from _figures("tiles.nginx", clients, loads["tiles"], loads["static"], note)


def _while_busy(rig: Bench, home: Path, slide: StoredSlide) -> Iterator[Figure]:
    z = len(slide.levels) - 1
    paths = [slide.address(z, x, y) for x, y in slide.places(z)]
    with coverslip(home, cache=0) as port, busy(home, slide):
        load = rig.measure([Target("ours", port, paths)], 8, 2 * ROUNDS)["ours"]
    note = f"{load.rate:.0f} req/s; an import and a prediction at work"
    yield Figure("tiles.busy.p99.c8", load.p99, "ms", note=note)


def ask_for_each(port: int, paths: list[str]) -> list[bytes]:
    """Request each path once and return the responses, so that every cache is filled."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    bodies = []
    for path in paths:
        connection.request("GET", path)
        bodies.append(connection.getresponse().read())
    connection.close()
    return bodies


def _figures(name: str, clients: int, ours: Load, theirs: Load, note: str) -> Iterator[Figure]:
    detail = f"p50 {ours.p50:.2f} ms; {note}"
    yield Figure(f"{name}.c{clients}", ours.rate, "req/s", theirs.rate, detail)
    yield Figure(f"{name}.p99.c{clients}", ours.p99, "ms", theirs.p99)


def deepzoom_paths(slide: StoredSlide, z: int, places: list[tuple[int, int]]) -> list[str]:
    """Return the peer's URLs of the same tiles; its first levels are those below one tile."""
    longest = max(slide.size)
    last = (longest - 1).bit_length()
    level = last - (len(slide.levels) - 1 - z)
    return [f"/{level}/{x}_{y}.jpeg" for x, y in places]
