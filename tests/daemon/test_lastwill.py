# SPDX-License-Identifier: Apache-2.0
"""The last will is executed whole: packets first, then addresses, and one refusal stops nothing else."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys

import pytest

from bascule.daemon import lastwill
from bascule.daemon.log import LINE_MAX, Log
from bascule.linux import addresses, rawsocket
from bascule.linux.netlink import Netlink, NetlinkError
from bascule.model.base import IPAddress
from bascule.model.messages import LastWill, WillAddress, WillFrame

VIP = ipaddress.ip_address("192.0.2.240")
GROUP = ipaddress.ip_address("224.0.0.18")


def frame(interface: str) -> WillFrame:
    return WillFrame(interface=interface, source=VIP, destination=GROUP, ttl=255, packet=b"farewell")


def address(interface: str) -> WillAddress:
    return WillAddress(interface=interface, address=VIP, prefix_length=32)


WILL = LastWill(frames=(frame("a"), frame("bad"), frame("c")), addresses=(address("a"), address("bad"), address("c")))


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the kernel was asked for; the interface `bad` is refused."""
    asked: list[str] = []

    def send_once(
        interface: str, source: IPAddress, destination: IPAddress, ttl: int, packet: bytes, whole: bool
    ) -> None:
        assert not whole
        asked.append(f"send {interface} {source} {destination} {ttl} {packet.decode()}")
        if interface == "bad":
            raise NetlinkError(100, "send")

    def remove_named(
        _netlink: Netlink, interface: str, vip: IPAddress, prefix_length: int, _peer: IPAddress | None
    ) -> bool:
        asked.append(f"remove {interface} {vip}/{prefix_length}")
        if interface == "bad":
            raise NetlinkError(1, "remove")
        return interface == "a"

    monkeypatch.setattr(rawsocket, "send_once", send_once)
    monkeypatch.setattr(addresses, "remove_named", remove_named)
    return asked


def test_everything_is_tried_packets_first(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    monkeypatch.setattr(Log, "descriptor", writer)
    lastwill.execute(WILL, Log("supervisor"))
    os.close(writer)
    assert done == [
        "send a 192.0.2.240 224.0.0.18 255 farewell",
        "send bad 192.0.2.240 224.0.0.18 255 farewell",
        "send c 192.0.2.240 224.0.0.18 255 farewell",
        "remove a 192.0.2.240/32",
        "remove bad 192.0.2.240/32",
        "remove c 192.0.2.240/32",
    ]
    lines = os.read(reader, 9 * LINE_MAX).decode().splitlines()
    os.close(reader)
    events = [line.split("event=")[1] for line in lines]
    assert events[0].startswith("last_will_packet_not_sent interface=bad")
    assert events[1].startswith("last_will_address_stays interface=bad")
    assert events[2] == "last_will_executed packets=2/3 addresses=1/3"


PROGRAM = """
import ipaddress, socket, subprocess
from bascule.daemon import lastwill
from bascule.daemon.log import Log
from bascule.model.messages import LastWill, WillAddress, WillFrame
for command in ("link add va type veth peer name vb", "link set va up", "link set vb up",
                "address add 192.0.2.1/24 dev va", "address add 192.0.2.240/32 dev va"):
    subprocess.run(["ip", *command.split()], check=True)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
wire.bind(("vb", 0x0800))
wire.settimeout(5)
vip = ipaddress.ip_address("192.0.2.240")
lastwill.execute(LastWill(
    frames=(WillFrame(interface="va", source=ipaddress.ip_address("192.0.2.1"),
            destination=ipaddress.ip_address("224.0.0.18"), ttl=255, packet=b"farewell"),),
    addresses=(WillAddress(interface="va", address=vip, prefix_length=32),)), Log("supervisor"))
while True:
    packet = wire.recv(2000)
    if packet[23] == 112:
        break
print(packet[22], socket.inet_ntoa(packet[26:30]), socket.inet_ntoa(packet[30:34]), packet[34:].rstrip(b"\\0"))
print(subprocess.run(["ip", "-br", "address"], capture_output=True, text=True).stdout.count("192.0.2.240"))
"""


@pytest.mark.root
def test_on_a_real_wire_the_packet_passes_and_the_address_goes() -> None:
    command = ["unshare", "--net", sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.splitlines() == ["255 192.0.2.1 224.0.0.18 b'farewell'", "0"], done.stderr
    assert "last_will_executed packets=1/1 addresses=1/1" in done.stderr
