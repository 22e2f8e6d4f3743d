# SPDX-License-Identifier: Apache-2.0
"""Checks of what blocks mean together. Each stands for a failure that really happens; none looks at the machine."""

from __future__ import annotations

from bascule.config.diagnostics import Findings
from bascule.config.reader import Section


def check_together(top: Section, findings: Findings) -> None:
    """Everything that takes more than one block to see."""
    _check_references(top, findings)
    _check_addresses(top, findings)


_DEFINED_BY = {
    "vrrp_script": ("track_script", "script"),
    "track_file": ("track_file", "file"),
    "vrrp_track_process": ("track_process", "process"),
    "bfd_instance": ("track_bfd", "neighbor_ip"),
}
"""Block: the keyword that refers to its name, and the keyword without which the block counts for nothing."""


def _check_references(top: Section, findings: Findings) -> None:
    """What instances and groups track must be defined before them."""
    known: dict[str, set[str]] = {by: set() for by, _ in _DEFINED_BY.values()}
    for name, section in top.sections:
        if name in _DEFINED_BY:
            by, needed = _DEFINED_BY[name]
            if not section.lacks(needed) or name == "bfd_instance":
                known[by].add(section.title)
            continue
        for file_check in _file_checks(section):
            if file_check.get("track_file") not in (None, *known["track_file"]):
                name = file_check.get("track_file")
                findings.add(
                    "unknown-reference",
                    file_check.where["track_file"],
                    1,
                    f"no track_file named '{name}' is defined above",
                )
        for by, names in known.items():
            where = section.where.get(by)
            for line in (where.children or ()) if where is not None else ():
                if line.words[0] not in names:
                    message = f"nothing named '{line.words[0]}' is defined above: {by} ignores it"
                    findings.add("unknown-reference", line, 0, message)


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
