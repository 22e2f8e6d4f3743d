# SPDX-License-Identifier: Apache-2.0
"""A vrrp role with virtual MACs: what becomes of its interfaces at a restart, a crash, a removal by hand, a reload."""

from __future__ import annotations

import ipaddress
import json
import resource
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from bascule.lab.lone_role import LoneRole
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import PAIR
from bascule.lab.waiting import wait_for
from bascule.linux import nftables
from bascule.model.base import IPAddress, Priority, Seconds, Vrid, from_json
from bascule.model.configuration import Configuration, VirtualAddress, VrrpInstance, VrrpState
from bascule.model.messages import Handover, InstanceState, LastWill, Role, StopMode
from bascule.model.status import VrrpStatus
from bascule.model.virtual_mac import IpVlan, VirtualMac, hardware_address
from bascule.vrrp.packet import checksum

pytestmark = [pytest.mark.root, pytest.mark.lab]

VIP, VIP6 = ipaddress.ip_address("192.168.2.240"), ipaddress.ip_address("fd02::240")
PATIENCE = 20.0
PEER, BEHIND = ipaddress.IPv4Address("192.168.2.211"), ipaddress.IPv4Address("198.51.100.9")
PEER6, BEHIND6 = ipaddress.IPv6Address("fd02::211"), ipaddress.IPv6Address("2001:db8::9")
OWN_MAC, VIRTUAL_MAC = "02:00:c0:a8:02:d2", "00:00:5e:00:01:33"
MARK = 1000
"""The port of a frame that is routed in any case."""


def instance(name: str = "VI_1", vrid: int = 51, **changes: Any) -> VrrpInstance:
    values: dict[str, Any] = {
        "priority": Priority(200),
        "advert_interval": Seconds(0.1),
        "version": 3,
        "virtual_mac": VirtualMac(address=hardware_address(Vrid(vrid), 4)),
        "virtual_addresses": (VirtualAddress(address=VIP, prefix_length=32),) if vrid == 51 else (),
        **changes,
    }
    return VrrpInstance(name=name, interface="eth0", vrid=Vrid(vrid), **values)


def macvlans(host: LabHost) -> dict[str, int]:
    shown = json.loads(host.run(["ip", "-json", "link", "show", "type", "macvlan"]).stdout)
    return {each["ifname"]: each["ifindex"] for each in shown}


def holds(host: LabHost, interface: str = "vrrp.51") -> bool:
    return f" {VIP}/32" in host.run(["ip", "address", "show", "dev", interface], check=False).stdout


def states(role: LoneRole, name: str = "VI_1") -> list[VrrpState]:
    return [each.state for each in role.messages if isinstance(each, InstanceState) and each.instance == name]


@pytest.fixture
def host() -> Iterator[LabHost]:
    with Network(PAIR) as network:
        yield network.host("d1")


def test_an_interface_removed_by_hand_is_made_again_with_what_was_on_it(host: LabHost) -> None:
    with LoneRole(host, Role.VRRP, Configuration(instances=(instance(),))) as role:
        role.until(lambda: states(role)[-1:] == [VrrpState.MASTER], PATIENCE, "to be active")
        before = macvlans(host)
        host.run(["ip", "link", "del", "vrrp.51"])
        wait_for(lambda: holds(host), PATIENCE, "the address on a new interface", evidence=role.log)
        assert macvlans(host)["vrrp.51"] != before["vrrp.51"]
        wait_for(lambda: "interface_made_again" in role.log(), PATIENCE, "the line that says so")
        sent = from_json(role.status(), VrrpStatus).instances[0].adverts_sent
        wait_for(
            lambda: from_json(role.status(), VrrpStatus).instances[0].adverts_sent > sent + 3, PATIENCE, "more adverts"
        )
        assert "advert_not_sent" not in role.log().partition("interface_made_again")[2]
        host.run(["ip", "link", "set", "vrrp.51", "down"])
        role.until(lambda: states(role)[-1] is VrrpState.FAULT, PATIENCE, "the fault")
        host.run(["ip", "link", "set", "vrrp.51", "up"])
        role.until(lambda: states(role)[-1] is VrrpState.MASTER, PATIENCE, "the end of the fault")
        assert role.stop() == 0
    assert macvlans(host) == {}


