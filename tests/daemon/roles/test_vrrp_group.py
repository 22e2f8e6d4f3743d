# SPDX-License-Identifier: Apache-2.0
"""All instances of a director on a real interface. Owners (priority 255) are active at once, which saves waiting."""

from __future__ import annotations

import errno
import ipaddress
import math
import re
import select
from collections.abc import Iterator

import msgspec
import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles import vrrp_ports
from bascule.daemon.roles.vrrp_group import MANY, Group
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.daemon.roles.vrrp_intake import boottime
from bascule.daemon.roles.vrrp_reports import will_of
from bascule.errors import ConfigurationError
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.linux import addresses, nftables, rawsocket
from bascule.linux.netlink import GROUP_IPV4_ADDRESS, GROUP_IPV6_ADDRESS, GROUP_LINK, Monitor, Netlink, NetlinkError
from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import (
    AuthHmac,
    AuthType,
    BasculeOptions,
    ChecksumForm,
    Configuration,
    HmacKey,
    UnicastPeer,
    VirtualAddress,
    VrrpInstance,
    VrrpState,
)
from bascule.model.messages import AlarmChanged, GroupChanged, Handover
from bascule.vrrp import packet
from bascule.vrrp.events import AdvertReceived, StateChanged
from bascule.vrrp.packet import Advert

pytestmark = [pytest.mark.root, pytest.mark.lab]

HERE = ipaddress.IPv4Address("192.168.2.210")
PEER = ipaddress.IPv4Address("192.168.2.211")
VIP = ipaddress.IPv4Address("192.168.2.240")
OTHER = ipaddress.IPv4Address("192.168.2.241")
V4 = VirtualAddress(address=VIP, prefix_length=32)
FRESH = Handover(active=())

PAIR = Topology(
    name="pair",
    about="Two hosts on a segment.",
    segments=(Segment(name="lan"),),
    hosts=tuple(
        Host(name=name, role=HostRole.ROUTER, links=(Link(segment="lan", addresses=(f"{address}/24",)),))
        for name, address in (("d1", HERE), ("d2", PEER))
    ),
)


def instance(name: str = "VI_1", **changes: object) -> VrrpInstance:
    values: dict[str, object] = {
        "name": name,
        "interface": "eth0",
        "vrid": Vrid(51),
        "priority": Priority(255),
        "virtual_addresses": (VirtualAddress(address=VIP, prefix_length=32),),
        **changes,
    }
    return VrrpInstance(**values)  # type: ignore[arg-type]


def configuration(*instances: VrrpInstance) -> Configuration:
    return Configuration(instances=instances)


class Bench:
    """A group in a host, and what it reports."""

    def __init__(self, network: Network, netlink: Netlink) -> None:
        self.network = network
        self.host: LabHost = network.host("d1")
        self.netlink = netlink
        self.monitor = Monitor((GROUP_LINK, GROUP_IPV4_ADDRESS, GROUP_IPV6_ADDRESS))
        self.reported: list[tuple[str, VrrpState]] = []
        self.lower: list[tuple[str, int]] = []
        self.groups: list[GroupChanged | AlarmChanged] = []
        self.group = Group(netlink, Log("vrrp"), self.report, self.heard_lower, self.groups.append)
        self.group.ready(True)

    def heard_lower(self, reporting: Instance, heard: AdvertReceived) -> None:
        self.lower.append((reporting.name, heard.priority))

    def report(self, reporting: Instance, changes: list[StateChanged]) -> None:
        self.reported += [(reporting.name, change.state) for change in changes]

    def run(self, *instances: VrrpInstance, handover: Handover = FRESH) -> None:
        self.group.configure(configuration(*instances), handover)

    def virtual(self) -> set[object]:
        return {entry.address for entry in addresses.dump(self.netlink) if entry.prefix_length == 32}

    def news(self) -> bool:
        self.group.kernel(*self.monitor.receive())
        return True

    def state(self, name: str = "VI_1") -> VrrpState:
        return self.group.instances[name].state

    def from_peer(self, payload: bytes, ttl: int = 255) -> None:
        with self.network.host("d2").entered():
            rawsocket.send_once("eth0", PEER, packet.GROUP_IPV4, ttl, payload)
        port = self.group.ports.require("eth0")
        assert select.select([port.sockets[4]], [], [], 5)[0]
        self.group.packets(port)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Network(PAIR) as network, network.host("d1").entered(), Netlink() as netlink:
        made = Bench(network, netlink)
        wait_for(lambda: "LOWER_UP" in made.host.run(["ip", "-br", "link", "show", "eth0"]).stdout, 5, "the carrier")
        yield made
        made.group.stop()
        made.group.close()
        made.monitor.close()


