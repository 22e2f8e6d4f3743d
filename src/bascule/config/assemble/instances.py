# SPDX-License-Identifier: Apache-2.0
"""`vrrp_instance` blocks into the model. An instance that cannot run as it is written is reported and left out."""

from __future__ import annotations

from typing import Any

from bascule.config.assemble.announcing import announcing
from bascule.config.assemble.family import check_family, family
from bascule.config.assemble.hmac import auth_hmac
from bascule.config.assemble.peers import peers
from bascule.config.assemble.routing import listed, routes, rules
from bascule.config.assemble.scripts import notifies
from bascule.config.assemble.strict import PRIORITY_OWNER, is_strict, strictly
from bascule.config.assemble.version import version_of
from bascule.config.assemble.virtual_mac import address_prefix, ipvlan, virtual_mac, with_own_mac
from bascule.config.diagnostics import Fate, Findings
from bascule.config.reader import Section
from bascule.config.tree import Statement
from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import (
    AuthType,
    ChecksumForm,
    OldChecksum,
    VirtualAddress,
    VrrpInstance,
    VrrpState,
)
from bascule.model.diagnostic import Severity

AUTH_PASS_MAX = 8
"""Bytes of a password that travel in an advert (RFC 2338 5.3.6)."""

INTERVAL_MAX = 4095
"""Hundredths of a second in an advert of version 3 (RFC 9568 5.2.7)."""

ROUNDING_ERROR = 1e-9

_NEEDED = {"interface": "an interface", "virtual_router_id": "a virtual_router_id"}


def instances(top: Section, defaults: Section, findings: Findings) -> tuple[VrrpInstance, ...]:
    """Every instance that can run. `defaults`: the values of `global_defs`."""
    found: list[VrrpInstance] = []
    routers: dict[tuple[str, int, int], str] = {}
    names: set[str] = set()
    for section in top.each("vrrp_instance"):
        statement = section.statement
        assert statement is not None
        if section.title in names:
            findings.fates[id(statement)] = Fate.SKIPPED
            findings.add(
                "duplicate", statement, 1, f"vrrp_instance '{section.title}' is defined already: this one is skipped"
            )
            continue
        names.add(section.title)
        instance = _Instance(section, defaults, findings).build()
        if instance is None:
            findings.fates[id(statement)] = Fate.LEFT_OUT
            continue
        router = (instance.interface, instance.vrid, instance.family)
        if router in routers:
            both = f"'{routers[router]}' and '{instance.name}' both use virtual_router_id {router[1]} on {router[0]}"
            message = both if instance.family == 4 else f"{both} over IPv6"
            findings.add("meaning/duplicate-router", section.where["virtual_router_id"], 1, message)
        routers[router] = instance.name
        found.append(instance)
    return tuple(found)


