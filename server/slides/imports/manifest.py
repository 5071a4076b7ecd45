"""Manifest of a stored slide, independent of the database: ``slides/<sha256>/slide.json``.

It holds whitelisted numbers only, never header text, and is all that the tile application reads.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from ml.slides.files.stacks import Stack
from server.core.files.storage import storage_path
from server.slides.tiles.channels import Channel
from server.slides.tiles.drawing import Plan
from server.slides.tiles.pyramid import Pyramid

MANIFEST_NAME: Final = "slide.json"
THUMBNAIL_NAME: Final = "thumbnail.jpg"
CONTENT_FOLDER: Final = "content"
PROFILE_NAME: Final = "profile.icc"
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class Manifest:
    """A stored slide. ``main`` is the file to open, relative to the slide's folder.

    ``stored_levels`` maps z to the TIFF page whose JPEG tiles may be handed through as they are. With
    ``profile`` the colours are turned into sRGB by the profile beside the manifest. Tiles up to
    the level ``overview`` were drawn at import. ``stack`` counts focal planes and time points.
    """

    sha256: str
    main: str
    source: str
    width: int
    height: int
    tile_size: int
    stored_levels: dict[int, int] = field(default_factory=dict)
    profile: bool = False
    overview: int = -1
    channels: tuple[Channel, ...] = ()
    stack: Stack = field(default_factory=Stack)

    @property
    def pyramid(self) -> Pyramid:
        """The slide's tile geometry."""
        return Pyramid(self.width, self.height, self.tile_size)

    @property
    def path(self) -> Path:
        """The file to open."""
        return storage_path(f"{slide_key(self.sha256)}/{self.main}")

    @property
    def plan(self) -> Plan:
        """The reading plan of the file."""
        return Plan(self.source, self.pyramid, self.stored_levels, self.channels)

    def read_profile(self, folder: Path) -> bytes | None:
        """Return the ICC profile to apply, None where the stored colours are shown."""
        return (folder / PROFILE_NAME).read_bytes() if self.profile else None

    def dump(self) -> bytes:
        """Return the content of ``slide.json``."""
        return json.dumps(asdict(self), indent=1).encode()


def is_sha256(text: str) -> bool:
    """Return whether the text is a content hash; nothing else may become part of a storage key."""
    return _SHA256.fullmatch(text) is not None


def slide_key(sha256: str) -> str:
    """Return the storage key of a content's folder; raises ValueError for anything but a hash."""
    if not is_sha256(sha256):
        message = "not a SHA-256 in lower-case hexadecimal"
        raise ValueError(message)
    return f"slides/{sha256}"


def manifest_path(sha256: str) -> Path:
    """Return the path of a content's manifest, whether it exists or not."""
    return storage_path(f"{slide_key(sha256)}/{MANIFEST_NAME}")


def stack_of(sha256: str) -> Stack:
    """Return focal planes and time points of a stored slide; one of each without a manifest."""
    try:
        return load_manifest(sha256).stack
    except FileNotFoundError:
        return Stack()


def load_manifest(sha256: str) -> Manifest:
    """Read a stored slide's manifest; raises FileNotFoundError when there is no such slide."""
    return read_manifest(manifest_path(sha256).parent)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest in a slide's folder; raises FileNotFoundError."""
    values: dict[str, Any] = json.loads((folder / MANIFEST_NAME).read_bytes())
    values["stored_levels"] = {int(z): page for z, page in values["stored_levels"].items()}
    values["channels"] = tuple(Channel.from_values(one) for one in values.get("channels", ()))
    values["stack"] = Stack(**values.get("stack", {}))
    return Manifest(**values)
