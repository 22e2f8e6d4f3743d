# SPDX-License-Identifier: Apache-2.0
"""What instances and their groups mean, by themselves and beside each other, that keepalived finds out at run time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bascule.config.assemble.globals import merged
from bascule.config.assemble.version import check_version
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.config.router_pairs import Router
from bascule.config.tree import Statement
from bascule.model.configuration import AuthType

ADVERT_ADDRESSES = {4: 255, 6: 89}
"""Addresses that fit into an advert: the count is one byte, and the packet must fit into 1500 (RFC 9568 5.1)."""

TRAILER_ADDRESSES = 1
"""IPv6 addresses that a trailer takes the room of (keepalived 2.4.3)."""

ADVERT_INTERVAL_MAX = 40.95
"""Seconds: 12 bits of centiseconds (RFC 9568 5.2.7)."""


def check_instances(top: Section, findings: Findings) -> None:
    """Everything about instances that the typed model does not need to know."""
    defaults = merged(top, "global_defs")
    routers = [Router("", section, defaults) for section in top.each("vrrp_instance")]
    for router in routers:
        _check_addresses(router, findings)
        _check_version(router, findings)
        _check_preempt_delay(router, findings)
        _check_peers(router, findings)
    _check_held_twice(routers, findings)
    _check_groups(top, findings)


def _check_addresses(router: Router, findings: Findings) -> None:
    addresses = router.addresses or frozenset()
    most = ADVERT_ADDRESSES[router.family]
    if router.family == 6 and router.section.each("auth_hmac"):
        most -= TRAILER_ADDRESSES
    if len(addresses) > most:
        message = (
            f"{len(addresses)} addresses, of which an advert has room for {most}: "
            "keepalived takes the rest as virtual_ipaddress_excluded"
        )
        hint = "move the rest to virtual_ipaddress_excluded on all directors"
        findings.add("meaning/vip-count", router.section.where["virtual_ipaddress"], 0, message, hint)


def _check_version(router: Router, findings: Findings) -> None:
    check_version(router.section, router.defaults, findings)
    blocks = router.section.each("authentication")
    signs = bool(router.section.each("auth_hmac"))
    if blocks and blocks[-1].statement is not None and signs:
        message = "auth_hmac and authentication exclude each other: this block does nothing"
        findings.add("meaning/auth-both", blocks[-1].statement, 0, message, "drop it")
    if router.version == 2 and router.family == 6 and not signs:
        _check_authentication_over_ipv6(router, findings)
    if router.version != 3:
        return
    if blocks and blocks[-1].statement is not None and not signs:
        message = "VRRP version 3 has no authentication: this block does nothing"
        findings.add("meaning/auth-version", blocks[-1].statement, 0, message, "drop it, or write 'version 2'")
    interval = router.get("advert_int")
    if interval is not None and interval > ADVERT_INTERVAL_MAX:
        message = f"VRRP version 3 sends at most {ADVERT_INTERVAL_MAX} seconds, which is used, not {interval:g}"
        findings.add("meaning/advert-long", *router.at("advert_int"), message)


def _check_authentication_over_ipv6(router: Router, findings: Findings) -> None:
    """keepalived 2.2.7 sends no password there, and its VRRP process ends by a fault on an advert that says PASS."""
    kind, _ = router.authentication or ("NONE", "")
    blocks = router.section.each("authentication")
    where = blocks[-1].where.get("auth_type") if blocks else None
    if where is None or router.section.each("auth_hmac"):
        return
    if kind == "PASS":
        message = "over IPv6 PASS sends no password, and keepalived's VRRP process dies of such an advert"
        findings.add("meaning/auth-family", where, 0, message, "drop the block")
    elif blocks[-1].get("auth_type") is AuthType.AH:
        message = "there is no authentication header over IPv6: it is ignored"
        findings.add("meaning/auth-family", where, 0, message, "drop the block")


def _check_preempt_delay(router: Router, findings: Findings) -> None:
    values = router.section.values
    if not values.get("preempt_delay"):
        return
    state = getattr(values.get("state"), "value", None)
    why = "state MASTER" if state == "MASTER" else "nopreempt" if "nopreempt" in values else None
    if why is not None:
        findings.add("meaning/preempt-delay", *router.at("preempt_delay"), f"preempt_delay has no effect with '{why}'")


def _check_peers(router: Router, findings: Findings) -> None:
    own = router.get("unicast_src_ip")
    where = router.section.where.get("unicast_peer")
    if own is None or where is None or own not in (router.get("unicast_peer") or ()):
        return
    line = next((line for line in where.children or () if line.words[0] == str(own)), where)
    message = f"{own} is this director's own unicast_src_ip: its adverts come back, and its peer hears nothing"
    findings.add("meaning/unicast-self", line, 0, message, "write the peer's address")


def _lines(router: Router) -> Iterator[tuple[Any, Statement]]:
    """Every address that an instance holds, with where it stands."""
    for keyword in ("virtual_ipaddress", "virtual_ipaddress_excluded"):
        where = router.section.where.get(keyword)
        texts = {line.words[0].partition("/")[0]: line for line in (where.children or () if where else ())}
        for address in router.get(keyword) or ():
            line = texts.get(str(address.address), where)
            if line is not None:
                yield (address.address, address.device or router.get("interface")), line


def _check_held_twice(routers: list[Router], findings: Findings) -> None:
    holders: dict[Any, str] = {}
    for router in routers:
        for key, line in _lines(router):
            holder = holders.setdefault(key, router.name)
            if holder != router.name:
                message = f"{key[0]} is also an address of vrrp_instance '{holder}': whichever leaves takes it away"
                findings.add("meaning/vip-twice", line, 0, message)


def _check_groups(top: Section, findings: Findings) -> None:
    """Sync groups against the instances that there are. Silent when an instance is misspelt, which was said."""
    names = {section.title for section in top.each("vrrp_instance")}
    if "vrrp_instance" in top.misspelt | top.refused:
        return
    grouped: dict[str, str] = {}
    for section in top.each("vrrp_sync_group"):
        if section.statement is None or section.misspelt or section.refused:
            continue
        members: list[str] = section.get("group") or []
        for name in members:
            where = _line_of(section, name)
            if name not in names:
                findings.add("meaning/sync-group", where, 0, f"there is no vrrp_instance '{name}': it is ignored")
            elif grouped.setdefault(name, section.title) != section.title:
                message = f"'{name}' is in vrrp_sync_group '{grouped[name]}' already: it is ignored here"
                findings.add("meaning/sync-group", where, 0, message)
        alone = len({name for name in members if name in names}) < 2
        if alone:
            message = f"vrrp_sync_group '{section.title}' has fewer than two instances: there is nothing to synchronise"
            findings.add("meaning/sync-group", section.statement, 1, message)


def _line_of(section: Section, name: str) -> Statement:
    """The line of `group` that names an instance."""
    where = section.where["group"]
    return next((line for line in where.children or () if name in line.words), where)
