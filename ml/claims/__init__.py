"""Claims of each method, measured beside a fair baseline. ``python -m ml claims`` runs them.

``claim.py`` in the folder of a method measures that method. This package measures the tools, and has the
harness and the material that claims share.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil

from ml.catalogue.registry import RECIPES, package_of
from ml.claims.harness import Claim, Pair, Row, claim, find_claims, measure_claim, stored_rows

__all__ = ["Claim", "Pair", "Row", "claim", "find_claims", "load_claims", "measure_claim", "stored_rows"]


def load_claims() -> None:
    """Import the modules of this package and the claims of all methods, so that they are registered."""
    shared = [module.name for module in pkgutil.iter_modules(__path__, "ml.claims.")]
    own = [f"{package_of(info.name)}.claim" for info in RECIPES]
    for name in (*shared, *(name for name in own if importlib.util.find_spec(name))):
        importlib.import_module(name)
