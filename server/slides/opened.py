"""One slide held open by the tile application."""

from __future__ import annotations

import os
import time
from typing import Final

from server.slides.channels import Mix
from server.slides.drawing import SlidePixels
from server.slides.manifest import Manifest, load_manifest, manifest_path
from server.slides.overview import OVERVIEW_FOLDER, overview_name
from server.slides.sources import encode

_TRUSTED_SECONDS: Final = 10.0


class OpenedSlide:
    """A slide that tiles are being read from. Safe to use from several threads."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.pyramid = manifest.pyramid
        self.pixels = SlidePixels(manifest.path, manifest.plan, manifest.read_profile())
        self._overview = manifest_path(manifest.sha256).parent / OVERVIEW_FOLDER
        self._seen_at = time.monotonic()

    @classmethod
    def by_content(cls, sha256: str) -> OpenedSlide:
        """Open the stored slide of this content; raises FileNotFoundError."""
        return cls(load_manifest(sha256))

    def still_exists(self) -> bool:
        """Say whether the slide has not been deleted; looks at most every ten seconds."""
        now = time.monotonic()
        if now - self._seen_at < _TRUSTED_SECONDS:
            return True
        self._seen_at = now
        return os.path.exists(manifest_path(self.manifest.sha256))  # noqa: PTH110 - the hot path

    def stored_in_memory(self, z: int, x: int, y: int) -> bytes | None:
        """Return a stored whole tile without waiting for a disk, or None."""
        stored = self.pixels.stored
        if stored is None or not self.pixels.passes_through(z, x, y):
            return None
        return stored.read_if_in_memory(z, x, y)

    def passes_through(self, z: int, x: int, y: int) -> bool:
        """Say whether the tile lies in the file as it is sent, so that keeping a copy would be a waste."""
        return self.pixels.passes_through(z, x, y)

    def tile(self, z: int, x: int, y: int, mix: Mix | None = None) -> bytes:
        """Return a tile as JPEG: the stored one, the one drawn at import, else a newly drawn one."""
        if mix is None:
            stored = self.pixels.stored
            body = stored.read(z, x, y) if stored and self.pixels.passes_through(z, x, y) else None
            body = body or self._drawn_at_import(z, x, y)
            if body is not None:
                return body
        return encode(self.pixels.tile(z, x, y, mix), sharp=bool(self.manifest.channels))

    def region(self, box: tuple[int, int, int, int], longest: int, mix: Mix | None = None) -> bytes:
        """Return a crop as JPEG, at most ``longest`` pixels a side."""
        return encode(self.pixels.region(box, longest, mix), sharp=bool(self.manifest.channels))

    def _drawn_at_import(self, z: int, x: int, y: int) -> bytes | None:
        if z > self.manifest.overview:
            return None
        try:
            return (self._overview / overview_name(z, x, y)).read_bytes()
        except FileNotFoundError:
            return None