def advert(priority: int, password: bytes = b"", **changes: object) -> bytes:
    values: dict[str, object] = {
        "vrid": Vrid(51),
        "priority": Priority(priority),
        "interval": Seconds(1.0),
        "addresses": (VIP,),
        "auth_type": AuthType.PASS if password else AuthType.NONE,
        "auth_data": packet.padded_password(password),
        **changes,
    }
    return packet.encode(Advert(**values))  # type: ignore[arg-type]


def test_instances_start_hold_their_addresses_and_stop(bench: Bench) -> None:
    bench.run(instance(), instance("VI_2", vrid=Vrid(52), priority=Priority(100), virtual_addresses=()))
    assert bench.reported == [("VI_1", VrrpState.MASTER), ("VI_2", VrrpState.BACKUP)]
    assert bench.virtual() == {VIP}
    assert bench.group.active() == ("VI_1",)
    assert 0 < bench.group.deadline() - boottime() <= 1.25
    bench.group.stop()
    assert bench.virtual() == set()
    assert bench.reported[2:] == [("VI_1", VrrpState.INIT), ("VI_2", VrrpState.INIT)]


def test_a_missing_interface_is_named_with_its_instance_and_nothing_changes(bench: Bench) -> None:
    bench.run(instance())
    with pytest.raises(ConfigurationError, match="vrrp_instance VI_2: there is no interface eth7"):
        bench.run(instance("VI_2", interface="eth7"))
    assert bench.virtual() == {VIP}
    assert list(bench.group.instances) == ["VI_1"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"version": 3, "advert_interval": Seconds(50.0)}, "does not fit version 3"),
        ({"unicast_source": ipaddress.ip_address("fd02::1")}, "IPv4"),
    ],
)
def test_what_is_not_there_yet_is_said_while_the_others_run(
    bench: Bench, capfd: pytest.CaptureFixture[str], changes: dict[str, object], why: str
) -> None:
    bench.run(instance("VI_3", vrid=Vrid(53), **changes), instance())
    assert list(bench.group.instances) == ["VI_1"]
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "instance_not_run" in line]
    assert why in line
    (note,) = bench.group.notes
    assert note.startswith("vrrp_instance VI_3 does not run: ")
    assert why in note


def test_an_owner_does_not_lose_the_hosts_own_address(bench: Bench) -> None:
    own = instance(virtual_addresses=(VirtualAddress(address=HERE, prefix_length=24), V4))
    bench.run(own)
    made = bench.group.instances["VI_1"]
    assert (made.state, set(made.owned), made.source) == (VrrpState.MASTER, {HERE}, HERE)
    assert _lifetimes(bench)[HERE] == "forever"
    assert _lifetimes(bench)[VIP] != "forever"
    assert [entry.address for entry in will_of([made]).addresses] == [VIP]
    bench.run(instance(virtual_addresses=(V4,)))
    bench.run(own)
    assert made.owned == {HERE}
    bench.group.stop()
    assert _lifetimes(bench) == {HERE: "forever"}


