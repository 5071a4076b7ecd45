"""Claims of each method, measured beside a fair baseline. ``python -m ml claims`` runs them."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from ml.claims.harness import Claim, Pair, Row, claim, find_claims, measure_claim, stored_rows

__all__ = ["Claim", "Pair", "Row", "claim", "find_claims", "load_claims", "measure_claim", "stored_rows"]


def load_claims() -> None:
    """Import every module of this package, so that its claims are registered."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name != "harness":
            importlib.import_module(f"ml.claims.{module.name}")
