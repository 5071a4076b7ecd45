"""Check that the first line of every docstring says plainly what the thing is or does.

Usage: ``python tests/lint/docstrings.py FOLDER ...``. A first line must not open with a relative clause, and
must not use words that leave the reader guessing. Each violation is printed with its place and the rule;
the exit code is 1 when there is one.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

OPENINGS = (
    "What",
    "Whatever",
    "Who",
    "Whoever",
    "Whom",
    "Whose",
    "Which",
    "Where",
    "When",
    "Why",
    "How",
    "That",
    "Those",
    "Such",
    "One that",
    "One who",
    "Somebody who",
    "Return what",
    "Yield what",
    "Return how",
    "Say",
    "Tell",
)
TITLES = ("Whether",)  # a noun of a module or class; a property may read as a question
WORDS = (
    "anew",
    "comes to",
    "for that",
    "is here",
    "lies",
    "looked",
    "meant",
    "of which",
    "said",
    "stands",
    "told",
    "what is",
    "what was",
)
NODES = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def violations(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, rule) for each first line of a docstring that breaks a rule."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if not isinstance(node, NODES):
            continue
        text = ast.get_docstring(node)
        if not text:
            continue
        first = " ".join(text.split("\n\n")[0].split())
        line = node.body[0].lineno
        titles = () if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else TITLES
        for opening in (*OPENINGS, *titles):
            if re.match(rf"{opening}\b", first):
                yield line, f'opens with "{opening}": name the thing, or begin with a verb: {first}'
        for word in WORDS:
            if re.search(rf"\b{word}\b", first, re.IGNORECASE):
                yield line, f'uses "{word}": use the exact verb: {first}'


def main(folders: list[str]) -> int:
    """Print every violation below the folders; return 1 when there is one, else 0."""
    count = 0
    for folder in folders:
        for path in sorted(Path(folder).rglob("*.py")):
            for line, rule in violations(path.read_text(encoding="utf-8")):
                print(f"{path}:{line}: {rule}")  # noqa: T201 - a command's output
                count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
