"""Error messages for users hold no path of the machine."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import openslide
import pytest
import tifffile

from ml.contracts import DataError
from ml.messages import Message
from ml.reasons import reason_of, tells_damage, without_paths
from ml.slides.files.sources import unreadable

ROOT = Path(__file__).resolve().parents[2]
PLANTED = [
    "/srv/coverslip/storage/slides/ab/slide.dcm",
    "/tmp/coverslip-import-x1/content/slide.dcm",
    "/home/ward 7/Dr. Müller/slide.dcm",
    "file:///var/lib/app/slide.dcm",
    "C:\\coverslip\\storage\\slide.dcm",
]


def errors(path):
    return [
        OSError(2, "No such file or directory", path),
        FileNotFoundError(2, "No such file or directory", path),
        PermissionError(13, "Permission denied", path),
        OSError(28, "No space left on device", path),
        openslide.OpenSlideError(f"Reading '{path}': frame 3 is bad"),
        tifffile.TiffFileError(f"{path!r} is not a TIFF file"),
        ValueError(f'cannot identify image file "{path}"'),
        RuntimeError(f"Unable to open file (name = '{path}', errno = 2)\nsecond line {path}"),
        KeyError(path),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, f"bad start in '{path}'"),
        Exception(),
    ]


def leaks(text):
    return re.search(r"/srv|/tmp|/home|/var|coverslip|ward|storage|[A-Z]:\\", text)


@pytest.mark.parametrize("path", PLANTED)
def test_an_error_keeps_its_words_and_loses_its_paths(path):
    for error in errors(path):
        words = reason_of(error)
        assert words
        assert not leaks(words), words
        assert "\n" not in words
        sentence = Message("of_file", file="slide", reason=error)
        assert not leaks(str(sentence)), sentence
        assert not leaks(str(sentence.as_json()))
        refused = unreadable(Path(path.rpartition("\\")[2]), error)
        assert not leaks(str(refused.detail)), refused.detail
    assert reason_of(OSError(28, "No space left on device", path)) == "No space left on device"
    assert "frame 3 is bad" in reason_of(openslide.OpenSlideError(f"Reading '{path}': frame 3 is bad"))


@pytest.mark.parametrize("path", [path for path in PLANTED if " " not in path and "\\" not in path])
def test_texts_that_slip_in_otherwise_lose_them_too(path):
    for text in (f"{path} cannot be read", f"see {path}: bad", f'File "{path}", line 3'):
        assert not leaks(str(Message("verbatim", text=text).as_json()))
    refused = DataError(Message("verbatim", text=f"{path} is no JSON"), code="bad")
    assert not leaks(refused.detail.as_json()["text"])


@pytest.mark.parametrize(
    "text",
    [
        "S-22/1234",
        "and/or",
        "12 µm/px",
        "https://example.org/a/b.svs",
        "1/2/3",
        "Ki-67 / p53 / HER2",
        "s/drop/a.dcm",
        "A /b",
        "//",
    ],
)
def test_other_slashes_stay(text):
    assert Message("verbatim", text=text).as_json()["text"] == text
    assert without_paths(text) == text


@pytest.mark.parametrize(
    ("text", "damaged"),
    [
        ("image file is truncated (3 bytes not processed)", True),
        ("Corrupt JPEG data: premature end of data segment", True),
        ("Unsupported compression: 33007", False),
        ("Unexpected end of JPEG; arithmetic coding is not supported", False),
        ("Frame has an unknown photometric interpretation", False),
        ("", False),
    ],
)
def test_only_a_damaged_file_is_to_be_copied_again(text, damaged):
    assert tells_damage(text) is damaged
    detail = unreadable(Path("a.svs"), ValueError(text)).detail
    assert ("again from the scanner" in str(detail)) is damaged


def test_no_message_turns_an_error_into_text_by_itself():
    caught = []
    for path in [*(ROOT / "ml").rglob("*.py"), *(ROOT / "server").rglob("*.py")]:
        for handler in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(handler, ast.ExceptHandler) and handler.name:
                caught += [
                    f"{path.relative_to(ROOT)}:{value.lineno}"
                    for call in ast.walk(handler)
                    if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Message"
                    for value in ast.walk(call)
                    if isinstance(value, ast.Call)
                    and getattr(value.func, "id", "") in {"str", "repr"}
                    and ast.unparse(value.args[0]) == handler.name
                ]
    assert caught == []
