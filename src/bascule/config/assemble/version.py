# SPDX-License-Identifier: Apache-2.0
"""Which version of VRRP an instance speaks, and what of its lines counts for nothing: as keepalived 2.2.7 has it.

IPv6 is version 3, whatever `vrrp_version` says. But `version 2` above everything that makes the instance one of IPv6 is
heeded: adverts of version 2 over IPv6, which no RFC knows. Below it is refused; and `native_ipv6` is version 3 in any
case. Of two that differ the first counts.
"""

from __future__ import annotations

from typing import NamedTuple

from bascule.config.assemble.family import family, spoken
from bascule.config.assemble.strict import is_strict
from bascule.config.diagnostics import Findings
from bascule.config.keywords.vrrp_instance import VERSION
from bascule.config.kinds import RefusedWordError
from bascule.config.reader import Section
from bascule.config.tree import Statement

_BY_FAMILY = {4: 2, 6: 3}


class _Written(NamedTuple):
    """What the lines of an instance say."""

    version: int | None
    """None = they leave it open."""
    where: Statement | None
    """The line that decided."""
    idle: tuple[tuple[Statement, int], ...]
    """Lines that count for nothing, with the version that does."""


def version_of(section: Section, defaults: Section) -> int:
    """The version of VRRP that an instance speaks. `defaults`: the values of `global_defs`."""
    version, six = _written(section).version, family(section) == 6
    if six and (version is None or is_strict(section, defaults)):
        return 3
    if version is None:
        version = defaults.get("vrrp_version", _BY_FAMILY[4])
    assert isinstance(version, int)
    return version


def check_version(section: Section, defaults: Section, findings: Findings) -> None:
    """What is odd about the lines that decide."""
    written = _written(section)
    for line, decided in written.idle:
        message = f"other lines make the instance one of version {decided}: {' '.join(line.words[:2])} is ignored"
        findings.add("bad-word", line, 0, message)
    if written.version != 2 or written.where is None or family(section) == 4:
        return
    if is_strict(section, defaults):
        findings.add(
            "meaning/strict", written.where, 0, "strict mode has no version 2 over IPv6: version 3 is in effect"
        )
    else:
        message = "version 2 over IPv6 is in no RFC: only keepalived and bascule speak it"
        findings.add("meaning/version-family", written.where, 0, message, "drop it: IPv6 is version 3")


def _written(section: Section) -> _Written:
    version: int | None = None
    where: Statement | None = None
    six: bool | None = None
    idle: list[tuple[Statement, int]] = []
    for line in section.statement.children or () if section.statement is not None else ():
        if line.words[0] == "version":
            said = _number(line)
            decided = version or (3 if six else said)
            if said is not None and said != decided:
                assert decided is not None
                idle.append((line, decided))
            elif said is not None:
                version, where = said, where or line
            continue
        first = next(spoken(line), None)
        six = first[2] == 6 if six is None and first is not None else six
        if line.words[0] == "native_ipv6" and six:
            idle += [(where, 3)] if where is not None and version == 2 else []
            version, where = 3, line
    return _Written(version, where, tuple(idle))


def _number(line: Statement) -> int | None:
    """What a line says; None when it has been refused."""
    try:
        return VERSION.parse(line.words[1]) if len(line.words) > 1 else None
    except RefusedWordError:
        return None