def test_what_an_owner_held_before_a_restart_is_not_the_hosts_own(bench: Bench) -> None:
    own = instance(virtual_addresses=(VirtualAddress(address=HERE, prefix_length=24), V4))
    for_ever = Configuration(instances=(own,), options=BasculeOptions(vip_lifetime=Seconds(0.0)))
    bench.group.configure(for_ever, FRESH)
    handed = bench.group.hand_over()
    assert (handed.active, handed.owned) == (("VI_1",), (HERE,))
    after = Group(bench.netlink, Log("vrrp"), bench.report, bench.heard_lower, bench.groups.append)
    after.configure(for_ever, handed)
    assert after.instances["VI_1"].owned == {HERE}
    after.stop()
    after.close()
    assert _lifetimes(bench) == {HERE: "forever"}


def test_what_is_not_accepted_is_dropped_while_active_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    tables: list[set[object]] = []
    monkeypatch.setattr(nftables, "drop_for", lambda addresses: tables.append(set(addresses)))
    other = VirtualAddress(address=OTHER, prefix_length=32)
    quiet = instance("VI_2", vrid=Vrid(52), accept=False, priority=Priority(100), virtual_addresses=(other,))
    owner = instance(accept=False)
    bench.run(owner, quiet)
    assert (bench.state(), tables) == (VrrpState.MASTER, [])
    bench.run(owner)
    bench.run(quiet, handover=Handover(active=("VI_2",), at=boottime()))
    assert (bench.state("VI_2"), tables) == (VrrpState.MASTER, [{OTHER}])
    bench.group.stop()
    assert tables == [{OTHER}, set()]


def test_sequence_numbers_outlive_a_restart(bench: Bench) -> None:
    sealed = instance(auth_type=AuthType.AH, auth_pass=b"abcd")
    bench.run(sealed)
    before = bench.group.instances["VI_1"].sequences
    assert before is not None
    before.highest += 1_000_000
    handed = bench.group.hand_over()
    after = Group(bench.netlink, Log("vrrp"), bench.report, bench.heard_lower, bench.groups.append)
    after.configure(Configuration(instances=(sealed,)), handed)
    numbers = after.instances["VI_1"].sequences
    assert numbers is not None
    assert numbers.highest == before.highest + 1
    after.stop()
    after.close()


def test_so_do_those_of_trailers_though_the_clock_went_back(bench: Bench) -> None:
    key = HmacKey(number=1, secret=bytes(32))
    signing = AuthHmac(keys=(key,), active_key=1, window=Seconds(300.0))
    bench.run(instance(auth_hmac=signing))
    before = bench.group.instances["VI_1"]
    assert before.number is not None
    before.go_on_from(before.number + (100 << 32))
    handed = bench.group.hand_over()
    after = Group(bench.netlink, Log("vrrp"), bench.report, bench.heard_lower, bench.groups.append)
    after.configure(Configuration(instances=(instance(auth_hmac=signing),)), handed)
    number = after.instances["VI_1"].number
    assert number is not None
    assert number > before.number
    after.stop()
    sealed = Group(bench.netlink, Log("vrrp"), bench.report, bench.heard_lower, bench.groups.append)
    sealed.configure(Configuration(instances=(instance(auth_type=AuthType.AH, auth_pass=b"abcd"),)), handed)
    number = sealed.instances["VI_1"].number
    assert number is not None
    assert number < 1 << 32, "those of the other kind mean nothing"
    sealed.stop()


def test_an_instance_whose_keys_cannot_be_read_does_not_run(bench: Bench) -> None:
    nowhere = AuthHmac(keys=(HmacKey(number=1, file="/nowhere/key"),), active_key=1, window=Seconds(5.0))
    signing = AuthHmac(keys=(HmacKey(number=1, secret=bytes(32)),), active_key=1, window=Seconds(5.0))
    bench.run(
        instance("VI_2", vrid=Vrid(52), auth_hmac=nowhere, virtual_addresses=()),
        instance(auth_hmac=signing),
    )
    assert list(bench.group.instances) == ["VI_1"]
    assert bench.group.notes[0].startswith("vrrp_instance VI_2 does not run: key 1 of auth_hmac: /nowhere/key:")
    assert bench.group.farewell_each == 1.0
    bench.run(instance(auth_hmac=msgspec.structs.replace(signing, window=Seconds(1.0))))
    assert bench.group.farewell_each == 0.4
    bench.run(instance())
    assert bench.group.farewell_each == math.inf


