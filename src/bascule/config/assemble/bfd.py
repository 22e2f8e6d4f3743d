# SPDX-License-Identifier: Apache-2.0
"""`bfd_instance` blocks into the model."""

from __future__ import annotations

from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.model.base import Seconds
from bascule.model.bfd import BfdSession

ANY_HOPS = 255
"""`max_hops` that looks at no TTL."""

TTL_IPV4, TTL_IPV6 = 255, 64
"""keepalived.conf(5); RFC 5881 5 wants 255 for both."""


def sessions(top: Section, findings: Findings) -> tuple[BfdSession, ...]:
    """Every session that can be spoken, in the file's order."""
    found: dict[str, BfdSession] = {}
    for section in top.each("bfd_instance"):
        statement, name = section.statement, section.title
        if name is None or statement is None:
            continue
        if name in found:
            findings.add("duplicate", statement, 1, f"bfd_instance '{name}' is defined already: this one is skipped")
            continue
        session = _session(section, findings)
        if session is None:
            continue
        ends = (session.neighbour, session.source)
        twin = next((other.name for other in found.values() if (other.neighbour, other.source) == ends), None)
        if twin is not None:
            message = f"'{twin}' has the neighbour {session.neighbour} already: this bfd_instance is skipped"
            findings.add_at_end("duplicate", statement, message, "one session to a neighbour serves all that follow it")
            continue
        found[name] = session
    return tuple(found.values())


def _session(section: Section, findings: Findings) -> BfdSession | None:
    neighbour = section.get("neighbor_ip") or section.get("neighbour_ip")
    if neighbour is None:
        return None
    source = section.get("source_ip")
    if source is not None and source.version != neighbour.version:
        message = f"source {source} and neighbour {neighbour} are of two IP versions: the bfd_instance is skipped"
        hint = f"write an IPv{neighbour.version} address of this director, or leave source_ip out"
        assert section.statement is not None
        findings.add_at_end("bad-address", section.statement, message, hint)
        return None
    hops = section.get("max_hops", 0)
    return BfdSession(
        name=section.title,
        neighbour=neighbour,
        source=source,
        min_rx=_seconds(section, "min_rx", 10.0),
        min_tx=_seconds(section, "min_tx", 10.0),
        idle_tx=_seconds(section, "idle_tx", 1000.0),
        multiplier=section.get("multiplier", 5),
        passive=bool(section.get("passive", False)),
        ttl=_ttl(section, neighbour.version),
        max_hops=None if hops in (-1, ANY_HOPS) else hops,
    )


def _seconds(section: Section, keyword: str, default: float) -> Seconds:
    """The file has milliseconds."""
    return Seconds(float(section.get(keyword, default)) / 1000)


def _ttl(section: Section, version: int) -> int:
    name, default = ("ttl", TTL_IPV4) if version == 4 else ("hoplimit", TTL_IPV6)
    found: int = section.get(name, default)
    return found
