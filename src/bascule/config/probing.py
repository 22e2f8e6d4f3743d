# SPDX-License-Identifier: Apache-2.0
"""Checks whose addresses and bounds do not go together; said where keepalived says it."""

from __future__ import annotations

from bascule.config.diagnostics import Findings
from bascule.config.families import CHECKS
from bascule.config.reader import Section
from bascule.config.tree import Statement

_LONGEST = 255
"""Bytes of a reply that keepalived looks at unless the file says otherwise."""


def check_checks(top: Section, findings: Findings) -> None:
    """The checks of every service."""
    for service in top.each("virtual_server"):
        for server in service.each("real_server"):
            for kind, check in server.sections:
                if kind in CHECKS:
                    _check(check, server, findings)


def _check(check: Section, server: Section, findings: Findings) -> None:
    target = check.get("connect_ip", server.title[0])
    if target.version == 6 and target.is_link_local and check.lacks("bind_if"):
        message = f"{target} is an address of one link: the check needs 'bind_if INTERFACE'"
        findings.add_at_end("incomplete", _opened(check), message)
    least, most = check.get("min_reply_length", 0), check.get("max_reply_length", _LONGEST)
    if least > most:
        message = f"min_reply_length {least} is above max_reply_length {most}: the check always fails"
        findings.add_at_end("out-of-range", _opened(check), message)
    for host in check.each("host"):
        _check(host, server, findings)


def _opened(section: Section) -> Statement:
    assert section.statement is not None
    return section.statement
