# SPDX-License-Identifier: Apache-2.0
"""One virtual router as two directors describe it: what its blocks say, and what must agree between them.

Works on what the files say, not on the model, so that it sees instances that cannot run here yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bascule.config.assemble.family import family
from bascule.config.assemble.hmac import auth_hmac
from bascule.config.assemble.version import version_of
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.config.tree import Statement
from bascule.model.base import Seconds
from bascule.model.configuration import AuthHmac, AuthType, HmacMode, VrrpState

AUTH_PASS_MAX = 8
"""Bytes of a password that travel."""


class Router:
    """A `vrrp_instance` of one director. None stands for what the block has but cannot be understood."""

    __slots__ = ("defaults", "director", "name", "section", "statement")

    def __init__(self, director: str, section: Section, defaults: Section) -> None:
        """Of the director whose file is called so; `defaults`: its `global_defs`."""
        assert section.statement is not None
        self.director = director
        self.section = section
        self.statement: Statement = section.statement
        self.defaults = defaults
        self.name: str = section.title

    def get(self, keyword: str, default: Any = None) -> Any:
        """What a keyword says; `default` without it; None when what it says has been refused."""
        if keyword in self.section.values:
            return self.section.values[keyword]
        return default if self.section.lacks(keyword) else None

    def at(self, keyword: str) -> tuple[Statement, int]:
        """Where to point for a keyword: at its value, or else at the name of the block."""
        where = self.section.where.get(keyword)
        if where is None:
            return self.statement, 1
        return where, 1 if len(where.words) > 1 else 0

    def place(self, keyword: str) -> str:
        """File and line of that, for a message about the other director."""
        where = self.at(keyword)[0]
        origin = where.source.origin(where.line)
        return f"{origin.source.name}:{origin.line}"

    @property
    def vrid(self) -> int | None:
        """Virtual router id."""
        found: int | None = self.get("virtual_router_id")
        return found

    @property
    def priority(self) -> int | None:
        """Of an instance that starts as MASTER it is the address owner's unless said, as keepalived has it."""
        state: VrrpState | None = self.get("state", VrrpState.BACKUP)
        found: int | None = self.get("priority", 255 if state is VrrpState.MASTER else 100)
        return found

    @property
    def addresses(self) -> frozenset[Any] | None:
        """What `virtual_ipaddress` lists."""
        return self._addresses("virtual_ipaddress")

    @property
    def excluded(self) -> frozenset[Any] | None:
        """What `virtual_ipaddress_excluded` lists."""
        return self._addresses("virtual_ipaddress_excluded")

    def _addresses(self, keyword: str) -> frozenset[Any] | None:
        lines = self.get(keyword, ())
        return None if lines is None else frozenset(line.address for line in lines)

    @property
    def family(self) -> int:
        """4 or 6."""
        return family(self.section)

    @property
    def version(self) -> int | None:
        """VRRP version."""
        return None if self.get("version", 0) is None else version_of(self.section, self.defaults)

    @property
    def interval(self) -> float | None:
        """Seconds between adverts, as they are sent."""
        said: float | None = self.get("advert_int", 1.0)
        if said is None or self.version == 3:
            return said
        return max(1.0, float(int(said + 0.5)))

    @property
    def authentication(self) -> tuple[str, str] | None:
        """Type and the part of the password that is sent; version 3 has neither."""
        blocks = self.section.each("authentication")
        if self.version == 3 or self.section.each("auth_hmac") or (not blocks and self.section.lacks("authentication")):
            return "NONE", ""
        if not blocks or blocks[-1].misspelt or blocks[-1].refused:
            return None
        kind: AuthType = blocks[-1].get("auth_type", AuthType.NONE)
        word: str = blocks[-1].get("auth_pass", "")
        if kind is AuthType.NONE or (kind is AuthType.PASS and not word):
            return "NONE", ""
        if self.family == 6:
            return ("NONE" if kind is AuthType.AH else kind.value), ""
        return kind.value, word.encode()[:AUTH_PASS_MAX].decode("utf-8", "replace")

    @property
    def signing(self) -> AuthHmac | None:
        """What its `auth_hmac` says, as far as that can be used."""
        return auth_hmac(self.section, Seconds(self.interval or 1.0), Findings())[0]


def check_pair(mine: Router, other: Router, findings: Findings) -> None:
    """What must agree in two descriptions of one router; said where `mine` stands."""
    for check in _CHECKS:
        check(mine, other, findings)


def check_priorities(routers: Sequence[Router], findings: Findings) -> None:
    """No two directors have the same priority."""
    seen: dict[int, Router] = {}
    for router in routers:
        priority = router.priority
        if priority is None:
            continue
        if priority in seen:
            message = (
                f"priority {priority} is also that of {seen[priority].place('priority')}: whichever has the higher "
                "address becomes MASTER"
            )
            findings.add("meaning/peer-priority", *router.at("priority"), message, "give each director its own")
        else:
            seen[priority] = router


def _vrid(mine: Router, other: Router, findings: Findings) -> None:
    if None in (mine.vrid, other.vrid) or mine.vrid == other.vrid:
        return
    message = (
        f"virtual_router_id {mine.vrid} here, {other.vrid} in {other.place('virtual_router_id')}: "
        "each director ignores the other, and both become MASTER"
    )
    findings.add("meaning/peer-vrid", *mine.at("virtual_router_id"), message)


