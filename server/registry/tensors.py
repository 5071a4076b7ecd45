"""Reader of safetensors headers, which loads and runs nothing of the file."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from ml.messages import Message
from ml.storage.process_limits import Limits
from server.core.children.calls import call_in_child, register_reader
from server.core.errors import ContentError
from server.core.services import before_services

# The largest networks that are shared have some thousand tensors of about 100 bytes of header each.
LONGEST_HEADER: Final = 2 * 2**20
MOST_TENSORS: Final = 20_000
MOST_SIDES: Final = 16
# Bytes per number of the types that networks are stored in.
WIDTHS: Final = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}
LENGTH: Final = 8
META: Final = "__metadata__"
_LIMITS: Final = Limits(memory=2**29, cpu_seconds=20, seconds=60)

register_reader(__name__)


@dataclass(frozen=True, slots=True)
class TensorFile:
    """Summary of a file: SHA-256, size in bytes, number of tensors."""

    digest: str
    size: int
    tensors: int


@before_services
def write_tensors(path: Path, chunks: Iterable[bytes]) -> TensorFile:
    """Write a file and check it; raises ContentError(``bad_weights``) with the reason."""
    total, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        for chunk in chunks:
            total.update(chunk)
            size += len(chunk)
            file.write(chunk)
    tensors = call_in_child(f"{__name__}:count_tensors", path, size, limits=_LIMITS)
    return TensorFile(total.hexdigest(), size, tensors)


def count_tensors(path: Path, size: int) -> int:
    """Return the number of tensors, after checking that the header matches the ``size`` in bytes."""
    header = _read_header(path, size)
    entries = {name: entry for name, entry in header.items() if name != META}
    if not entries:
        _refuse(Message("weights_no_tensor"))
    if len(entries) > MOST_TENSORS:
        _refuse(Message("weights_too_many_tensors", most=MOST_TENSORS))
    length = size - LENGTH - _header_length(path)
    for name, entry in entries.items():
        if not _fits(entry, length):
            _refuse(Message("weights_entry_misfit", name=name[:80]))
    return len(entries)


def _fits(entry: Any, length: int) -> bool:
    try:
        begin, end = entry["data_offsets"]
        count = WIDTHS[entry["dtype"]]
        if len(entry["shape"]) > MOST_SIDES:
            return False
        for side in entry["shape"]:
            count *= side if isinstance(side, int) and side >= 0 else -length - 1
    except (KeyError, TypeError, ValueError):
        return False
    whole = isinstance(begin, int) and isinstance(end, int)
    return whole and 0 <= begin <= end <= length and end - begin == count


def _header_length(path: Path) -> int:
    with path.open("rb") as file:
        return int(struct.unpack("<Q", file.read(LENGTH))[0])


def _read_header(path: Path, size: int) -> dict[str, Any]:
    if size < LENGTH:
        _refuse(Message("weights_too_short"))
    length = _header_length(path)
    if length > min(LONGEST_HEADER, size - LENGTH):
        _refuse(Message("weights_other_header"))
    with path.open("rb") as file:
        file.seek(LENGTH)
        raw = file.read(length)
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError):  # ValueError also for a number of thousands of digits
        _refuse(Message("weights_header_not_json"))
    if not isinstance(header, dict):
        _refuse(Message("weights_header_no_table"))
    return header


def _refuse(reason: Message) -> NoReturn:
    message = Message(
        "not_safetensors",
        reason=reason,
    )
    raise ContentError(message, code="bad_weights", field="file")
