# SPDX-License-Identifier: Apache-2.0
"""Checks of what blocks mean together. Each stands for a failure that really happens; none looks at the machine."""

from __future__ import annotations

import ipaddress

from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.model.configuration import Configuration


def check_together(top: Section, configuration: Configuration, findings: Findings) -> None:
    """Services against the addresses that instances hold."""
    held = _held(top)
    if held is None:
        return
    told: set[object] = set()
    for section in top.each("virtual_server"):
        statement = section.statement
        if section.title is None or statement is None or section.title[0] != "address":
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
    for line in top.get("static_ipaddress") or ():
        try:
            held.add(ipaddress.ip_interface(line[0]).ip)
        except ValueError:
            continue
    return held
