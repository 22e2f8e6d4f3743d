# SPDX-License-Identifier: Apache-2.0
"""What files ask of the machine that they are for: interfaces and scripts. Says which; who looks at them is elsewhere.

Only asked for with `--local`: on a laptop or in CI neither need be there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from bascule.config.assemble.globals import merged
from bascule.config.diagnostics import Findings
from bascule.config.keywords.inline_kinds import Names
from bascule.config.kinds import INTERFACE, SCRIPT
from bascule.config.reader import Section
from bascule.config.tree import Statement

_NO_SCRIPT = frozenset({"process"})
"""Takes the name of a program that somebody else runs."""

_ROOT = frozenset({"root", "0"})

_LISTS_INTERFACES = frozenset({"track_interface"})
"""Blocks whose lines begin with an interface."""


class Surroundings(Protocol):
    """A machine."""

    def interfaces(self) -> frozenset[str]:
        """The names of its interfaces."""

    def names(self) -> Names:
        """What it calls routing tables and the like."""

    def missing(self, script: str) -> str | None:
        """Why a program cannot be run; None when it can."""

    def insecure(self, script: str) -> str | None:
        """Which part of the path to a program somebody but root can change; None when nobody can."""


def check_surroundings(top: Section, machine: Surroundings, findings: Findings) -> None:
    """Every interface and every script that the files name, against a machine."""
    interfaces = machine.interfaces()
    for statement, name in _interfaces(top):
        if name not in interfaces:
            there = ", ".join(sorted(interfaces))
            message = f"there is no interface '{name}' on this machine (there are {there})"
            findings.add("meaning/no-interface", statement, statement.words.index(name), message)
    by_default = _first(merged(top, "global_defs").get("script_user"))
    for section, statement, script in _scripts(top):
        why = machine.missing(script)
        if why is not None:
            findings.add("meaning/no-script", statement, 1, f"'{script}' cannot be run: {why}")
            continue
        why = machine.insecure(script) if _user(section, statement, by_default) in _ROOT else None
        if why is not None:
            message = f"'{script}' runs as root and can be changed by others: {why}"
            findings.add("meaning/insecure-script", statement, 1, message)


def _user(section: Section, statement: Statement, by_default: str | None) -> str | None:
    """Whom a script runs as: its block says it, or the word after the script; None = nobody in particular."""
    if "user" in section.block.table:
        return _first(section.get("user")) or by_default
    said = section.values.get(statement.words[0])
    return str(said[1]) if isinstance(said, tuple) and len(said) > 1 else by_default


def _first(said: object) -> str | None:
    return str(said[0]) if isinstance(said, tuple) and said else None


def _sections(top: Section) -> Iterator[Section]:
    waiting = [top]
    while waiting:
        section = waiting.pop()
        yield section
        waiting.extend(inner for _, inner in reversed(section.sections))


def _statements(section: Section) -> Iterator[Statement]:
    if section.statement is not None:
        yield from section.statement.children or ()


def _interfaces(top: Section) -> Iterator[tuple[Statement, str]]:
    """Each line that names interfaces, once for each of them."""
    for section in _sections(top):
        for statement in _statements(section):
            word = statement.words[0]
            keyword = section.block.table.get(word)
            if keyword is None:
                continue
            if word in _LISTS_INTERFACES:
                yield from ((line, line.words[0]) for line in statement.children or ())
            elif keyword.arguments[:1] == (INTERFACE,) and len(statement.words) > 1:
                yield statement, statement.words[1]
            for line in statement.children or () if word.startswith("virtual_ipaddress") else ():
                yield from ((line, name) for at, name in zip(line.words, line.words[1:], strict=False) if at == "dev")


def _scripts(top: Section) -> Iterator[tuple[Section, Statement, str]]:
    """Each line that names a program, with its block and the path of the program alone."""
    for section in _sections(top):
        for statement in _statements(section):
            keyword = section.block.table.get(statement.words[0])
            if keyword is None or keyword.arguments[:1] != (SCRIPT,) or keyword.name in _NO_SCRIPT:
                continue
            program = statement.words[1].split() if len(statement.words) > 1 else []
            if program:
                yield section, statement, program[0].strip("'")
