"""Files of previews, stored on the server for a few hours so that they are uploaded only once."""

from __future__ import annotations

import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from django.core import signing

from ml.messages import Message
from server.accounts.models import User
from server.core.files import storage
from server.exchange.errors import UploadGoneError

FOLDER: Final = "imports/previews"
SALT: Final = "exchange.imports.held_files"
KEPT_SECONDS: Final = 6 * 3600


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file on the server and its name at the client."""

    path: Path
    filename: str


def hold_file(actor: User, place: uuid.UUID, file: IO[bytes], filename: str) -> str:
    """Copy a file to the server; return the signed token by which its owner retrieves it.

    ``place`` is the slide or project on which it is imported.
    """
    folder = storage.storage_path(FOLDER)
    storage.make_folder(folder)
    _drop_old(folder)
    key = str(uuid.uuid4())
    with storage.new_file(folder / key) as sink:
        shutil.copyfileobj(file, sink, 2**20)
    return signing.dumps([key, str(actor.pk), str(place), filename[-200:]], salt=SALT)


def held_file(actor: User, place: uuid.UUID, token: str) -> HeldFile:
    """Return the file of a token; raises UploadGoneError after ``KEPT_SECONDS`` or for another person."""
    try:
        key, owner, of, filename = signing.loads(token, salt=SALT, max_age=KEPT_SECONDS)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise UploadGoneError(_gone()) from error
    path = storage.storage_path(f"{FOLDER}/{key}")
    if [owner, of] != [str(actor.pk), str(place)] or not path.is_file():
        raise UploadGoneError(_gone())
    return HeldFile(path, filename)


def _gone() -> Message:
    return Message("upload_gone")


def _drop_old(folder: Path) -> None:
    for path in folder.iterdir():
        try:
            if path.stat().st_mtime < time.time() - KEPT_SECONDS:
                path.unlink()
        except FileNotFoundError:
            # Another request removed it first.
            continue
