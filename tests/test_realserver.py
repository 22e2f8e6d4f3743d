# SPDX-License-Identifier: Apache-2.0
"""Real servers in real namespaces: prepared, silent in ARP, answering by direct routing, and restored."""

from __future__ import annotations

import ipaddress
import pathlib
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from bascule import realserver
from bascule.errors import BasculeError, KernelRefusedError, UsageError
from bascule.lab.network import LabHost, Network, mac
from bascule.lab.topologies import SEED
from bascule.linux import iproute, sysctl

pytestmark = [pytest.mark.root, pytest.mark.lab]

VIP = ipaddress.IPv4Address("192.168.2.240")
OTHER = ipaddress.IPv4Address("192.168.2.241")


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(SEED) as built:
        yield built


@pytest.fixture
def server(network: Network) -> Iterator[LabHost]:
    """The first real server; the test's thread is inside it."""
    host = network.host("rs1")
    with host.entered():
        yield host


def everything(host: LabHost) -> dict[str, str]:
    """What `stop` has to restore."""
    shown = {name: sysctl.read(name) for name in realserver.SETTINGS}
    shown["addresses"] = host.run(["ip", "-brief", "address", "show", "lo"]).stdout
    shown["routes"] = host.run(["ip", "route"]).stdout
    return shown


def asked_by_arp(network: Network, address: ipaddress.IPv4Address) -> bool:
    """Whether anybody answers the clients' ARP request for an address."""
    command = ["arping", "-C", "1", "-w", "1", "-i", "eth0", str(address)]
    return network.host("clients").run(command, check=False).returncode == 0


def test_start_prepares_once_and_stop_restores(server: LabHost, tmp_path: pathlib.Path) -> None:
    before = everything(server)
    assert len(realserver.start([VIP], tmp_path)) == 6
    prepared = everything(server)
    assert "192.168.2.240/32" in prepared["addresses"]
    assert "192.168.2.240 dev lo scope link" in prepared["routes"]
    assert [prepared[name] for name in realserver.SETTINGS] == ["1", "2", "1", "2"]
    assert realserver.troubles([VIP]) == ()
    assert realserver.start([VIP], tmp_path) == ()
    assert everything(server) == prepared
    assert realserver.stop([VIP], tmp_path)
    assert everything(server) == before
    assert realserver.stop([VIP], tmp_path) == ("192.168.2.240 was not prepared here: nothing to do",)
    assert list(tmp_path.glob("*.json")) == []


def test_settings_go_with_the_last_address(server: LabHost, tmp_path: pathlib.Path) -> None:
    before = everything(server)
    realserver.start([VIP], tmp_path)
    realserver.start([OTHER], tmp_path)
    assert realserver.prepared(tmp_path) == (VIP, OTHER)
    realserver.stop([VIP], tmp_path)
    assert realserver.troubles([OTHER]) == ()
    realserver.stop([OTHER], tmp_path)
    assert everything(server) == before


def test_what_stood_there_before_stays(server: LabHost, tmp_path: pathlib.Path) -> None:
    server.run(["ip", "address", "add", f"{VIP}/32", "dev", "lo"])
    sysctl.write("net/ipv4/conf/all/arp_announce", 1)
    before = everything(server)
    realserver.start([VIP], tmp_path)
    assert sysctl.read("net/ipv4/conf/all/arp_announce") == "2"
    realserver.stop([VIP], tmp_path)
    assert everything(server) == before


def test_a_second_start_repairs_and_still_restores_the_first_state(server: LabHost, tmp_path: pathlib.Path) -> None:
    before = everything(server)
    realserver.start([VIP], tmp_path)
    server.run(["ip", "address", "del", f"{VIP}/32", "dev", "lo"])
    sysctl.write("net/ipv4/conf/all/arp_ignore", 0)
    assert realserver.start([VIP], tmp_path) == (
        "net.ipv4.conf.all.arp_ignore = 1",
        "192.168.2.240/32 on lo",
    )
    realserver.stop([VIP], tmp_path)
    assert everything(server) == before


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("ip address del 192.168.2.240/32 dev lo", "192.168.2.240 is not on lo"),
        ("ip address add 192.168.2.240/24 dev lo", "192.168.2.240 is on lo as /24, not /32"),
        ("ip address add 192.168.2.240/24 dev eth0", "192.168.2.240 is on eth0: ARP for it is answered there"),
        ("ip link set lo down", "lo is down"),
        ("sysctl -qw net.ipv4.conf.all.arp_ignore=0", "on eth0 arp_ignore 0 is in effect, not 1"),
        ("sysctl -qw net.ipv4.conf.lo.arp_announce=0", "net.ipv4.conf.lo.arp_announce is 0, not 2"),
        ("sysctl -qw net.ipv4.conf.eth0.arp_ignore=3", "on eth0 arp_ignore 3 is in effect, not 1"),
    ],
)
def test_status_names_what_somebody_changed(
    server: LabHost, tmp_path: pathlib.Path, command: str, message: str
) -> None:
    realserver.start([VIP], tmp_path)
    assert realserver.troubles([VIP]) == ()
    server.run(command.split())
    assert any(message in line for line in realserver.troubles([VIP])), realserver.troubles([VIP])


