"""Format of every model folder: ``model.json`` and ``weights.safetensors``. Nothing is pickled."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ml.contracts import Channel, DataError
from ml.messages import Message
from ml.storage.room import remove_on_failure

FORMAT: Final = "coverslip-model-1"
# What torch says of the first array that is missing, too many, or of another shape.
_FIRST: Final = re.compile(r"(?:size mismatch for |key\(s\) in state_dict: \")([\w.]+)")


@dataclass(frozen=True, slots=True)
class ModelFile:
    """Content of ``model.json``. ``background``: the last class is background and makes no object.

    ``channels`` are those of the slides that it reads; none for colour images.
    """

    recipe: str
    version: str
    labels: tuple[str, ...]
    config: Mapping[str, Any]
    seed: int
    background: bool = False
    temperature: float = 1.0
    facts: Mapping[str, Any] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()


def write_model(folder: Path, model: ModelFile, weights: Mapping[str, NDArray[Any]]) -> None:
    """Write both files into a folder, which is created where missing."""
    arrays = {name: values.copy(order="C") for name, values in sorted(weights.items())}
    document = {"format": FORMAT, **asdict(model)}
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)
    with remove_on_failure(folder):
        folder.mkdir(parents=True, exist_ok=True)
        save_file(arrays, folder / "weights.safetensors")
        (folder / "model.json").write_text(text + "\n", encoding="utf-8")


def read_model(folder: Path) -> ModelFile:
    """Read ``model.json``; raises DataError(``bad_weights``) with the reason."""
    path = folder / "model.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = Message("model_no_folder", folder=str(folder))
        raise DataError(message, code="bad_weights") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        message = Message("model_unreadable", file=str(path), reason=error)
        raise DataError(message, code="bad_weights") from error
    if not isinstance(document, dict) or document.pop("format", None) != FORMAT:
        message = Message("model_other_format", file=str(path), format=FORMAT)
        raise DataError(message, code="bad_weights")
    try:
        channels = tuple(Channel(**channel) for channel in document.pop("channels", ()))
        return ModelFile(**{**document, "labels": tuple(document["labels"]), "channels": channels})
    except (KeyError, TypeError) as error:
        message = Message(
            "model_strange",
            file=str(path),
            reason=error,
        )
        raise DataError(message, code="bad_weights") from error


def read_weights(folder: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays; raises DataError(``bad_weights``) with the reason."""
    path = folder / "weights.safetensors"
    try:
        weights: dict[str, NDArray[Any]] = load_file(path)
    except (OSError, SafetensorError) as error:
        message = Message(
            "model_damaged",
            file=str(path),
            reason=error,
        )
        raise DataError(message, code="bad_weights") from error
    return weights


@contextmanager
def fitting(where: str, title: str) -> Iterator[None]:
    """Convert errors of mismatched arrays to DataError(``bad_weights``)."""
    try:
        yield
    except (KeyError, ValueError, RuntimeError) as error:
        if isinstance(error, DataError):
            raise
        text = f"{error}"
        match = _FIRST.search(text)
        reason = match[1] if match else text.splitlines()[0].strip("'") if text else type(error).__name__
        message = Message(
            "model_does_not_fit",
            folder=str(where),
            title=title,
            reason=str(reason),
        )
        raise DataError(message, code="bad_weights") from error
