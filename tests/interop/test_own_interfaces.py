# SPDX-License-Identifier: Apache-2.0
"""One file in real keepalived 2.2.7 and in us, on two hosts that are alike.

Macvlans of single addresses (`use_vmac`, `use_vmac_addr`), who announces again and again (`garp_extra_if`), and whose
fault an interface is (`track_group`, `dev`). What stands in the kernel is compared, and what passes the wire.
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from bascule.config.loader import load
from bascule.lab.lone_role import LoneRole
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import stays, wait_for
from bascule.model.configuration import Configuration
from bascule.model.messages import Role
from tests.interop.conftest import Keepalived

pytestmark = [pytest.mark.root, pytest.mark.lab]

PATIENCE = 20.0
FIRST = "192.168.7.100"
HEAD = "version 3\n advert_int 0.2\n garp_master_delay 0\n garp_master_repeat 1\n"


def _alike(name: str) -> Host:
    links = tuple(
        Link(segment=f"{name}{number}", interface=f"eth{number}", addresses=(f"192.168.{net}.1/24", f"fd0{net}::1/64"))
        for number, net in ((0, 7), (1, 8))
    )
    return Host(name=name, role=HostRole.ROUTER, links=links)


TWINS = Topology(
    name="own-links",
    about="Two hosts with the same two interfaces and addresses, on segments of their own each.",
    segments=tuple(Segment(name=f"{name}{number}") for name in ("theirs", "ours") for number in (0, 1)),
    hosts=(_alike("theirs"), _alike("ours")),
)

LISTS = f"""
    virtual_ipaddress {{
        {FIRST}/24
        192.168.7.101/24 dev eth0
        192.168.7.102/24 use_vmac
        192.168.8.100/24 dev eth1 use_vmac
        192.168.8.101/24 dev eth1 use_vmac
        192.168.8.102/24 dev eth1
    }}
    virtual_ipaddress_excluded {{
        fd08::102/64 dev eth1
        192.168.8.103/24 dev eth1
        fd08::100/64 dev eth1 use_vmac
        fd07::101/64
        fd07::102/64 dev eth0
        fd07::100/64 dev eth0 use_vmac
    }}