def test_an_owner_with_another_address_sends_from_that(bench: Bench) -> None:
    bench.host.run(["ip", "address", "add", f"{OTHER}/24", "dev", "eth0"])
    bench.group.ports.update((), False, frozenset())
    bench.run(instance(virtual_addresses=(VirtualAddress(address=HERE, prefix_length=24),)))
    assert bench.group.instances["VI_1"].source == OTHER


def test_an_instance_that_the_kernel_cannot_carry_leaves_the_others_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_ipv6(interface: str, family: int, group: IPAddress) -> rawsocket.RawSocket:
        if family == 6:
            raise NetlinkError(errno.EAFNOSUPPORT, "open a raw socket")
        return rawsocket.open_socket(interface, family, group)

    monkeypatch.setattr(vrrp_ports, "open_socket", without_ipv6)
    v6 = VirtualAddress(address=ipaddress.IPv6Address("fe80::52"), prefix_length=64)
    bench.run(instance(), instance("VI_6", vrid=Vrid(52), version=3, virtual_addresses=(v6,)))
    assert list(bench.group.instances) == ["VI_1"]
    assert bench.group.notes[0].startswith("vrrp_instance VI_6 does not run: the kernel does not carry its adverts")


def _lifetimes(bench: Bench) -> dict[object, str]:
    shown = bench.host.run(["ip", "-4", "address", "show", "dev", "eth0"]).stdout
    found = re.findall(r"inet (\S+)/\d+ .*\n +valid_lft (\w+)", shown)
    return {ipaddress.ip_address(address): lifetime for address, lifetime in found}


def test_a_reload_keeps_what_is_unchanged_changes_in_place_and_ends_what_is_gone(bench: Bench) -> None:
    second = instance("VI_2", vrid=Vrid(52), virtual_addresses=(VirtualAddress(address=OTHER, prefix_length=32),))
    bench.run(instance(), second)
    before = bench.group.instances["VI_1"]
    sent = before.sent
    bench.reported.clear()
    bench.run(instance())
    assert bench.reported == [("VI_2", VrrpState.INIT)]
    assert bench.group.instances == {"VI_1": before}
    assert before.sent == sent
    assert bench.virtual() == {VIP}
    moved = VirtualAddress(address=OTHER, prefix_length=32)
    bench.run(instance(priority=Priority(150), virtual_addresses=(moved,)))
    assert bench.group.instances["VI_1"] is before
    assert (before.sent, before.machine.settings.priority) == (sent + 1, 150)
    assert bench.virtual() == {OTHER}
    bench.run(instance(vrid=Vrid(77)))
    assert bench.group.instances["VI_1"] is not before
    assert bench.virtual() == {VIP}