class _Instance:
    """One block on its way into the model."""

    def __init__(self, section: Section, defaults: Section, findings: Findings) -> None:
        assert section.statement is not None
        self.section = section
        self.statement: Statement = section.statement
        self.defaults = defaults
        self.findings = findings
        self.family = family(section)
        self.version = version_of(section, defaults)

    def build(self) -> VrrpInstance | None:
        get = self.section.get
        runs = self._complete()
        addresses = self._addresses()
        auth_type, auth_pass = self._authentication()
        source = self._source(addresses)
        state = self._state()
        interval = self._interval()
        signed, unsigned_because = auth_hmac(self.section, interval, self.findings)
        if unsigned_because is not None:
            self._left_out("meaning/instance-incomplete", unsigned_because, severity=Severity.ERROR)
        nopreempt = self._nopreempt(state)
        between = ipvlan(self.section, self.defaults, self.family)
        if between is not None and between.address is None and self.family == 4:
            self._left_out("meaning/ipvlan", "an ipvlan needs an IPv4 address", "use_ipvlan")
            return None
        if not (self._possible(addresses) and runs) or unsigned_because is not None:
            return None
        instance = VrrpInstance(
            name=self.section.title,
            interface=get("interface"),
            vrid=Vrid(get("virtual_router_id")),
            initial_state=state,
            # keepalived 2.2.7 makes one that begins as MASTER and names no priority the owner.
            priority=Priority(get("priority", 255 if state is VrrpState.MASTER else 100)),
            advert_interval=interval,
            version=self.version,
            auth_type=auth_type,
            auth_pass=auth_pass,
            virtual_addresses=with_own_mac(self.section, addresses, self.family),
            excluded_addresses=with_own_mac(
                self.section, listed(self.section, "virtual_ipaddress_excluded"), self.family
            ),
            virtual_routes=routes(self.section, "virtual_routes"),
            virtual_rules=rules(self.section, "virtual_rules"),
            multicast_source=source,
            nopreempt=nopreempt,
            smtp_alert=self._first("smtp_alert", "smtp_alert_vrrp", "smtp_alert", default=False),
            sync_daemon_interface=get("lvs_sync_daemon_interface"),
            checksum_form=self._checksum_form(),
            old_unicast_checksum=self._old_unicast_checksum(),
            native_ipv6="native_ipv6" in self.section.values,
            preempt_delay=self._preempt_delay(state, nopreempt),
            down_timer_adverts=self._first("down_timer_adverts", "vrrp_down_timer_adverts", default=3),
            unicast_source=self._own("unicast_src_ip"),
            unicast_peers=peers(self.section, self.family, self.findings),
            unicast_ttl=get("unicast_ttl", 255),
            check_unicast_source=self._has("check_unicast_src", "vrrp_check_unicast_src"),
            notify=notifies(self.section, self.defaults, self.findings),
            virtual_mac=virtual_mac(self.section, self.defaults, self.family, self.findings),
            address_mac_prefix=address_prefix(self.defaults),
            ipvlan=between,
            skip_check_adv_addr=self._first("skip_check_adv_addr", "vrrp_skip_check_adv_addr", default=False),
            accept="no_accept" not in self.section.values,
            auth_hmac=signed,
            multicast_group=self._group(),
            **announcing(self.section, self.defaults),
        )
        if is_strict(self.section, self.defaults):
            return strictly(instance, self.section, self.defaults, self.findings)
        return instance

    def _has(self, own: str, inherited: str) -> bool:
        """A keyword without arguments stands in the block or in `global_defs`."""
        return own in self.section.values or inherited in self.defaults.values

    def _group(self) -> IPAddress | None:
        """Where adverts go by multicast; None = the protocol's group, or one of the other IP version was given."""
        inherited: IPAddress | None = self.defaults.get(f"vrrp_mcast_group{self.family}")
        if self.section.get("unicast_peer") and "mcast_dst_ip" in self.section.values:
            where = self.section.where["mcast_dst_ip"]
            self.findings.add("bad-word", where, 0, "mcast_dst_ip beside unicast_peer: it is ignored")
            return inherited
        group: IPAddress | None = self.section.get("mcast_dst_ip", inherited)
        if group is not None and group.version != self.family:
            message = f"{group} is not of the family of the instance: it is skipped"
            where = self.section.where.get("mcast_dst_ip", self.statement)
            self.findings.add("bad-address", where, 1, message)
            return None
        return group

    def _checksum_form(self) -> ChecksumForm:
        alone = self._first("v3_checksum_as_v2", default="v3_checksum_as_v2" in self.defaults.values)
        return ChecksumForm.MESSAGE if alone else ChecksumForm.PSEUDO_HEADER

    def _old_unicast_checksum(self) -> OldChecksum:
        said = self.section.get("old_unicast_checksum")
        if said is None:
            return OldChecksum.AUTO
        return OldChecksum.SENT if said is True else OldChecksum.NEVER

    def _preempt_delay(self, state: VrrpState, nopreempt: bool) -> Seconds:
        """Without effect, as keepalived has it, for what preempts at once or never."""
        if state is VrrpState.MASTER or nopreempt:
            return Seconds(0.0)
        return Seconds(float(self.section.get("preempt_delay", 0)))

    def _first(self, own: str, *inherited: str, default: Any) -> Any:
        """The block's own value, or the first that `global_defs` has of some keywords, or the default."""
        if own in self.section.values:
            return self.section.values[own]
        for name in inherited:
            if name in self.defaults.values:
                return self.defaults.values[name]
        return default

    def _left_out(self, code: str, why: str, keyword: str | None = None, severity: Severity | None = None) -> bool:
        where = self.section.where[keyword] if keyword is not None else self.statement
        message = f"vrrp_instance '{self.section.title}' is left out: {why}"
        self.findings.add(code, where, 0 if keyword else 1, message, severity=severity)
        return False

    def _complete(self) -> bool:
        """What an instance cannot do without is there. What is only misspelt has been reported."""
        complete = True
        for keyword, words in _NEEDED.items():
            if self.section.lacks(keyword) or (keyword in self.section.refused and keyword not in self.section.values):
                complete = self._left_out("meaning/instance-incomplete", f"it has no valid {words.split()[-1]}")
            complete = complete and keyword in self.section.values
        return complete

    def _possible(self, addresses: tuple[VirtualAddress, ...]) -> bool:
        """Nothing asks for what would be wrong to leave away."""
        error = Severity.ERROR
        if not addresses and is_strict(self.section, self.defaults):
            return self._left_out(
                "meaning/instance-incomplete", "strict mode demands a virtual address", severity=error
            )
        return True

    def _addresses(self) -> tuple[VirtualAddress, ...]:
        check_family(self.section, self.findings)
        found: list[VirtualAddress] = self.section.get("virtual_ipaddress") or []
        kept: dict[Any, VirtualAddress] = {}
        for address in found:
            if address.address.version == self.family:
                kept.setdefault(address.address, address)
        return tuple(kept.values())

    def _authentication(self) -> tuple[AuthType, bytes]:
        """Version 3 has none, IPv6 no header; that the block does nothing is said with what instances mean."""
        blocks = self.section.each("authentication")
        if not blocks or self.version == 3 or self.section.each("auth_hmac"):
            return AuthType.NONE, b""
        block = blocks[-1]
        kind: AuthType = block.get("auth_type", AuthType.NONE)
        if kind is AuthType.AH and self.family == 6:
            return AuthType.NONE, b""
        word = block.get("auth_pass")
        if word is None:
            if kind is AuthType.PASS and block.lacks("auth_pass"):
                where = block.where["auth_type"]
                self.findings.add(
                    "meaning/auth-pass-missing", where, 0, "auth_type PASS without auth_pass: no authentication"
                )
            return (AuthType.NONE if kind is AuthType.PASS else kind), b""
        where = block.where["auth_pass"]
        password = where.source.bytes_of(word, where.line)
        if len(password) > AUTH_PASS_MAX:
            used = password[:AUTH_PASS_MAX].decode("utf-8", "replace")
            message = (
                f"the password has {len(password)} bytes, of which only the first {AUTH_PASS_MAX} are sent ('{used}')"
            )
            self.findings.add("meaning/auth-pass-long", where, 1, message, f"write 'auth_pass {used}' on all directors")
        return kind, password[:AUTH_PASS_MAX]

    def _source(self, addresses: tuple[VirtualAddress, ...]) -> IPAddress | None:
        source: IPAddress | None = self._own("mcast_src_ip")
        if source is not None and any(source == address.address for address in addresses):
            message = f"mcast_src_ip is the virtual address {source}: two active directors would not hear each other"
            where = self.section.where["mcast_src_ip"]
            self.findings.add(
                "meaning/source-is-vip", where, 1, message, "drop it: the interface's own address is used"
            )
            return None
        return source

    def _own(self, keyword: str) -> IPAddress | None:
        """A source address, if it is of the instance's family."""
        source: IPAddress | None = self.section.get(keyword)
        return source if source is None or source.version == self.family else None

    def _state(self) -> VrrpState:
        by_default = VrrpState.MASTER if self.section.get("priority") == 255 else VrrpState.BACKUP
        state = self.section.get("state", by_default)
        assert isinstance(state, VrrpState)
        return state

    def _interval(self) -> Seconds:
        interval = float(self.section.get("advert_int", 1.0))
        if self.version == 2 and not interval.is_integer():
            whole = max(1.0, float(int(interval + 0.5)))
            message = f"VRRP version 2 sends whole seconds: {interval:g} becomes {whole:g}"
            self.findings.add("meaning/advert-fraction", self.section.where["advert_int"], 1, message)
            return Seconds(whole)
        return self._hundredths(interval) if self.version == 3 else Seconds(interval)

    def _hundredths(self, interval: float) -> Seconds:
        """What an advert of version 3 can carry: whole hundredths of a second, in 12 bits."""
        sent = min(max(round(interval * 100), 1), INTERVAL_MAX) / 100
        if interval * 100 < INTERVAL_MAX and abs(sent - interval) > ROUNDING_ERROR:
            message = f"VRRP version 3 sends hundredths of a second: {interval:g} becomes {sent:g}"
            self.findings.add("rounded", self.section.where["advert_int"], 1, message)
        return Seconds(sent)

    def _nopreempt(self, state: VrrpState) -> bool:
        wanted = "nopreempt" in self.section.values
        if wanted and state is VrrpState.MASTER:
            message = "nopreempt has no effect with 'state MASTER'"
            self.findings.add(
                "meaning/nopreempt-master", self.section.where["nopreempt"], 0, message, "write 'state BACKUP'"
            )
            return False
        if wanted and self.section.get("priority") == PRIORITY_OWNER:
            message = "nopreempt has no effect with priority 255: the owner preempts"
            self.findings.add("meaning/nopreempt-master", self.section.where["nopreempt"], 0, message, "drop it")
            return False
        return wanted
