"""Damaged images of a training folder are refused by a message, whatever Pillow raises."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ml.contracts import DataError
from ml.data.folders.images import read_image, read_instances
from ml.slides import SlideError, open_slide


@pytest.fixture(params=["a chunk whose name is no text", "a header that is too short", "too many pixels"])
def damaged(request, tmp_path, monkeypatch):
    """A PNG for which Pillow raises SyntaxError, ValueError or DecompressionBombError."""
    path = tmp_path / "a.png"
    noise = np.random.default_rng(0).integers(0, 255, (300, 300), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    if request.param.startswith("a chunk"):
        at = content.rindex(b"IDAT") if content.count(b"IDAT") > 1 else content.index(b"IEND")
        path.write_bytes(content[:at] + b"\x92#\x08@" + content[at + 4 :])
    elif request.param.startswith("a header"):
        path.write_bytes(content[:8] + b"\x00\x00\x00\x05IHDR" + content[16:21] + content[21:])
    else:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    return path


def test_a_damaged_image_is_refused(damaged):
    with pytest.raises(DataError) as caught:
        read_image(damaged)
    assert caught.value.code == "bad_image"
    with pytest.raises(DataError):
        read_instances(damaged)
    with pytest.raises(SlideError), open_slide(damaged) as reader:
        reader.read_box((0, 0, 300, 300), (300, 300))
