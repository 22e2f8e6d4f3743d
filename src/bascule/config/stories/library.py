# SPDX-License-Identifier: Apache-2.0
"""The stories behind the findings, and what is found in their examples. Read from the files beside this one.

A story says what keepalived 2.2.7 does, a failure that came of it, and what to write; its example yields the finding.
"""

from __future__ import annotations

import functools
import pathlib
import tomllib
from collections.abc import Mapping

import msgspec

from bascule.config.codes import CODES
from bascule.config.diagnostics import Findings
from bascule.config.directors import Director, compare
from bascule.config.loader import load, load_sources
from bascule.config.reader import Section
from bascule.config.source import Source
from bascule.config.surroundings import check_surroundings
from bascule.model.base import Model
from bascule.model.diagnostic import Diagnostic

FIRST, SECOND = "keepalived.conf", "peer.conf"
"""What the files of an example are called."""


class Story(Model, frozen=True, kw_only=True):
    """What there is to tell of one code."""

    keepalived: str
    """What keepalived 2.2.7 does."""
    failure: str
    """What went wrong for somebody."""
    write: str
    """What to write instead."""
    says: tuple[str, ...] = ()
    """What keepalived 2.2.7 prints for the example, in part."""
    example: str = ""
    """A file that yields the finding."""
    peer: str = ""
    """The file of a second director, for a finding between two."""
    missing: str = ""
    """Instead of an example: a file that is not there."""
    interfaces: tuple[str, ...] = ()
    """The machine's, for a finding about a machine."""
    absent: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Scripts that cannot be run there, and why."""
    changeable: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Scripts that others can change there, and how."""


class _Machine:
    """The machine of an example."""

    def __init__(self, story: Story) -> None:
        self.story = story

    def names(self) -> dict[str, dict[str, int]]:
        """Nothing of its own."""
        return {}

    def interfaces(self) -> frozenset[str]:
        return frozenset(self.story.interfaces)

    def missing(self, script: str) -> str | None:
        return self.story.absent.get(script)

    def insecure(self, script: str) -> str | None:
        return self.story.changeable.get(script)


@functools.cache
def stories() -> Mapping[str, Story]:
    """All stories by their code, in the order of the codes."""
    found: dict[str, Story] = {}
    for path in sorted(pathlib.Path(__file__).parent.glob("*.toml")):
        found.update(msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), dict[str, Story]))
    return {code: found[code] for code in (*CODES, *found) if code in found}


def found_in(story: Story) -> tuple[Diagnostic, ...]:
    """Everything that is found in a story's example."""
    if story.missing:
        return load([pathlib.Path("no-such-folder") / story.missing]).diagnostics
    tops: list[Section] = []

    def look(top: Section, findings: Findings) -> None:
        tops.append(top)
        if story.interfaces:
            check_surroundings(top, _Machine(story), findings)

    named = [(name, text) for name, text in ((FIRST, story.example), (SECOND, story.peer)) if text]
    found: list[Diagnostic] = []
    for name, text in named:
        found += load_sources([Source(name, text)], Findings(), "lb1", look).diagnostics
    if len(tops) > 1:
        between = Findings()
        compare([Director(name, top) for (name, _), top in zip(named, tops, strict=True)], between)
        found += between.sorted()
    return tuple(found)
