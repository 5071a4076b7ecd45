"""Data of the claims: real files where the folder of real data exists, else phantoms."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from ml.contracts import DataError
from ml.messages import Message

_ROOT: Final = Path(__file__).resolve().parents[2]


def real_data(name: str) -> Path:
    """Return a folder of real data; raises DataError that names the variable ``COVERSLIP_DATA``."""
    folder = Path(os.environ.get("COVERSLIP_DATA", _ROOT.parent / "shared" / "data")) / name
    if not folder.exists():
        message = Message("real_data_missing", folder=str(folder))
        raise DataError(message, code="no_data")
    return folder