def test_strict_reverse_path_filtering_off_the_way_out_is_named(server: LabHost, tmp_path: pathlib.Path) -> None:
    realserver.start([VIP], tmp_path)
    for command in (
        "ip link add out type veth peer name far",
        "ip link set out up",
        "ip address add 10.9.9.1/24 dev out",
        "ip route add default via 10.9.9.2",
    ):
        server.run(command.split())
    assert realserver.troubles([VIP]) == ()
    server.run(["sysctl", "-qw", "net.ipv4.conf.eth0.rp_filter=1"])
    (trouble,) = realserver.troubles([VIP])
    assert trouble.startswith("rp_filter 1 on eth0 drops requests whose answers leave by out")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("ip address add 192.168.2.240/24 dev eth0", "192.168.2.240/24 is on eth0"),
        ("ip address add 192.168.2.240/24 dev lo", "192.168.2.240/24 is on lo"),
        ("ip link set lo down", "lo is down"),
    ],
)
def test_start_refuses_where_it_would_not_work_and_changes_nothing(
    server: LabHost, tmp_path: pathlib.Path, command: str, message: str
) -> None:
    server.run(command.split())
    before = everything(server)
    with pytest.raises(KernelRefusedError, match=message):
        realserver.start([VIP], tmp_path)
    assert everything(server) == before
    assert realserver.prepared(tmp_path) == ()


@pytest.mark.parametrize("address", ["127.0.0.1", "224.0.0.18", "0.0.0.0", "2001:db8::1"])
def test_start_refuses_addresses_that_make_no_sense(server: LabHost, tmp_path: pathlib.Path, address: str) -> None:
    before = everything(server)
    with pytest.raises(UsageError, match=address):
        realserver.start([VIP, ipaddress.ip_address(address)], tmp_path)
    assert everything(server) == before


def test_a_start_that_fails_half_way_is_undone(
    server: LabHost, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(server)
    real: Callable[..., str] = iproute.ip

    def refusing(*arguments: str) -> str:
        if arguments[:2] == ("address", "add") and f"{OTHER}/32" in arguments:
            raise KernelRefusedError("no more of these")
        return real(*arguments)

    monkeypatch.setattr(iproute, "ip", refusing)
    with pytest.raises(KernelRefusedError, match="no more"):
        realserver.start([VIP, OTHER], tmp_path)
    assert everything(server) == before
    assert realserver.prepared(tmp_path) == ()


def test_each_namespace_has_its_own_state(network: Network, tmp_path: pathlib.Path) -> None:
    one, two = network.host("rs1"), network.host("rs2")
    with one.entered():
        realserver.start([VIP], tmp_path)
    with two.entered():
        assert realserver.prepared(tmp_path) == ()
        realserver.start([OTHER], tmp_path)
    with one.entered():
        assert realserver.prepared(tmp_path) == (VIP,)


def test_a_damaged_state_file_is_named(server: LabHost, tmp_path: pathlib.Path) -> None:
    realserver.start([VIP], tmp_path)
    (state,) = tmp_path.glob("*.json")
    state.write_text("{")
    with pytest.raises(KernelRefusedError, match=state.name):
        realserver.stop([VIP], tmp_path)
    assert server.name == "rs1"


def test_two_starts_at_once_both_count(server: LabHost, tmp_path: pathlib.Path) -> None:
    before = everything(server)
    failures: list[BasculeError] = []

    def begin(address: ipaddress.IPv4Address) -> None:
        with server.entered():
            try:
                realserver.start([address], tmp_path)
            except BasculeError as error:
                failures.append(error)

    threads = [threading.Thread(target=begin, args=(address,)) for address in (VIP, OTHER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failures == []
    assert set(realserver.prepared(tmp_path)) == {VIP, OTHER}
    realserver.stop([OTHER, VIP], tmp_path)
    assert everything(server) == before


def test_a_holder_of_the_lock_is_waited_for_and_then_named(
    server: LabHost, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    realserver.start([VIP], tmp_path)
    monkeypatch.setattr(realserver, "LOCK_SECONDS", 0.1)
    held = f"import fcntl, sys; f = open({str(tmp_path / 'realserver.lock')!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX)"
    command = [sys.executable, "-c", f"{held}; print('held', flush=True); sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(KernelRefusedError, match="another `realserver` holds"):
            realserver.start([OTHER], tmp_path)
    assert server.name == "rs1"


def test_it_is_silent_in_arp_and_answers_what_a_director_forwards(network: Network, tmp_path: pathlib.Path) -> None:
    server, clients = network.host("rs1"), network.host("clients")
    with server.entered():
        realserver.start([VIP], tmp_path)
    assert not asked_by_arp(network, VIP)
    assert asked_by_arp(network, ipaddress.IPv4Address("192.168.2.212"))

    # As a director would: the frame goes to the server's MAC, the packet to the VIP.
    hardware = mac(server.host.links[0])
    clients.run(["ip", "neighbour", "replace", str(VIP), "lladdr", hardware, "dev", "eth0"])
    with server.entered():
        listener = socket.create_server(("0.0.0.0", 80))
    with listener, clients.entered(), socket.create_connection((str(VIP), 80), timeout=2) as asked:
        taken, peer = listener.accept()
        with taken:
            assert taken.getsockname()[0] == str(VIP)
            assert peer == asked.getsockname()
            taken.sendall(b"rs1")
            assert asked.recv(16) == b"rs1"
    # The server has announced nothing either: with arp_announce 0 it would have asked for the client with the VIP.
    assert not asked_by_arp(network, VIP)


def test_without_the_settings_arp_is_answered(network: Network, tmp_path: pathlib.Path) -> None:
    """What the settings are for: the test above must be able to fail."""
    server = network.host("rs1")
    with server.entered():
        realserver.start([VIP], tmp_path)
        for name in realserver.SETTINGS:
            sysctl.write(name, 0)
    assert asked_by_arp(network, VIP)
