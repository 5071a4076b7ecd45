"""Handle of one open slide in the tile application. Only its children decode files of strangers."""

from __future__ import annotations

import atexit
import os
import time
from typing import Final

from ml.storage.process_limits import Limits
from server.core.children.calls import call_in_child
from server.core.children.held import HeldChildren
from server.slides.imports.manifest import Manifest, load_manifest, manifest_path
from server.slides.tiles.channels import Mix
from server.slides.tiles.drawn_slide import draw, levels_of_rows, list_stored_levels
from server.slides.tiles.overview import OVERVIEW_FOLDER, overview_name
from server.slides.tiles.request import TileRequest
from server.slides.tiles.stored import StoredTiles

_TRUSTED_SECONDS: Final = 10.0
_LIMITS: Final = Limits(memory=2 * 2**30, cpu_seconds=40, seconds=60)
# No more than threads that wait for them.
_MOST_CHILDREN: Final = 4

_drawing: Final = HeldChildren(f"{draw.__module__}:{draw.__name__}", _LIMITS, _MOST_CHILDREN)
atexit.register(_drawing.close)


class OpenedSlide:
    """An open slide of the tile application. Safe to use from several threads.

    Tiles that the file stores as JPEG are served undecoded; all others are drawn by a child.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.pyramid = manifest.pyramid
        self._folder = manifest_path(manifest.sha256).parent
        # A slide that was deleted and came again is opened anew.
        self._edition = manifest_path(manifest.sha256).stat().st_mtime_ns
        self._overview = self._folder / OVERVIEW_FOLDER
        self._stored = self._open_stored()
        self._seen_at = time.monotonic()

    @classmethod
    def by_content(cls, sha256: str) -> OpenedSlide:
        """Open the stored slide of this content; raises FileNotFoundError, ReaderBrokeError."""
        return cls(load_manifest(sha256))

    def still_exists(self) -> bool:
        """Return whether the slide was not deleted; checks at most every ten seconds."""
        now = time.monotonic()
        if now - self._seen_at < _TRUSTED_SECONDS:
            return True
        self._seen_at = now
        return os.path.exists(manifest_path(self.manifest.sha256))  # noqa: PTH110 - the hot path

    def stored_in_memory(self, z: int, x: int, y: int) -> bytes | None:
        """Return a stored whole tile without waiting for a disk, or None."""
        if self._stored is None or not self.passes_through(z, x, y):
            return None
        return self._stored.read_if_in_memory(z, x, y)

    def passes_through(self, z: int, x: int, y: int) -> bool:
        """Return whether the stored tile is served unchanged: whole, and in sRGB."""
        return self._stored is not None and self._stored.holds_whole(z, x, y, self.pyramid.tile_size)

    def tile(self, z: int, x: int, y: int, mix: Mix | None = None, plane: int | None = None) -> bytes:
        """Return a tile as JPEG: the stored one, the one drawn at import, else a newly drawn one."""
        if mix is None and plane in (None, self.manifest.stack.plane):
            stored = self._stored
            body = stored.read(z, x, y) if stored and self.passes_through(z, x, y) else None
            body = body or self._drawn_at_import(z, x, y)
            if body is not None:
                return body
        return self._draw(TileRequest(self.manifest.sha256, (z, x, y), None, mix, plane))

    def region(
        self, box: tuple[int, int, int, int], longest: int, mix: Mix | None = None, plane: int | None = None
    ) -> bytes:
        """Return a crop as JPEG, at most ``longest`` pixels a side."""
        return self._draw(TileRequest(self.manifest.sha256, None, (*box, longest), mix, plane))

    def _draw(self, tile_request: TileRequest) -> bytes:
        body: bytes = _drawing.call(self._folder, self._folder, self._edition, tile_request)
        return body

    def _open_stored(self) -> StoredTiles | None:
        # A profile changes the colours of all tiles, so that none is handed out as it is.
        if not self.manifest.stored_levels or self.manifest.profile:
            return None
        listing = f"{list_stored_levels.__module__}:{list_stored_levels.__name__}"
        rows = call_in_child(listing, self._folder, limits=_LIMITS)
        return StoredTiles.of_levels(self.manifest.path, levels_of_rows(rows))

    def _drawn_at_import(self, z: int, x: int, y: int) -> bytes | None:
        if z > self.manifest.overview:
            return None
        try:
            return (self._overview / overview_name(z, x, y)).read_bytes()
        except FileNotFoundError:
            return None
