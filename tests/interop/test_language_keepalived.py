# SPDX-License-Identifier: Apache-2.0
"""What `bascule check` says of wrong files beside what `keepalived -t` 2.2.7 says of them, line by line.

The files are our own, spoiled in ways that people spoil them, the same each time. A line that keepalived cannot use
must have a warning or error of ours that quotes the word which keepalived quotes; a line that keepalived takes without
a word must have none, but for checks that keepalived does not have. Messages that only speak of this machine, and
advice, are left out.
"""

from __future__ import annotations

import pathlib
import random
import re
import subprocess
from typing import NamedTuple

import pytest

from bascule.config.loader import load
from bascule.model.diagnostic import Diagnostic, Severity

pytestmark = pytest.mark.root

ROOT = pathlib.Path(__file__).parents[2]
FILES = ("examples/keepalived.conf", "examples/keepalived.backup.conf", "tests/interop/wide.conf")
SPOILED_PER_FILE = 80
RECALL_MIN = 0.97
FALSE_MAX = 0.01
"""Falsely reported lines a file."""

MACHINE = re.compile(
    r"not found|doesn't exist|Invalid smtp server [a-z]|Unable to set|Non-existent interface|SECURITY VIOLATION|"
    r"No script|Failed to set uid|Error setting global script|not supported by kernel|default user|is not a regular"
)
ADVICE = re.compile(
    r"deprecat|[Ww]arning|WARNING|Truncating|Please use|no (forwarding method|scheduler|protocol) set|[Dd]efaulting|"
    r"resetting|reducing|setting default|automatically set|will be ignored|Cannot specify|incompatible|Ignoring\.$"
)
MESSAGE = re.compile(r"\((?:[^()]*: )?Line (\d+)\) (.*)")
QUOTED = re.compile(r"Unknown keyword '([A-Za-z0-9_.:/-]+)")


class Verdict(NamedTuple):
    """What keepalived says of a file."""

    wrong: dict[int, set[str]]
    """Lines it cannot use, with the words that it quotes; the empty word stands for any."""
    named: set[int]
    """Every line it speaks of."""
    status: int


def keepalived(path: pathlib.Path) -> Verdict:
    """Ask it, in a network namespace without interfaces."""
    command = ["unshare", "--net", "keepalived", "-t", "-f", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60, check=False)
    wrong: dict[int, set[str]] = {}
    named: set[int] = set()
    for message in MESSAGE.finditer(done.stderr + done.stdout):
        line = int(message[1])
        named.add(line)
        if not MACHINE.search(message[2]) and not ADVICE.search(message[2]):
            quoted = QUOTED.match(message[2])
            wrong.setdefault(line, set()).add(quoted[1].lower() if quoted else "")
    return Verdict(wrong, named, done.returncode)


def missed(verdict: Verdict, found: list[Diagnostic]) -> set[int]:
    """Lines that keepalived cannot use and of which we say nothing."""
    said: dict[int | None, str] = {}
    for one in found:
        said[one.line] = f"{said.get(one.line, '')}\n{one.message.lower()}"
    return {
        line
        for line, words in verdict.wrong.items()
        if line not in said or not any(word in said[line] for word in words)
    }


def false(verdict: Verdict, found: list[Diagnostic]) -> set[int]:
    """Lines of which we say what keepalived could, and does not."""
    ours = {one.line for one in found if one.line is not None and not one.code.startswith("meaning/")}
    return ours - verdict.named


def spoiled(text: str, choose: random.Random) -> str:
    """The text with one mistake in it."""
    lines = text.split("\n")
    index = choose.choice([i for i, line in enumerate(lines) if line.strip() and line.strip()[0] not in "!#}"])
    line = lines[index]
    word, _, rest = line.strip().partition(" ")
    rest = rest.removesuffix("{").strip()
    swapped = choose.randrange(max(1, len(word) - 1))
    others = (
        line.replace(word, word[:swapped] + word[swapped + 1 :], 1),
        line.replace(word, word[:swapped] + word[swapped : swapped + 2][::-1] + word[swapped + 2 :], 1),
        line.replace(word, f"{word[:swapped]}x{word[swapped:]}", 1),
        line.replace(word, word.capitalize(), 1),
        line.replace(rest, choose.choice(("0", "-1", "300", "70000", "1.5", "0x10", "abc", "5s")), 1) if rest else "",
        "",
        line if "{" in line else f"{line}\n{line}",
        f"no_such_word 1\n{line}",
        f"my_block {{\n priority 7\n foo\n}}\n{line}",
        line.replace("{", ""),
    )
    lines[index] = choose.choice(others)
    return "\n".join(lines)


@pytest.mark.parametrize("name", FILES)
def test_our_own_files_are_right(name: str) -> None:
    found = [one for one in load([ROOT / name]).diagnostics if one.severity is not Severity.NOTE]
    verdict = keepalived(ROOT / name)
    assert not missed(verdict, found)
    assert not false(verdict, [one for one in found if one.code not in ("not-acted-on", "legacy-spelling")])


def test_spoiled_files(tmp_path: pathlib.Path) -> None:
    wanted = files = 0
    gaps: list[str] = []
    noise: list[str] = []
    for name in FILES:
        choose = random.Random(name)
        for number in range(SPOILED_PER_FILE):
            path = tmp_path / f"{number}.conf"
            path.write_text(spoiled((ROOT / name).read_text("utf-8"), choose))
            verdict = keepalived(path)
            if verdict.status not in (0, 4, 5, 6):
                continue  # It ended at once: what it would have said of the rest is not known.
            found = [one for one in load([path]).diagnostics if one.severity is not Severity.NOTE]
            found = [one for one in found if one.code != "not-acted-on"]
            lines = ["", *path.read_text("utf-8").split("\n"), ""]
            files += 1
            wanted += len(verdict.wrong)
            gaps += [f"{name}:{number}:{line}: {lines[line]}" for line in missed(verdict, found)]
            noise += [f"{name}:{number}:{line}: {lines[line]}" for line in false(verdict, found)]
    assert files > SPOILED_PER_FILE
    assert wanted > files
    assert len(gaps) <= (1 - RECALL_MIN) * wanted, gaps
    assert len(noise) <= FALSE_MAX * files, noise
