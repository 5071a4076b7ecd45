"""The DeepZoom server of openslide-python's examples, made small: one slide, threads, nothing else.

``python -m tests.bench.rigs.deepzoom_peer SLIDE PORT TILE_SIZE`` serves ``/LEVEL/COLUMN_ROW.jpeg``. Like the
example it keeps the slide open, lets OpenSlide cache decoded tiles, encodes at quality 75, and
answers each request in a thread of its own.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from openslide import OpenSlide
from openslide.deepzoom import DeepZoomGenerator


class ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


def main(path: str, port: str, tile_size: str) -> None:
    generator = DeepZoomGenerator(OpenSlide(path), int(tile_size), overlap=0, limit_bounds=True)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        level, _, name = environ["PATH_INFO"].strip("/").partition("/")
        column, _, row = name.removesuffix(".jpeg").partition("_")
        tile = generator.get_tile(int(level), (int(column), int(row)))
        body = io.BytesIO()
        tile.save(body, "jpeg", quality=75)
        headers = [("Content-Type", "image/jpeg"), ("Content-Length", str(body.tell()))]
        start_response("200 OK", headers)
        return [body.getvalue()]

    make_server("127.0.0.1", int(port), application, ThreadingServer, QuietHandler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
