"""Messages between a process and its children: JSON followed by buffers, so that no code is executed.

Values, arrays, paths and our own data classes, enumerations, messages and errors cross; tuples become lists.
"""

from __future__ import annotations

import enum
import importlib
import json
import struct
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ml.messages import Message

_TAG: Final = "~is"
_HEAD: Final = struct.Struct("<QQ")
# More than any child may use; a length that its reader made up is not allocated.
_LARGEST: Final = 4 * 2**30
_OURS: Final = frozenset({"ml", "server"})


class MessageError(ValueError):
    """Error of a message outside the protocol."""


def read_message(stream: Any) -> Any:
    """Return the next value; raises EOFError where the other end closed, MessageError for an invalid one."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise EOFError
    length, size = _HEAD.unpack(head)
    if length + size > _LARGEST:
        message = f"a message of {length + size} bytes"
        raise MessageError(message)
    text, buffers = stream.read(length), memoryview(bytearray(size))
    if stream.readinto(buffers) < size:
        raise EOFError
    try:
        return json.loads(text, object_hook=lambda item: _unpacked(item, buffers))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, ImportError) as error:
        raise MessageError from error


def write_message(stream: Any, value: Any) -> None:
    """Write a value; raises MessageError for an unsupported one."""
    buffers: list[memoryview] = []
    try:
        text = json.dumps(_packed(value, buffers)).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise MessageError from error
    stream.write(_HEAD.pack(len(text), sum(len(buffer) for buffer in buffers)))
    stream.write(text)
    for buffer in buffers:
        stream.write(buffer)
    stream.flush()


def _packed(value: Any, buffers: list[memoryview]) -> Any:
    if isinstance(value, Message):
        return {_TAG: "message", "json": value.as_json()}
    if isinstance(value, Mapping):
        return {str(key): _packed(item, buffers) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return value if _holds_numbers(value) else [_packed(item, buffers) for item in value]
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        place = _add(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data, buffers)
        return {_TAG: "array", "at": place, "dtype": value.dtype.str, "shape": list(value.shape)}
    if isinstance(value, bytes):
        return {_TAG: "bytes", "at": _add(memoryview(value), buffers)}
    return _packed_class(value, buffers)


def _holds_numbers(value: Any) -> bool:
    """Return whether nested lists begin with a number: coordinates, which need no check one by one."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return isinstance(value, int | float)


def _packed_class(value: Any, buffers: list[memoryview]) -> Any:
    """Return a path, enumeration, error or data class with its name; any other value as it is."""
    if isinstance(value, Path):
        return {_TAG: "path", "value": str(value)}
    if isinstance(value, enum.Enum):
        return {_TAG: "enum", "of": _name_of(value), "value": value.value}
    if isinstance(value, Exception):
        state = {name: _packed(item, buffers) for name, item in vars(value).items()}
        return {_TAG: "error", "of": _name_of(value), "args": _packed(value.args, buffers), "state": state}
    if is_dataclass(value):
        values = {each.name: _packed(getattr(value, each.name), buffers) for each in fields(value)}
        return {_TAG: "data", "of": _name_of(value), "values": values}
    return value.item() if isinstance(value, np.generic) else value


def _add(content: memoryview, buffers: list[memoryview]) -> list[int]:
    """Append a buffer; return its offset and length."""
    start = sum(len(buffer) for buffer in buffers)
    buffers.append(content)
    return [start, len(content)]


def _name_of(value: Any) -> str:
    return f"{type(value).__module__}:{type(value).__qualname__}"


def _unpacked(item: dict[str, Any], buffers: memoryview) -> Any:  # noqa: PLR0911 - one line for each kind
    kind = item.get(_TAG)
    if kind is None:
        return item
    if kind == "message":
        return Message.from_json(item["json"])
    if kind == "path":
        return Path(item["value"])
    if kind in {"array", "bytes"}:
        start, length = item["at"]
        content = buffers[start : start + length]
        if kind == "bytes":
            return bytes(content)
        # A view of the message, writable and not copied.
        return np.frombuffer(content, np.dtype(item["dtype"])).reshape(item["shape"])
    known = _ours(item["of"])
    if kind == "enum" and issubclass(known, enum.Enum):
        return known(item["value"])
    if kind == "data" and is_dataclass(known):
        make: Any = known
        return make(**item["values"])
    if kind == "error" and issubclass(known, Exception):
        error = known.__new__(known, *item["args"])
        error.args = tuple(item["args"])
        vars(error).update(item["state"])
        return error
    raise MessageError(kind)


def _ours(name: str) -> Any:
    """Return one of the server's or ml's classes by name."""
    module, _, attribute = name.partition(":")
    if module.partition(".")[0] not in _OURS:
        raise MessageError(name)
    value = getattr(sys.modules.get(module) or importlib.import_module(module), attribute)
    if not isinstance(value, type):
        raise MessageError(name)
    return value
