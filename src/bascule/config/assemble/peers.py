# SPDX-License-Identifier: Apache-2.0
"""The lines of `unicast_peer` into the model: those of the instance's family, each once."""

from __future__ import annotations

import contextlib

from bascule.config.diagnostics import Findings
from bascule.config.kinds import IP, RefusedWordError
from bascule.config.reader import Section
from bascule.config.tree import Statement
from bascule.model.base import IPAddress
from bascule.model.configuration import UnicastPeer


def peers(section: Section, family: int, findings: Findings) -> tuple[UnicastPeer, ...]:
    """The peers of an instance; empty = adverts by multicast."""
    lines = _lines(section)
    found: dict[IPAddress, UnicastPeer] = {}
    for address in section.get("unicast_peer") or ():
        line = lines[address]
        if address.version != family:
            message = f"{address} is not of the family of the instance: it is skipped"
            findings.add("bad-address", line, 0, message)
        else:
            bounds = {"min_ttl": _bound(line, "min_ttl"), "max_ttl": _bound(line, "max_ttl")}
            found.setdefault(address, UnicastPeer(address=address, **bounds))
    return tuple(found.values())


def _lines(section: Section) -> dict[IPAddress, Statement]:
    """Where each peer stands: the block may be there more than once."""
    found: dict[IPAddress, Statement] = {}
    assert section.statement is not None
    for block in section.statement.children or ():
        for line in block.children or () if block.words[0] == "unicast_peer" else ():
            with contextlib.suppress(RefusedWordError):
                found.setdefault(IP.parse(line.words[0]), line)
    return found


def _bound(line: Statement, name: str) -> int | None:
    """The number after a word of a line that was found right."""
    return int(line.words[line.words.index(name) + 1]) if name in line.words else None
