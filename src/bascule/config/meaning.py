# SPDX-License-Identifier: Apache-2.0
"""Checks of what blocks mean together. Each stands for a failure that really happens; none looks at the machine."""

from __future__ import annotations

from collections.abc import Iterator

from bascule.config.diagnostics import Findings
from bascule.config.meaning_instances import check_instances
from bascule.config.meaning_scripts import check_scripts
from bascule.config.reader import Section
from bascule.config.tree import Statement


def check_together(top: Section, findings: Findings) -> None:
    """Everything that takes more than one block to see."""
    _check_references(top, findings)
    _check_groups(top, findings)
    _check_addresses(top, findings)
    _check_witnesses(top, findings)
    _check_hysteresis(top, findings)
    check_instances(top, findings)
    check_scripts(top, findings)


_DEFINED_BY = {
    "vrrp_script": ("track_script", "script"),
    "track_file": ("track_file", "file"),
    "vrrp_track_process": ("track_process", "process"),
    "bfd_instance": ("track_bfd", "neighbor_ip"),
}
"""Block: the keyword that refers to its name, and the keyword without which the block counts for nothing."""


def _check_references(top: Section, findings: Findings) -> None:
    """What instances, groups and servers follow must be defined before them."""
    known: dict[str, set[str]] = {by: set() for by, _ in _DEFINED_BY.values()}
    every = _definitions(top)
    dropped_above: set[tuple[str, str]] = set()
    for name, section in top.sections:
        if name in _DEFINED_BY:
            by, _ = _DEFINED_BY[name]
            if (by, section.title) in every:
                known[by].add(section.title)
            else:
                dropped_above.add((by, section.title))
            continue
        for by, line, index in _references(section):
            tracked = line.words[index]
            if tracked not in known[by]:
                dropped = (by, tracked) in dropped_above
                _undefined(by, line, index, every.get((by, tracked)), dropped, findings)


def _check_groups(top: Section, findings: Findings) -> None:
    """Services of groups: keepalived says nothing when there is no such group, anywhere in the files."""
    asked = [section for section in top.each("virtual_server") if section.title[0] == "group"]
    if not asked or "virtual_server_group" in top.misspelt:
        return
    known = {child.words[1] for child in top.children if child.words[0] == "virtual_server_group" and child.words[1:]}
    for section in asked:
        if section.title[1] not in known and section.statement is not None:
            message = f"there is no virtual_server_group '{section.title[1]}': the service has no address"
            findings.add("meaning/unknown-group", section.statement, 2, message)


def _definitions(top: Section) -> dict[tuple[str, str], Section]:
    """Every block that can be followed, by the keyword that does and its name."""
    found: dict[tuple[str, str], Section] = {}
    for name, section in top.sections:
        if name in _DEFINED_BY:
            by, needed = _DEFINED_BY[name]
            if name == "bfd_instance" or not section.lacks(needed):
                found.setdefault((by, section.title), section)
    return found


def _references(section: Section) -> Iterator[tuple[str, Statement, int]]:
    """Each name that a block follows: by which keyword, the line, and which word of it."""
    for file_check in _file_checks(section):
        if file_check.get("track_file") is not None:
            yield "track_file", file_check.where["track_file"], 1
    for by, _ in _DEFINED_BY.values():
        if by in section.values:
            yield from ((by, line, 0) for line in section.where[by].children or ())


def _undefined(by: str, line: Statement, index: int, later: Section | None, dropped: bool, findings: Findings) -> None:
    if dropped:
        message = f"'{line.words[index]}' is defined above, but lacks what it needs: {by} ignores it"
        findings.add("unknown-reference", line, index, message)
        return
    message = f"nothing named '{line.words[index]}' is defined above: {by} ignores it"
    hint = None
    if later is not None and later.statement is not None:
        place = later.statement.source.origin(later.statement.line)
        keyword = later.statement.words[0]
        message = f"'{line.words[index]}' is defined only further down, at line {place.line}: {by} ignores it"
        hint = f"move the {keyword} up"
    findings.add("unknown-reference", line, index, message, hint)


def _file_checks(service: Section) -> list[Section]:
    """Every FILE_CHECK of a service."""
    return [check for server in service.each("real_server") for check in server.each("FILE_CHECK")]


def _check_addresses(top: Section, findings: Findings) -> None:
    """Services against the addresses that instances hold."""
    held = _held(top)
    if held is None:
        return
    told: set[object] = set()
    for section in top.each("virtual_server"):
        statement = section.statement
        if statement is None or section.title[0] != "address":
            continue
        address = section.title[1]
        if address not in held and address not in told:
            told.add(address)
            message = (
                f"no vrrp_instance holds {address}: clients reach this service only if something else puts it here"
            )
            findings.add("meaning/vip-unheld", statement, 1, message)


def _check_witnesses(top: Section, findings: Findings) -> None:
    """A witness has to be somebody else: an address that this director may have itself says nothing."""
    blocks = [block for block in top.each("bascule") if "witness" in block.values]
    held = _held(top) or set()
    for block in blocks:
        line = block.where["witness"]
        for address in (address for words in block.get("witness") for address in words):
            if address in held:
                index = line.words.index(str(address)) if str(address) in line.words else 0
                message = (
                    f"{address} is a virtual address: whoever is active answers for it, and when nobody is, nobody"
                )
                findings.add("meaning/witness", line, index, message, "write the address of the router, or the like")
        if not top.each("vrrp_instance") and "vrrp_instance" not in top.misspelt | top.refused:
            findings.add("meaning/witness", line, 0, "there is no vrrp_instance that would ask a witness")


def _held(top: Section) -> set[object] | None:
    """Every address that the file puts on a machine; None when it does not say all (no instance, or a misspelt one)."""
    blocks = top.each("vrrp_instance")
    if not blocks or "vrrp_instance" in top.misspelt:
        return None
    held: set[object] = set()
    for block in blocks:
        if {"virtual_ipaddress", "virtual_ipaddress_excluded"} & block.misspelt:
            return None
        for keyword in ("virtual_ipaddress", "virtual_ipaddress_excluded"):
            held.update(line.address for line in block.get(keyword) or ())
    held.update(line.address for line in top.get("static_ipaddress") or ())
    return held


def _check_hysteresis(top: Section, findings: Findings) -> None:
    """A quorum that is lost below `quorum - hysteresis` must leave something to lose."""
    for section in top.each("virtual_server"):
        hysteresis, quorum = section.get("hysteresis", 0), section.get("quorum", 1)
        if hysteresis and hysteresis >= quorum and "quorum" not in section.misspelt | section.refused:
            message = f"hysteresis {hysteresis} is not below the quorum {quorum}: {quorum - 1} is used"
            findings.add("meaning/hysteresis", section.where["hysteresis"], 1, message)