def _version(mine: Router, other: Router, findings: Findings) -> None:
    if None in (mine.version, other.version) or mine.version == other.version:
        return
    message = (
        f"VRRP version {mine.version} here, {other.version} in {other.place('version')}: "
        "each director drops the other's adverts, and both become MASTER"
    )
    findings.add("meaning/peer-version", *mine.at("version"), message)


def _interval(mine: Router, other: Router, findings: Findings) -> None:
    if None in (mine.interval, other.interval) or mine.version != other.version or mine.interval == other.interval:
        return
    if mine.version == 3:
        outcome = "the backup takes the MASTER's, so that each direction fails over after another time"
    else:
        outcome = "VRRP version 2 drops adverts with another interval, and both become MASTER"
    message = (
        f"adverts every {mine.interval:g} s here, every {other.interval:g} s in {other.place('advert_int')}: {outcome}"
    )
    findings.add("meaning/peer-interval", *mine.at("advert_int"), message)


def _authentication(mine: Router, other: Router, findings: Findings) -> None:
    if None in (mine.authentication, other.authentication) or mine.authentication == other.authentication:
        return
    what = "password" if (mine.authentication or "")[0] == (other.authentication or "")[0] else "auth_type"
    message = (
        f"not the {what} of {other.place('authentication')}: each director drops the other's adverts, and both become "
        "MASTER"
    )
    where, index = mine.at("authentication")
    blocks = mine.section.each("authentication")
    if blocks:
        where = blocks[-1].where.get("auth_pass" if what == "password" else "auth_type", where)
        index = 1
    findings.add("meaning/peer-auth", where, index, message)


def _signing(mine: Router, other: Router, findings: Findings) -> None:
    """Either may be the one that is not heard."""
    why = _unheard(mine.signing, other.signing) or _unheard(other.signing, mine.signing)
    if why is None:
        return
    blocks = mine.section.each("auth_hmac")
    where, index = mine.at("auth_hmac") if not blocks else (blocks[-1].statement, 0)
    assert where is not None
    message = f"not the auth_hmac of {other.place('auth_hmac')}: {why}, and both become MASTER"
    findings.add("meaning/peer-auth", where, index, message)


def _unheard(sender: AuthHmac | None, receiver: AuthHmac | None) -> str | None:
    """Why a director drops the adverts of another."""
    if sender is None or sender.mode is HmacMode.RECEIVE_ONLY:
        enforced = receiver is not None and receiver.mode is HmacMode.ENFORCE
        return "one does not sign its adverts, which the other demands" if enforced else None
    if receiver is None:
        return "one signs its adverts, and the other drops what is signed"
    (active,) = (key for key in sender.keys if key.number == sender.active_key)
    known = next((key for key in receiver.keys if key.number == active.number), None)
    if known is None:
        return f"one signs its adverts with key {active.number}, which the other does not have"
    if active.secret and known.secret and active.secret != known.secret:
        return f"key {active.number} is another one there"
    return None


def _addresses(mine: Router, other: Router, findings: Findings) -> None:
    for keyword, here, there, outcome in (
        (
            "virtual_ipaddress",
            mine.addresses,
            other.addresses,
            "the backup drops adverts with another list, and both become MASTER",
        ),
        ("virtual_ipaddress_excluded", mine.excluded, other.excluded, "they do not move with the others"),
    ):
        if here is None or there is None or here == there:
            continue
        differing = ", ".join(str(each) for each in sorted(here ^ there, key=lambda each: (each.version, each)))
        message = f"not the addresses of {other.place(keyword)} (only in one of them: {differing}): {outcome}"
        findings.add("meaning/peer-addresses", *mine.at(keyword), message)


def _unicast(mine: Router, other: Router, findings: Findings) -> None:
    here, there = mine.get("unicast_peer", ()), other.get("unicast_peer", ())
    if here is None or there is None:
        return
    if bool(here) != bool(there):
        how = ("unicast", "multicast") if here else ("multicast", "unicast")
        message = f"adverts by {how[0]} here, by {how[1]} in {other.place('unicast_peer')}: both become MASTER"
        findings.add("meaning/peer-unicast", *mine.at("unicast_peer"), message)
        return
    for sender, receiver in ((mine, other), (other, mine)):
        source, peers = sender.get("unicast_src_ip"), receiver.get("unicast_peer", ())
        if source is not None and peers and source not in peers:
            message = f"unicast_peer does not name {source}, which {sender.place('unicast_src_ip')} sends from"
            findings.add("meaning/peer-unicast", *receiver.at("unicast_peer"), message, f"add '{source}'")


def _source(mine: Router, other: Router, findings: Findings) -> None:
    for keyword in ("mcast_src_ip", "unicast_src_ip"):
        here = mine.get(keyword)
        if here is not None and here == other.get(keyword):
            message = f"{keyword} {here} is also that of {other.place(keyword)}: only one machine can have it"
            findings.add("meaning/peer-source", *mine.at(keyword), message)


_CHECKS: tuple[Callable[[Router, Router, Findings], None], ...] = (
    _vrid,
    _version,
    _interval,
    _authentication,
    _signing,
    _addresses,
    _unicast,
    _source,
)