def test_a_restart_and_a_crash_leave_the_interface_to_the_successor(host: LabHost) -> None:
    configuration = Configuration(instances=(instance(), instance("VI_2", 52)))
    with LoneRole(host, Role.VRRP, configuration) as role:
        role.until(lambda: states(role)[-1:] == [VrrpState.MASTER], PATIENCE, "to be active")
        before = macvlans(host)
        assert set(before) == {"vrrp.51", "vrrp.52"}
        assert role.stop(StopMode.RESTART) == 0
        handover = next(each for each in role.messages if isinstance(each, Handover))
    assert macvlans(host) == before
    assert holds(host)
    with LoneRole(host, Role.VRRP, configuration, restarted=True, first=(handover,)) as role:
        assert macvlans(host) == before
        wills = [each for each in role.messages if isinstance(each, LastWill)]
        role.until(lambda: bool(wills or role.messages), PATIENCE, "a word")
        role.kill()
    assert macvlans(host) == before
    with LoneRole(host, Role.VRRP, Configuration(instances=(instance("VI_2", 52),))) as role:
        assert macvlans(host) == {"vrrp.52": before["vrrp.52"]}, "what no instance uses any more is removed"
        assert role.stop() == 0
    assert macvlans(host) == {}


def test_the_last_will_speaks_from_the_virtual_mac(host: LabHost) -> None:
    with LoneRole(host, Role.VRRP, Configuration(instances=(instance(),))) as role:
        role.until(lambda: states(role)[-1:] == [VrrpState.MASTER], PATIENCE, "to be active")
        wills = [each for each in role.messages if isinstance(each, LastWill) and each.frames]
        assert {frame.interface for frame in wills[-1].frames} == {"vrrp.51"}
        assert {entry.interface for entry in wills[-1].addresses} == {"vrrp.51"}


def test_a_reload_gives_and_takes_the_virtual_mac(host: LabHost) -> None:
    with LoneRole(host, Role.VRRP, Configuration(instances=(instance(virtual_mac=None),))) as role:
        role.until(lambda: states(role)[-1:] == [VrrpState.MASTER], PATIENCE, "to be active")
        assert holds(host, "eth0")
        role.configure(Configuration(instances=(instance(),)))
        wait_for(lambda: holds(host), PATIENCE, "the address on the macvlan")
        assert not holds(host, "eth0")
        role.configure(Configuration(instances=(instance(virtual_mac=None),)))
        wait_for(lambda: holds(host, "eth0"), PATIENCE, "the address on eth0")
        wait_for(lambda: macvlans(host) == {}, PATIENCE, "the macvlan to be removed")
        assert role.stop() == 0


def frame(mac: str, port: int) -> bytes:
    """An IPv4 packet from d2 to somewhere behind, which d1 would send back to d2."""
    ethernet = bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("0200c0a802d3") + b"\x08\x00"
    udp = struct.pack("!HHHH", port, port, 8, 0)
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 0, 0, 64, 17, 0, PEER.packed, BEHIND.packed)
    header = header[:10] + checksum(header).to_bytes(2, "big") + header[12:]
    return ethernet + header + udp


def test_a_backup_does_not_route_frames_to_the_virtual_mac_and_an_active_does() -> None:
    slow = instance(advert_interval=Seconds(30.0))
    with Network(PAIR) as network:
        host, peer = network.host("d1"), network.host("d2")
        host.run(["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0"])
        host.run(["ip", "route", "add", f"{BEHIND}/32", "via", str(PEER)])
        with peer.entered():
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
            wire.bind(("eth0", 0))

        def routed(mac: str, port: int) -> list[int]:
            return came_back(wire, frame(mac, port), frame(OWN_MAC, MARK), BEHIND)

        with wire, LoneRole(host, Role.VRRP, Configuration(instances=(slow,))) as role:
            wire.settimeout(PATIENCE)
            role.until(lambda: states(role)[-1:] == [VrrpState.BACKUP], PATIENCE, "to be backup")
            assert routed(VIRTUAL_MAC, 1001) == [MARK]
            role.configure(Configuration(instances=(instance(),)))
            role.until(lambda: states(role)[-1:] == [VrrpState.MASTER], PATIENCE, "to be active")
            assert routed(VIRTUAL_MAC, 1002) == [1002, MARK]
            assert role.stop() == 0


def came_back(wire: socket.socket, sent: bytes, mark: bytes, behind: IPAddress) -> list[int]:
    """The ports of what was routed to `behind`, up to a frame to the interface's own MAC that is sent after."""
    wire.send(sent)
    wire.send(mark)
    ends = {4: 34, 6: 54}[behind.version]
    back: list[int] = []
    while MARK not in back:
        data = wire.recv(2000)
        if data[6:12] != bytes.fromhex("0200c0a802d3") and data[:ends].endswith(behind.packed):
            back.append(int.from_bytes(data[ends + 2 : ends + 4], "big"))
    return back


