# SPDX-License-Identifier: Apache-2.0
"""No file names a package registry, a folder of somebody's machine, or a host outside the documents that we cite."""

from __future__ import annotations

import pathlib
import re

import pytest

REGISTRIES = ("py" + "pi.org", "python" + "hosted.org", "deb" + "ian.org", "npm" + "js.org")

FOLDERS = re.compile(r"(?<![\w.$}~-])/(?:" + "|".join(("wo" + "rk", "ro" + "ot", "home/[a-z]")) + r")(?:/|\b)")

URL = re.compile(r"\b(?:https?|ftp|git)://([^\s/:\"'<>)`]+)")

CITED = {"www.apache.org", "www.rfc-editor.org", "www.gnu.org", "localhost"}
"""Hosts that a file may name in an address."""

BINARY = {".png", ".pcap"}


def offences(line: str) -> list[str]:
    """What a line names and may not."""
    return [
        *(host for host in REGISTRIES if host in line),
        *(found.group() for found in FOLDERS.finditer(line)),
        *(host for host in URL.findall(line) if host not in CITED and not re.match(r"[\d.\[{$]", host)),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "index-url = ht" + "tps://mirror.example.net/simple",
        "cd /wo" + "rk/main",
        "open('/ro" + "ot/x')",
        "see files.python" + "hosted.org",
    ],
)
def test_an_offence_is_seen(line: str) -> None:
    assert offences(line) != []


@pytest.mark.parametrize("line", ["a/work", "$HOME/root.txt", "HOME=~ /usr/bin", "http://www.apache.org/licenses/"])
def test_what_is_allowed_is_no_offence(line: str) -> None:
    assert offences(line) == []


def test_no_file_says_what_it_may_not(root: pathlib.Path, files: tuple[pathlib.Path, ...]) -> None:
    found = [
        f"{name}:{number}: {offence}"
        for name in files
        if name.suffix not in BINARY
        for number, line in enumerate((root / name).read_text(encoding="utf-8").splitlines(), 1)
        for offence in offences(line)
    ]
    assert found == []
