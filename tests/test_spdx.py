# SPDX-License-Identifier: Apache-2.0
"""Each source file says its licence in its first line (after a `#!` line); each licence's text is there."""

from __future__ import annotations

import pathlib
import re

import pytest

PYTHON = "# SPDX-License-Identifier: Apache-2.0"
BPF = "// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause"

WITHOUT = {".md", ".conf", ".lock", ".json", ".txt", ".typed", ".png", ".svg", ".pcap", ".hex", ".golden"}
"""Kinds of file that carry no licence line: text for people, data, and what programs write."""

EXEMPT = {"LICENSE", "NOTICE", ".gitignore"}


def wanted(name: pathlib.Path) -> str | None:
    """The licence line that a file must have, None where it needs none."""
    if name.name in EXEMPT or name.suffix in WITHOUT or "data" in name.parts:
        return None
    return BPF if name.suffix in {".c", ".h"} else PYTHON


def licence_line(text: str) -> str:
    """The first line, or the second below a `#!` line."""
    lines = [*text.splitlines()[:2], "", ""]
    return lines[1] if lines[0].startswith("#!") else lines[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("src/bascule/errors.py", PYTHON), ("scripts/setup", PYTHON), ("a/b.bpf.c", BPF), ("README.md", None)],
)
def test_which_line_a_file_must_have(name: str, expected: str | None) -> None:
    assert wanted(pathlib.Path(name)) == expected


def test_every_source_file_says_its_licence(root: pathlib.Path, files: tuple[pathlib.Path, ...]) -> None:
    found = {name: wanted(name) for name in files}
    wrong = [
        str(name) for name, line in found.items() if line and licence_line((root / name).read_text("utf-8")) != line
    ]
    assert wrong == []


def test_the_text_of_every_licence_is_there(root: pathlib.Path) -> None:
    named = set(re.findall(r"[A-Za-z]+-[0-9][0-9.]*(?:-[A-Za-z]+)?", f"{PYTHON} {BPF}"))
    assert named == {"Apache-2.0", "GPL-2.0-only", "BSD-2-Clause"}
    assert {path.stem for path in (root / "LICENSES").iterdir()} == named
