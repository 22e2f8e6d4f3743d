# SPDX-License-Identifier: Apache-2.0
"""Reading files: bytes are kept, and every way in which a file cannot be read is said in words."""

from __future__ import annotations

import pathlib

import pytest

from bascule.config.source import Origin, Source, SourceError, read


def test_lines_count_from_one_and_lose_their_line_ends() -> None:
    source = Source("k.conf", "first\r\nsecond\n")
    assert source.line(1) == "first"
    assert source.line(2) == "second"
    assert source.line(3) == ""
    assert source.line(4) == ""
    assert source.line(0) == ""


def test_byte_order_mark_is_dropped_and_remembered() -> None:
    source = Source("k.conf", "\ufeffvrrp_instance A {")
    assert source.starts_with_bom
    assert source.line(1) == "vrrp_instance A {"
    assert not Source("k.conf", "x").starts_with_bom


def test_utf_8_is_read_as_such(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "k.conf"
    path.write_bytes("router_id é".encode())
    source = read(path)
    assert source.name == str(path)
    assert source.line(1) == "router_id é"
    assert source.bytes_of("é", 1) == b"\xc3\xa9"


def test_other_bytes_are_kept_one_by_one(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "k.conf"
    path.write_bytes(b"auth_pass \xd6\xf7\xbd\xda")
    source = read(path)
    assert source.encoding == "latin-1"
    assert source.bytes_of(source.line(1).split(" ")[1], 1) == b"\xd6\xf7\xbd\xda"


@pytest.mark.parametrize(
    ("name", "words"),
    [("missing.conf", "there is no file"), (".", "is a directory"), ("x" * 300, "cannot be read: File name too long")],
)
def test_what_cannot_be_read_is_said_in_words(tmp_path: pathlib.Path, name: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        read(tmp_path / name)


def test_a_name_that_no_system_takes() -> None:
    with pytest.raises(SourceError, match="null"):
        read(pathlib.Path("a\x00b"))


def test_generated_lines_know_where_they_come_from() -> None:
    first, second = Source("a.conf", "one"), Source("b.conf", "\n\xe9", "latin-1")
    made = Source.generated(first, ["x", "y"], [Origin(first, 1), Origin(second, 2)])
    assert made.name == "a.conf"
    assert made.line(2) == "y"
    assert made.origin(2) == Origin(second, 2)
    assert made.bytes_of("\xe9", 2) == b"\xe9"
    assert first.origin(1) == Origin(first, 1)