def test_a_higher_peer_is_heard_and_strangers_are_counted_and_said_once(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.run(instance(priority=Priority(100), auth_type=AuthType.PASS, auth_pass=b"1111"))
    good = advert(200, b"1111")
    bench.from_peer(good)
    assert bench.group.instances["VI_1"].machine.snapshot().active == PEER
    for _ in range(5):
        bench.from_peer(good[:-3])
        bench.from_peer(good[:-1] + b"x")
        bench.from_peer(advert(200, b"1111", vrid=Vrid(77)))
        bench.from_peer(advert(200, b"2222"))
        bench.from_peer(advert(200))
        bench.from_peer(advert(200, b"1111", addresses=(OTHER,)))
        bench.from_peer(good, ttl=64)
    assert bench.group.ports.require("eth0").refusals.counts == {"truncated": 5, "checksum": 5, "vrid": 5}
    found = bench.group.instances["VI_1"]
    assert found.refusals.counts == {"auth_data": 5, "auth_type": 5, "address_list": 5, "ttl": 5}
    assert found.received == 1
    lines = [line for line in capfd.readouterr().err.splitlines() if "packet_refused" in line]
    assert len(lines) == 7
    assert all("source=192.168.2.211" in line for line in lines)


def test_a_cut_cable_is_a_fault_and_its_mending_a_new_beginning(bench: Bench) -> None:
    bench.run(instance())
    bench.network.cut("d1")
    wait_for(lambda: bench.news() and bench.state() is VrrpState.FAULT, 5, "the fault")
    assert bench.virtual() == set()
    bench.network.mend("d1")
    wait_for(lambda: bench.news() and bench.state() is VrrpState.MASTER, 5, "the end of the fault")
    assert bench.virtual() == {VIP}


def test_an_interface_that_loses_its_address_is_a_fault_and_a_new_address_is_sent_from(bench: Bench) -> None:
    bench.run(instance())
    bench.host.run(["ip", "address", "del", f"{HERE}/24", "dev", "eth0"])
    wait_for(lambda: bench.news() and bench.state() is VrrpState.FAULT, 5, "the fault")
    bench.host.run(["ip", "address", "add", "192.168.2.219/24", "dev", "eth0"])
    wait_for(lambda: bench.news() and bench.state() is VrrpState.MASTER, 5, "the end of the fault")
    assert str(bench.group.instances["VI_1"].source) == "192.168.2.219"


def test_an_address_taken_off_by_hand_is_put_back_and_announced(bench: Bench) -> None:
    bench.run(instance())
    bench.news()
    bench.host.run(["ip", "address", "del", f"{VIP}/32", "dev", "eth0"])
    wait_for(lambda: bench.news() and bench.virtual() == {VIP}, 5, "the address to be put back")


def test_a_source_that_is_a_virtual_address_is_not_used(bench: Bench) -> None:
    bench.run(instance(multicast_source=VIP))
    bench.news()
    assert bench.group.instances["VI_1"].source == HERE
    assert bench.state() is VrrpState.MASTER


def test_timers_are_called_when_due(bench: Bench) -> None:
    bench.run(instance())
    active = bench.group.instances["VI_1"]
    sent = active.sent
    bench.group.timers()
    assert active.sent == sent

    def called() -> bool:
        bench.group.timers()
        return active.sent > sent

    wait_for(called, 3, "the next advert")
    wait_for(lambda: boottime() < bench.group.deadline(), 1, "the next deadline")


def test_adverts_of_many_that_are_due_leave_with_one_waking_up(bench: Bench) -> None:
    """Each waits a little for the others; with the first whose time is over all go that are due."""
    first = ipaddress.IPv4Address("10.9.0.0")
    many = [
        instance(f"VI_{n}", vrid=Vrid(n), virtual_addresses=(VirtualAddress(address=first + n, prefix_length=32),))
        for n in range(1, MANY + 1)
    ]
    bench.run(*many)
    wait_for(lambda: boottime() >= bench.group.deadline(), 3, "the first advert", pause_max=0.001)
    begun = boottime()
    bench.group.timers()
    assert all(running.deadline > begun for running in bench.group.instances.values())


def test_a_restart_leaves_the_address_and_the_successor_takes_it_up_if_it_comes_in_time(bench: Bench) -> None:
    config = instance(priority=Priority(254))
    bench.run(config, handover=Handover(active=("VI_1",), at=boottime()))
    assert bench.reported == [("VI_1", VrrpState.MASTER)]
    handover = bench.group.hand_over()
    assert handover.active == ("VI_1",)
    assert bench.virtual() == {VIP}
    late = Group(bench.netlink, Log("vrrp"), bench.report, bench.heard_lower, bench.groups.append)
    late.configure(configuration(config), Handover(active=("VI_1",), at=handover.at - 60))
    assert late.active() == ()
    assert bench.virtual() == set()
    late.stop()
    late.close()


VIP6 = ipaddress.IPv6Address("fd02::240")
LINK_LOCAL = ipaddress.IPv6Address("fe80::53")


def instance6(**changes: object) -> VrrpInstance:
    listed = tuple(VirtualAddress(address=address, prefix_length=128) for address in (VIP6, LINK_LOCAL))
    return instance("VI_6", version=3, **{"virtual_addresses": listed, **changes})


def test_the_same_vrid_over_ipv4_and_ipv6_is_two_routers(bench: Bench) -> None:
    bench.run(instance(version=3), instance6())
    assert bench.state("VI_1") is VrrpState.MASTER
    wait_for(lambda: bench.news() and bench.state("VI_6") is VrrpState.MASTER, 5, "its link-local address")
    found = {entry.address: entry for entry in addresses.dump(bench.netlink)}
    assert {VIP, VIP6, LINK_LOCAL} <= set(found)
    assert found[VIP6].usable
    assert found[VIP6].lifetime is not None
    source = bench.group.instances["VI_6"].source
    assert source.is_link_local
    assert source != LINK_LOCAL
    bench.from_peer(advert(200, version=3, checksum_form=ChecksumForm.MESSAGE))
    counts = {name: entry.received for name, entry in bench.group.instances.items()}
    assert counts == {"VI_1": 1, "VI_6": 0}
    bench.run()
    assert not {VIP, VIP6, LINK_LOCAL} & {entry.address for entry in addresses.dump(bench.netlink)}


def test_an_ipv6_instance_without_a_link_local_address_runs_and_is_remarked(bench: Bench) -> None:
    bench.run(instance6(virtual_addresses=(VirtualAddress(address=VIP6, prefix_length=128),)))
    assert bench.group.notes == (
        "vrrp_instance VI_6 has no link-local virtual address, which RFC 9568 5.2.9 wants as the first",
    )


def test_an_ipv6_instance_waits_for_a_source_and_goes_with_it(bench: Bench) -> None:
    bench.run(instance6())
    wait_for(lambda: bench.news() and bench.state("VI_6") is VrrpState.MASTER, 5, "its link-local address")
    bench.host.run(["ip", "-6", "address", "del", f"{bench.group.instances['VI_6'].source}/64", "dev", "eth0"])
    wait_for(lambda: bench.news() and bench.state("VI_6") is VrrpState.FAULT, 5, "the news that the source is gone")
    assert VIP6 not in {entry.address for entry in addresses.dump(bench.netlink)}
    bench.host.run(["ip", "address", "add", "fe80::9/64", "dev", "eth0", "nodad"])
    wait_for(lambda: bench.news() and bench.state("VI_6") is VrrpState.MASTER, 5, "the news of another source")
    assert bench.group.instances["VI_6"].source == ipaddress.IPv6Address("fe80::9")


def test_unicast_peers_hear_each_other(bench: Bench) -> None:
    bench.run(instance(unicast_peers=(UnicastPeer(address=PEER),), priority=Priority(100)))
    with bench.network.host("d2").entered():
        listener = rawsocket.RawSocket("eth0")
        rawsocket.send_once("eth0", PEER, HERE, 64, advert(200))
    port = bench.group.ports.require("eth0")
    assert select.select([port.sockets[4]], [], [], 5)[0]
    bench.group.packets(port)
    assert bench.group.instances["VI_1"].machine.snapshot().active == PEER
    bench.run()
    bench.run(instance(unicast_peers=(UnicastPeer(address=PEER),), unicast_ttl=77))
    assert select.select([listener], [], [], 5)[0]
    sent = next(listener.receive())
    assert (sent.source, sent.destination, sent.ttl, sent.payload) == (HERE, PEER, 77, advert(255))
    listener.close()


def test_an_active_hears_of_lower_priorities_once_a_second(bench: Bench) -> None:
    bench.run(instance(priority=Priority(200)))
    bench.from_peer(advert(100))
    assert bench.lower == [], "not while it is a backup"
    wait_for(lambda: (bench.group.timers(), bench.state() is VrrpState.MASTER)[1], 10, "the take-over")  # type: ignore[func-returns-value]
    bench.from_peer(advert(0))
    for priority in (100, 101, 102):
        bench.from_peer(advert(priority))
    assert bench.lower[0] == ("VI_1", 100)