def frame6(mac: str, port: int) -> bytes:
    """The same over IPv6."""
    ethernet = bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("0200c0a802d3") + b"\x86\xdd"
    header = struct.pack("!IHBB", 6 << 28, 8, 17, 64) + PEER6.packed + BEHIND6.packed
    return ethernet + header + struct.pack("!HHHH", port, port, 8, 1)


def test_nor_does_a_backup_over_ipv6_where_the_packet_filter_drops_what_it_would_route() -> None:
    mac = VirtualMac(address=hardware_address(Vrid(51), 6))
    virtual = VirtualAddress(address=VIP6, prefix_length=128)
    fast = instance(virtual_mac=mac, virtual_addresses=(virtual,))
    slow = instance(virtual_mac=mac, virtual_addresses=(virtual,), advert_interval=Seconds(30.0))
    with Network(PAIR) as network:
        host, peer = network.host("d1"), network.host("d2")
        host.run(["sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"])
        host.run(["ip", "address", "add", "fd02::210/64", "dev", "eth0", "nodad"])
        host.run(
            ["ip", "neighbour", "add", str(PEER6), "lladdr", "02:00:c0:a8:02:d3", "dev", "eth0", "nud", "permanent"]
        )
        host.run(["ip", "route", "add", f"{BEHIND6}/128", "via", str(PEER6)])
        with peer.entered():
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86DD))
            wire.bind(("eth0", 0))

        def routed(port: int) -> list[int]:
            return came_back(wire, frame6(mac.address, port), frame6(OWN_MAC, MARK), BEHIND6)

        with wire, LoneRole(host, Role.VRRP, Configuration(instances=(slow,))) as role:
            wire.settimeout(PATIENCE)
            role.until(lambda: states(role)[-1:] == [VrrpState.BACKUP], PATIENCE, "to be backup")
            wait_for(lambda: nftables.FORWARDED_TABLE in tables(host), PATIENCE, "the filter", evidence=role.log)
            assert routed(1001) == [MARK]
            host.run(["nft", "delete", "table", "inet", nftables.FORWARDED_TABLE])
            assert routed(1002) == [1002, MARK], "it is the filter that drops it"
            role.configure(Configuration(instances=(fast,)))
            role.until(lambda: states(role)[-1:] == [VrrpState.MASTER], PATIENCE, "to be active")
            wait_for(lambda: routed(1003) == [1003, MARK], PATIENCE, "the active to route")
            role.configure(Configuration(instances=(slow,)))
            assert routed(1004) == [1004, MARK], "it is active as before"
            assert role.stop() == 0
        assert tables(host) == "", "nothing is left"


def tables(host: LabHost) -> str:
    return host.run(["nft", "list", "tables"]).stdout


def test_no_ipv6_address_is_made_of_a_virtual_mac(host: LabHost) -> None:
    virtual = VirtualAddress(address=VIP6, prefix_length=128)
    mac = VirtualMac(address=hardware_address(Vrid(51), 6))
    six = instance(virtual_mac=mac, virtual_addresses=(virtual,))
    with LoneRole(host, Role.VRRP, Configuration(instances=(six,))) as role:
        role.until(lambda: states(role)[-1:] == [VrrpState.MASTER], PATIENCE, "to be active")
        shown = json.loads(host.run(["ip", "-json", "address", "show", "dev", *macvlans(host)]).stdout)
        assert shown[0]["address"] == mac.address
        assert [each["local"] for each in shown[0]["addr_info"]] == [str(VIP6)], "nor is one lent by the interface"
        assert role.stop() == 0


def test_instances_side_by_side_do_not_take_each_others_adverts_for_strangers(host: LabHost) -> None:
    with LoneRole(host, Role.VRRP, Configuration(instances=(instance(), instance("VI_2", 52, virtual_mac=None)))) as r:
        r.until(lambda: states(r, "VI_2")[-1:] == [VrrpState.MASTER], PATIENCE, "to be active")
        status = from_json(r.status(), VrrpStatus)
        assert {each.name: each.virtual_mac for each in status.instances} == {
            "VI_1": "00:00:5e:00:01:33 on vrrp.51",
            "VI_2": None,
        }
        assert r.stop() == 0


