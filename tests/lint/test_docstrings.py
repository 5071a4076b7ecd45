"""The check of docstrings reports each oblique first line with its place, and accepts a plain one."""

import subprocess
import sys
from pathlib import Path

CHECK = Path(__file__).parent / "docstrings.py"
BAD = '''"""What the reader does."""


class Kept:
    """Whether a file is kept."""

    def take(self):
        """Return what was
        told of it.
        """


def look():
    """Return the mask (h, w) of tissue.

    What lies outside the slide is False.
    """
'''


def check(folder):
    """Return the exit code and the printed lines of the check of a folder."""
    run = subprocess.run([sys.executable, CHECK, folder], capture_output=True, text=True, check=False)
    return run.returncode, run.stdout.splitlines()


def test_each_oblique_first_line_is_reported_with_its_place(tmp_path):
    (tmp_path / "bad.py").write_text(BAD)
    code, lines = check(tmp_path)
    assert code == 1
    places = [(line.split(":")[1], line.split(": ")[1]) for line in lines]
    assert [number for number, _ in places] == ["1", "5", "8", "8", "8"]
    assert [rule for _, rule in places] == [
        'opens with "What"',
        'opens with "Whether"',
        'opens with "Return what"',
        'uses "told"',
        'uses "what was"',
    ]


def test_plain_first_lines_pass(tmp_path):
    (tmp_path / "good.py").write_text(BAD[BAD.index("def look") :])
    assert check(tmp_path) == (0, [])
