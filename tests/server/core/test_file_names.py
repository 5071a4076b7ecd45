"""Names of exported files: distinct, short enough, composed, in every script, safe on every system."""

from __future__ import annotations

import itertools
import unicodedata

import pytest
from django.utils.http import parse_header_parameters
from hypothesis import given
from hypothesis import strategies as st

from server.core.files.names import MOST_BYTES, DistinctNames, attachment_header, safe_file_name

KEPT = [
    "Case 7",
    "\u75c5\u4f8b\u4e03 \uff08\u7532\uff09",
    "\u0421\u043b\u0443\u0447\u0430\u0439 7",
    "\u03a0\u03b5\u03c1\u03af\u03c0\u03c4\u03c9\u03c3\u03b7",
    "\u05de\u05e7\u05e8\u05d4 7",
    "\u062d\u0627\u0644\u0629 \u0667",
    "\u30b1\u30fc\u30b9\u304c",
    "\ucf00\uc774\uc2a4",
    "\u0915\u094d\u0937\u0947\u0924\u094d\u0930",
    "\u0915\u094d\u200d\u0937",
    "\u0645\u06cc\u200c\u0634\u0648\u062f",
    "\u0e01\u0e23\u0e13\u0e35",
    "\u0d15\u0d47\u0d38\u0d4d",
    "\U00020000\u6f22",
    "tum\u00f8r, 'A' & (B) #3 + 50% ~x!",
    "...a",
]


@pytest.mark.parametrize("name", KEPT)
def test_every_script_is_kept(name):
    kept = name if not name.startswith(".") else f"_{name[1:]}"
    assert safe_file_name(name, ".geojson") == f"{kept}.geojson"


def test_names_are_composed():
    assert safe_file_name("Mu\u0308ller \u1112\u1161\u11ab", ".md") == "M\u00fcller \ud55c.md"


REPLACED = [
    ("a/b\\c", "a_b_c"),
    ("../../etc", "_._.._etc"),
    ("a\x00b\nc\x7fd\u0085e\u2028f", "a_b_c_d_e_f"),
    ("a\u202eb\u2066c", "a_b_c"),
    ('x:y*z?"<>|', "x_y_z_____"),
    ("CON", "_CON"),
    ("nul", "_nul"),
    ("Com1", "_Com1"),
    ("LPT\u00b2", "_LPT\u00b2"),
    ("aux.tar", "_aux.tar"),
    ("prn .x", "_prn .x"),
    ("console", "console"),
    ("name. . ", "name"),
    (" . ", "unnamed"),
    ("", "unnamed"),
]


@pytest.mark.parametrize(("name", "stem"), REPLACED)
def test_characters_refused_by_some_system_are_replaced(name, stem):
    assert safe_file_name(name, ".json") == f"{stem}.json"


@pytest.mark.parametrize(
    "letter", ["x", "\u00e9", "\u75c5", "\U00020000", "\u0915\u094d\u200d\u0937", "e\u0332"]
)
def test_a_long_name_is_cut_between_characters_and_carries_a_hash(letter):
    long = letter * 300
    one, other = safe_file_name(long, ".geojson"), safe_file_name(f"{long}z", ".geojson")
    assert one != other
    for name in (one, other):
        assert len(name.encode()) <= MOST_BYTES
        assert name.endswith(".geojson")
        stem, digest = name.removesuffix(".geojson").rsplit("-", 1)
        assert len(digest) == 8
        assert stem == letter * (len(stem) // len(letter))


def test_names_of_an_archive_are_distinct_without_regard_to_case():
    names = DistinctNames()
    alike = [
        "Case 7", "case 7", "CASE 7", "Case 7", "case 7 ", "case\u200c 7", "stra\u00dfe", "STRASSE",
        "M\u00fcller", "Mu\u0308ller", "A:b", "a*B", "a" * 300, "A" * 300, "\u0391", "\u03b1", "nul", "_NUL",
    ]  # fmt: skip
    taken = [names.take(name, ".geojson", identity=str(number)) for number, name in enumerate(alike)]
    keys = {unicodedata.normalize("NFD", name).upper().casefold().replace("\u200c", "") for name in taken}
    assert len(keys) == len(alike)
    assert taken[0] == "Case 7.geojson"
    assert taken[1].startswith("case 7-")
    assert max(len(name.encode()) for name in taken) <= MOST_BYTES


def test_the_same_identity_twice_is_still_two_files():
    names = DistinctNames()
    assert len({names.take("a", ".json", identity="same") for _ in range(4)}) == 4


@given(st.lists(st.text(max_size=120), max_size=6), st.sampled_from([".geojson", ".histoml.zip", ".md"]))
def test_any_text_gives_a_name_that_every_system_takes(texts, ending):
    names = DistinctNames()
    taken = [names.take(text, ending, identity=str(number)) for number, text in enumerate(texts)]
    for name in taken:
        assert len(name.encode()) <= MOST_BYTES
        assert name == unicodedata.normalize("NFC", name)
        assert name.endswith(ending)
        assert not set(name) & set('/\\<>:"|?*\u202e\u2066')
        assert not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name)
        assert not name.startswith(".")
    assert all(a.upper() != b.upper() for a, b in itertools.combinations(taken, 2))


@pytest.mark.parametrize("name", ['a"b;c%d', "\u75c5\u4f8b", "M\u00fcller", "x\r\ny", "plain"])
def test_a_download_has_its_name_in_ascii_and_in_full(name):
    header = attachment_header(name, ".zip")
    assert header.isascii()
    assert "\r" not in header
    assert "\n" not in header
    kind, parameters = parse_header_parameters(header)
    assert kind == "attachment"
    assert parameters["filename"] == safe_file_name(name, ".zip")
    assert header.count("filename") == 2
