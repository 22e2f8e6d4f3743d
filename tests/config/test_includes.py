# SPDX-License-Identifier: Apache-2.0
"""Which files a pattern names, and what is said when it names none."""

from __future__ import annotations

import pathlib

import pytest

from bascule.config.includes import IncludeError, alternatives, included


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Three files and a folder."""
    for name in ("b.conf", "a.conf", "c.inc"):
        (tmp_path / name).write_text(name)
    (tmp_path / "d.conf").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a.conf", ["a.conf"]),
        ("*.conf", ["a.conf", "b.conf"]),
        ("{b,a}.conf", ["b.conf", "a.conf"]),
        ("{a.conf,c.{inc,zzz*}}", ["a.conf", "c.inc"]),
        ("*.zzz", []),
    ],
)
def test_files_of_a_pattern(folder: pathlib.Path, pattern: str, names: list[str]) -> None:
    assert [pathlib.Path(source.name).name for source in included(folder, pattern, "")] == names


def test_absolute_patterns(folder: pathlib.Path) -> None:
    (source,) = included(pathlib.Path("/nowhere"), str(folder / "a.conf"), "")
    assert source.line(1) == "a.conf"


@pytest.mark.parametrize(
    ("pattern", "variant"), [("x.conf", ""), ("x.conf", "r"), ("*.zzz", "w"), ("{a,x}.conf", ""), ("*.zzz", "a")]
)
def test_patterns_that_name_nothing(folder: pathlib.Path, pattern: str, variant: str) -> None:
    with pytest.raises(IncludeError, match="no file matches"):
        included(folder, pattern, variant)


def test_a_file_that_cannot_be_read(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: pathlib.Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(pathlib.Path, "read_bytes", refuse)
    with pytest.raises(IncludeError, match="cannot be read: Permission denied"):
        included(folder, "a.conf", "")


def test_alternatives_keep_their_order_and_have_a_bound() -> None:
    assert alternatives("x") == ["x"]
    assert alternatives("{a,b}{1,2}") == ["a1", "a2", "b1", "b2"]
    with pytest.raises(IncludeError, match="more than"):
        alternatives("{a,b}" * 40)