"""

WITHOUT = {"both": "192.168.7.102/24 use_vmac", "named": "fd08::100/64 dev eth1 use_vmac"}
"""What keepalived 2.2.7 fails with: it makes the instance's macvlan a second time and faults; it cannot put an IPv6
address on a macvlan that it made for IPv4."""

KINDS = {
    "addresses": ("", "garp_extra_if 1"),
    "addresses-all": ("", "garp_extra_if all 1"),
    "beside-the-instance": ("global_defs {\n vrrp_garp_extra_if all 1\n}\n", "use_vmac"),
    "named": (
        "global_defs {\n vmac_prefix pp\n vmac_addr_prefix qq\n}\n",
        "garp_extra_if 1\n use_vmac vm51 2:0:0:0:0:1",
    ),
    "from-base": ("global_defs {\n vrrp_garp_extra_if 1\n}\n", "use_vmac\n vmac_xmit_base"),
    "from-base-all": ("global_defs {\n vrrp_garp_extra_if all 1\n}\n", "use_vmac\n vmac_xmit_base"),
    "use_vmac_addr": ("", "use_vmac_addr\n garp_extra_if all 1"),
    "both": ("global_defs {\n vrrp_garp_extra_if 1\n}\n", "use_vmac_addr\n use_vmac"),
}


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(TWINS) as built:
        for host in built.hosts.values():
            wait_for(functools.partial(_settled, host), PATIENCE, "duplicate address detection")
        yield built


def _settled(host: LabHost) -> bool:
    shown = host.run(["ip", "-6", "address"]).stdout
    return shown.count("fe80::") >= 2 and "tentative" not in shown


def configured(host: LabHost, text: str) -> Configuration:
    file = host.folder / "bascule.conf"
    file.write_text(text)
    configuration, diagnostics = load([file])
    assert configuration is not None
    assert diagnostics == ()
    return configuration


def whole(before: str, lines: str) -> str:
    head = "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n priority 200\n"
    return f"{before}{head}{lines}\n}}\n"


def holds(host: LabHost, address: str = FIRST) -> bool:
    return f" {address}/" in host.run(["ip", "address"]).stdout


def stands(host: LabHost) -> list[tuple[object, ...]]:
    """Every interface: what it is on, what it has; with the names of macvlans. Own MACs vary."""
    found: list[tuple[object, ...]] = []
    for each in json.loads(host.run(["ip", "-json", "-details", "address"]).stdout):
        kind = each.get("linkinfo", {})
        made = kind.get("info_kind") in ("macvlan", "ipvlan")
        listed = (f"{entry['local']}/{entry['prefixlen']}" for entry in each["addr_info"])
        addresses = sorted(entry for entry in listed if not entry.startswith("fe80"))
        mac = each.get("address") if made else None
        mode = kind.get("info_data", {}).get("mode") if made else None
        found.append((each["ifname"], each.get("link") if made else None, mac, mode, addresses, "UP" in each["flags"]))
    return sorted(found, key=str)


_ANNOUNCED = re.compile(r"(\S+) > .*(?:who-has (\S+) .*tell \2,|neighbor advertisement,.* tgt is (\S+),)")


class Announced:
    """Who announces which address by which interface: (interface, source MAC or `own`, address), counted."""

    def __init__(self, host: LabHost) -> None:
        self._host = host
        for name in ("eth0", "eth1"):
            command = ["tcpdump", "-nn", "-v", "-l", "-e", "-t", "-Q", "out", "-i", name, "--immediate-mode"]
            host.popen([*command, "arp or (icmp6 and ip6[40] == 136)"], log=f"wire-{name}")
            wait_for(functools.partial(self._listens, name), 10, "tcpdump to listen")

    def _listens(self, name: str) -> bool:
        return "listening on" in self._host.log_file(f"wire-{name}").read_text()

    def counted(self) -> Counter[tuple[str, str, str]]:
        found: Counter[tuple[str, str, str]] = Counter()
        for name in ("eth0", "eth1"):
            for line in re.sub(r"\n\s+", " ", self._host.log_file(f"wire-{name}").read_text()).splitlines():
                if match := _ANNOUNCED.match(line):
                    mac = match[1] if match[1].startswith("00:00:5e") or match[1] == "02:00:00:00:00:01" else "own"
                    found[name, mac, match[2] or match[3]] += 1
        return found

    def again(self) -> set[tuple[str, str, str]]:
        """What was announced three times or more: once when it became active, then again and again."""
        return {entry for entry, count in self.counted().items() if count >= 3}


@pytest.mark.parametrize("kind", KINDS)
def test_macvlans_addresses_and_announcements_are_as_keepalived_has_them(network: Network, kind: str) -> None:
    theirs, ours = network.host("theirs"), network.host("ours")
    before, lines = KINDS[kind]
    lines = f"{HEAD} {lines}\n{LISTS.replace(WITHOUT.get(kind, ' '), ' ')}"
    assert stands(theirs) == stands(ours)
    at_first = stands(ours)
    wires = {"theirs": Announced(theirs), "ours": Announced(ours)}
    peer = Keepalived(theirs, 200, lines, before=before)
    wait_for(lambda: holds(theirs, "fd07::100"), PATIENCE, "keepalived to be active", evidence=peer.log)
    with LoneRole(ours, Role.VRRP, configured(ours, whole(before, lines))) as role:
        wait_for(lambda: holds(ours, "fd07::100"), PATIENCE, "us to be active", evidence=role.log)
        wait_for(lambda: stands(ours) == stands(theirs), PATIENCE, "the same", evidence=_both(ours, theirs))
        wait_for(lambda: len(wires["theirs"].again()) > 0, PATIENCE, "keepalived to announce again")
        rounds = functools.partial(_rounds, wires)
        wait_for(lambda: rounds() >= 5, PATIENCE, "five rounds of each", evidence=lambda: str(_counts(wires)))
        assert wires["ours"].again() == wires["theirs"].again()
        # Ours are not at the link-local address of the interface beneath, as keepalived's are: it is that one's.
        assert _near(ours) == set()
        once = {entry for entry, count in wires["theirs"].counted().items() if count < 3}
        assert once == {entry for entry, count in wires["ours"].counted().items() if count < 3}
        assert role.stop() == 0
    peer.stop()
    wait_for(lambda: stands(ours) == at_first, PATIENCE, "everything to be gone", evidence=_both(ours, theirs))
    assert stands(theirs) == at_first


def _near(host: LabHost) -> set[str]:
    """The macvlans with a link-local address."""
    shown = json.loads(host.run(["ip", "-json", "-6", "address", "show", "scope", "link"]).stdout)
    return {each["ifname"] for each in shown if each.get("ifname", "").startswith("vrrp")}


def _both(ours: LabHost, theirs: LabHost) -> Callable[[], str]:
    return lambda: f"ours\n{stands(ours)}\ntheirs\n{stands(theirs)}"


def _rounds(wires: dict[str, Announced]) -> int:
    return min(max(wire.counted().values(), default=0) for wire in wires.values())


def _counts(wires: dict[str, Announced]) -> list[Counter[tuple[str, str, str]]]:
    return [wire.counted() for wire in wires.values()]


GROUP = "track_group G {\n group {\n VI_1\n }\n}\n"
ADDRESS = "static_ipaddress {{\n 192.168.8.50/24 dev eth1 {}\n}}\n"
ROUTE = "static_routes {{\n 10.77.0.0/16 via 192.168.8.2 dev eth1 {}\n}}\n"
RULE = "static_rules {{\n iif eth1 table 10 priority 900 {}\n}}\n"
PLAIN = f"virtual_ipaddress {{\n {FIRST}/24\n }}"
BESIDE = f"virtual_ipaddress {{\n {FIRST}/24\n 192.168.8.60/24 dev eth1\n }}"

FAULTS = {
    "address": (GROUP + ADDRESS.format("track_group G"), PLAIN, True),
    "route": (GROUP + ROUTE.format("track_group G"), PLAIN, True),
    "rule": (GROUP + RULE.format("track_group G"), PLAIN, True),
    "ungrouped": (ADDRESS.format("") + ROUTE.format("") + RULE.format(""), PLAIN, False),
    "dev": ("", BESIDE, True),
    "dev-no_track": ("", BESIDE.replace("eth1", "eth1 no_track"), False),
    "dev-excluded": ("", PLAIN + "\nvirtual_ipaddress_excluded {\n 192.168.8.60/24 dev eth1\n }", True),
    "dev-dont_track_primary": ("", f"dont_track_primary\n {BESIDE}", True),
    "dev-vmac": ("", BESIDE.replace("eth1", "eth1 use_vmac"), True),
    "dev-vmac-no_track": ("", BESIDE.replace("eth1", "eth1 use_vmac no_track"), False),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_whose_fault_an_interface_is(network: Network, kind: str) -> None:
    theirs, ours = network.host("theirs"), network.host("ours")
    before, lines, fault = FAULTS[kind]
    peer = Keepalived(theirs, 200, HEAD + lines, before=before)
    wait_for(lambda: holds(theirs), PATIENCE, "keepalived to be active", evidence=peer.log)
    with LoneRole(ours, Role.VRRP, configured(ours, whole(before, HEAD + lines))) as role:
        wait_for(lambda: holds(ours), PATIENCE, "us to be active", evidence=role.log)
        for host in (theirs, ours):
            host.run(["ip", "link", "set", "eth1", "down"])
        if fault:
            wait_for(lambda: not holds(theirs), PATIENCE, "keepalived's fault", evidence=peer.log)
            wait_for(lambda: not holds(ours), PATIENCE, "our fault", evidence=role.log)
        else:
            stays(lambda: holds(theirs) and holds(ours), 2, "no fault of either")
        for host in (theirs, ours):
            host.run(["ip", "link", "set", "eth1", "up"])
        wait_for(lambda: holds(theirs), PATIENCE, "keepalived's return", evidence=peer.log)
        wait_for(lambda: holds(ours), PATIENCE, "our return", evidence=role.log)
        assert role.stop() == 0
    peer.stop()


def test_what_a_group_follows_is_put_back_and_no_fault(network: Network) -> None:
    theirs, ours = network.host("theirs"), network.host("ours")
    before = GROUP + "".join(each.format("track_group G") for each in (ADDRESS, ROUTE, RULE))
    peer = Keepalived(theirs, 200, HEAD + PLAIN, before=before)
    wait_for(lambda: holds(theirs), PATIENCE, "keepalived to be active", evidence=peer.log)
    removals = (("address", "192.168.8.50/24", "dev", "eth1"), ("route", "10.77.0.0/16"), ("rule", "priority", "900"))
    with LoneRole(ours, Role.VRRP, configured(ours, whole(before, HEAD + PLAIN))) as role:
        wait_for(lambda: holds(ours), PATIENCE, "us to be active", evidence=role.log)
        for what, *arguments in removals:
            for host in (theirs, ours):
                host.run(["ip", what, "del", *arguments])
                back = functools.partial(_back, host, what, arguments)
                wait_for(back, PATIENCE, f"the {what} on {host.name}", evidence=lambda: peer.log() + role.log())
        assert holds(theirs)
        assert holds(ours)
        assert role.stop() == 0
    peer.stop()


def _back(host: LabHost, what: str, arguments: list[str]) -> bool:
    wanted = f"{arguments[1]}:" if what == "rule" else arguments[0]
    return wanted in host.run(["ip", what, "show"]).stdout


def test_the_macvlan_of_an_address_is_made_again_and_its_removal_is_no_end(network: Network) -> None:
    """keepalived 2.2.7 stays in FAULT."""
    ours = network.host("ours")
    lines = f"{HEAD} virtual_ipaddress {{\n {FIRST}/24\n 192.168.8.60/24 dev eth1 use_vmac\n }}"
    with LoneRole(ours, Role.VRRP, configured(ours, whole("", lines))) as role:
        wait_for(lambda: holds(ours, "192.168.8.60"), PATIENCE, "us to be active", evidence=role.log)
        ours.run(["ip", "link", "del", "vrrp.51"])
        wait_for(lambda: "interface_made_again" in role.log(), PATIENCE, "another one")
        wait_for(lambda: holds(ours, "192.168.8.60"), PATIENCE, "its address", evidence=role.log)
        ours.run(["ip", "link", "set", "vrrp.51", "down"])
        wait_for(lambda: not holds(ours), PATIENCE, "the fault of one that is set down", evidence=role.log)
        ours.run(["ip", "link", "set", "vrrp.51", "up"])
        wait_for(lambda: holds(ours), PATIENCE, "its end", evidence=role.log)
        assert role.stop() == 0