def test_more_interfaces_than_the_limit_of_open_files_allows_at_first(host: LabHost) -> None:
    many = tuple(instance(f"VI_{number}", number) for number in range(100, 220))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        starting = LoneRole(host, Role.VRRP, Configuration(instances=many))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with starting as role:
        names = [each.name for each in many]
        role.until(lambda: all(states(role, n)[-1:] == [VrrpState.MASTER] for n in names), PATIENCE, "to be active")
        assert len(macvlans(host)) == len(many)
        assert from_json(role.status(), VrrpStatus).notes == ()
        assert role.stop() == 0
    assert macvlans(host) == {}


def on_its_own(use_vmac: bool = True, **changes: Any) -> VrrpInstance:
    """Without a macvlan of the instance's; its address has one."""
    address = VirtualAddress(address=VIP, prefix_length=32, use_vmac=use_vmac)
    return instance(virtual_mac=None, virtual_addresses=(address,), **changes)


def test_a_reload_gives_and_takes_the_macvlan_of_an_address_and_the_instance_stays_active(host: LabHost) -> None:
    with LoneRole(host, Role.VRRP, Configuration(instances=(on_its_own(False),))) as role:
        role.until(lambda: states(role)[-1:] == [VrrpState.MASTER], PATIENCE, "to be active")
        assert holds(host, "eth0")
        role.configure(Configuration(instances=(on_its_own(),)))
        wait_for(
            lambda: holds(host) and not holds(host, "eth0"), PATIENCE, "the address on a macvlan", evidence=role.log
        )
        shown = from_json(role.status(), VrrpStatus).instances[0]
        assert shown.made_interfaces == ("macvlan vrrp.51 on eth0 for IPv4 addresses",)
        assert shown.virtual_mac is None
        role.configure(Configuration(instances=(on_its_own(False),)))
        wait_for(
            lambda: holds(host, "eth0") and macvlans(host) == {}, PATIENCE, "the address on eth0", evidence=role.log
        )
        assert VrrpState.FAULT not in states(role)
        assert states(role)[-1] is VrrpState.MASTER
        assert role.stop() == 0
    assert not holds(host, "eth0")


def test_the_macvlan_of_an_address_outlives_a_restart_and_a_crash_and_is_in_the_last_will(host: LabHost) -> None:
    configuration = Configuration(instances=(on_its_own(),))
    with LoneRole(host, Role.VRRP, configuration) as role:
        role.until(lambda: states(role)[-1:] == [VrrpState.MASTER], PATIENCE, "to be active")
        before = macvlans(host)
        wills = [each for each in role.messages if isinstance(each, LastWill) and each.frames]
        assert {frame.interface for frame in wills[-1].frames} == {"eth0"}
        assert {entry.interface for entry in wills[-1].addresses} == {"vrrp.51"}
        assert role.stop(StopMode.RESTART) == 0
        handover = next(each for each in role.messages if isinstance(each, Handover))
    assert set(before) == {"vrrp.51"}
    assert macvlans(host) == before
    assert holds(host)
    with LoneRole(host, Role.VRRP, configuration, restarted=True, first=(handover,)) as role:
        assert macvlans(host) == before
        role.kill()
    assert macvlans(host) == before
    with LoneRole(host, Role.VRRP, Configuration(instances=(on_its_own(False),))) as role:
        assert macvlans(host) == {}, "what no address uses any more is removed"
        assert role.stop() == 0


def test_an_instance_whose_ipvlan_the_kernel_lacks_is_named_and_the_others_run(host: LabHost) -> None:
    between = IpVlan(address=ipaddress.ip_address("192.168.2.100"), prefix_length=24)
    entries = (instance(virtual_mac=None), instance("VI_2", 52, virtual_mac=None, ipvlan=between))
    with LoneRole(host, Role.VRRP, Configuration(instances=entries)) as role:
        role.until(lambda: states(role)[-1:] == [VrrpState.MASTER], PATIENCE, "the other one to be active")
        found = from_json(role.status(), VrrpStatus)
        if len(found.instances) == 1:
            assert "instance=VI_2" in role.log()
            assert "this kernel has no ipvlan" in role.log()
            assert any("VI_2 does not run: this kernel has no ipvlan" in note for note in found.notes)
        else:
            assert found.instances[1].made_interfaces == ("ipvlan vrrp.52 on eth0 at 192.168.2.100",)
        assert role.stop() == 0
