# SPDX-License-Identifier: Apache-2.0
"""Keywords that count for something only after others of their block, and names that must be defined further up.

keepalived reads a file once, from the top: what comes too late is not found, with a message at the line that asks.
"""

from __future__ import annotations

from collections.abc import Iterator

from bascule.config.diagnostics import Findings
from bascule.config.kinds import IP, RefusedWordError
from bascule.config.reader import Section
from bascule.config.tree import Statement
from bascule.model.service import Scheduler

_HASHING = frozenset({Scheduler.SH, Scheduler.MH})
_FAMILIES = {4: "inet", 6: "inet6"}
_FLAGS = frozenset({"hashed", "sh-port", "sh-fallback", "mh-port", "mh-fallback"})
_OF_SORRY_SERVER = frozenset({"sorry_server_inhibit", "sorry_server_lvs_method"})


def check_order(top: Section, findings: Findings) -> None:
    """Everything that depends on what stands above."""
    for service in top.each("virtual_server"):
        _check_service(service, findings)
        _check_family(service, findings)
    _check_sessions(top, findings)
    _check_groups(top, findings)


def _check_service(service: Section, findings: Findings) -> None:
    """Flags of the scheduler, and what goes with a sorry server."""
    if not (_FLAGS | _OF_SORRY_SERVER) & service.values.keys():
        return
    scheduler: Scheduler | None = None
    sorry = False
    for line in _own_lines(service):
        word = line.words[0]
        if word in ("lb_algo", "lvs_sched") and len(line.words) > 1:
            scheduler = next((one for one in Scheduler if one.value == line.words[1]), scheduler)
        elif word == "sorry_server":
            sorry = sorry or _is_address(line)
        elif word in _FLAGS and scheduler not in _HASHING:
            message = f"'{word}' goes with lb_algo sh or mh, which does not stand above: it is ignored"
            findings.add("bad-word", line, 0, message)
        elif word in _OF_SORRY_SERVER and not sorry:
            message = f"'{word}' stands above the sorry_server that it is about, or there is none: it is ignored"
            findings.add("bad-word", line, 0, message)


def _is_address(line: Statement) -> bool:
    """The first argument of the line is an address."""
    try:
        return len(line.words) > 1 and bool(IP.parse(line.words[1]))
    except RefusedWordError:
        return False


def _check_family(service: Section, findings: Findings) -> None:
    """What `ip_family` says of a service with an address."""
    family = service.get("ip_family")
    if family is None or service.title[0] != "address":
        return
    if family != _FAMILIES[service.title[1].version]:
        message = f"the service has an IPv{service.title[1].version} address: ip_family {family} is ignored"
        findings.add("bad-word", service.where["ip_family"], 1, message)


def _own_lines(section: Section) -> Iterator[Statement]:
    yield from section.statement.children or () if section.statement is not None else ()


def _check_sessions(top: Section, findings: Findings) -> None:
    """BFD sessions that checks follow, each once a server."""
    known: set[object] = set()
    for name, section in top.sections:
        if name == "bfd_instance":
            known.add(section.title)
        elif name == "virtual_server":
            for server in section.each("real_server"):
                for check in server.each("BFD_CHECK"):
                    session = check.get("name")
                    if session is not None and session not in known:
                        message = f"no bfd_instance '{session}' is defined above: BFD_CHECK ignores it"
                        findings.add("unknown-reference", check.where["name"], 1, message)


def _check_groups(top: Section, findings: Findings) -> None:
    """Groups that static addresses, routes and rules name."""
    defined: set[str] = set()
    for block in top.children:
        if block.words[0] == "track_group":
            defined.update(block.words[1:2])
        elif block.words[0].startswith("static_"):
            for line in block.children or ():
                _check_group(line, defined, findings)


def _check_group(line: Statement, defined: set[str], findings: Findings) -> None:
    for index, word in enumerate(line.words[1:], 1):
        if line.words[index - 1] == "track_group" and word not in defined:
            message = f"no track_group '{word}' is defined above: the option is ignored"
            findings.add("unknown-reference", line, index, message)
