# SPDX-License-Identifier: Apache-2.0
"""Two hosts on a segment, what passes between them with the kernel's times, and real keepalived in one of them."""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import itertools
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from bascule.lab.metronome import Metronome
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.model.configuration import Configuration
from tests.interop.scenarios import V2, VIP, Scenario

KEEPALIVED = """
global_defs {{
    router_id PEER
    script_user root
}}
vrrp_instance VI_1 {{
    state {state}
    interface eth0
    virtual_router_id 51
    priority {priority}
    {lines}
}}
"""

_ADVERT = re.compile(r"(\d+\.\d+) (\S+) > \S+ .*VRRPv\d, Advertisement, .*vrid 51, prio (\d+),")
_ANNOUNCEMENT = re.compile(r"(\d+\.\d+) (\S+) > .*(?:who-has (\S+) .*tell \3,|neighbor advertisement,.* tgt is (\S+),)")


def _host(name: str, last_byte: int) -> Host:
    link = Link(segment="lan", addresses=(f"192.168.2.{last_byte}/24", f"fd02::{last_byte}/64"))
    return Host(name=name, role=HostRole.ROUTER, links=(link,))


PAIR = Topology(
    name="vrrp",
    about="Two hosts on one segment, without XDP.",
    segments=(Segment(name="lan"),),
    hosts=(_host("d1", 210), _host("d2", 211)),
)


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(PAIR) as built:
        for host in built.hosts.values():
            wait_for(functools.partial(_settled, host), 5, "duplicate address detection")
        yield built


def _settled(host: LabHost) -> bool:
    shown = host.run(["ip", "-6", "address", "show", "dev", "eth0"]).stdout
    return "fe80::" in shown and "tentative" not in shown


@dataclasses.dataclass(slots=True, frozen=True)
class Seen:
    """An advert or an announcement on the segment."""

    at: float
    sender: str
    priority: int | None
    """None: a gratuitous ARP or neighbour advertisement."""
    address: str | None = None
    """That was announced."""


WAKING = 0.02
"""Seconds before a moment at which a processor may have fallen asleep over it."""

MARKED = ipaddress.IPv4Address("198.51.100.0")
"""The marks of `Wire` ask for addresses from here on, which nobody has."""


class Wire:
    """Everything that passed the segment's switch, by tcpdump's kernel times.

    tcpdump prints later than packets pass. So each look first sends a mark, an ARP probe from the switch itself, and
    waits until that is printed: then everything that passed before the look is in it.
    """

    def __init__(self, network: Network, metronome: Metronome) -> None:
        self._metronome = metronome
        self._log = network.switch.log_file("wire")
        wanted = "proto 112 or proto 51 or arp or (icmp6 and ip6[40] == 136)"
        command = ["tcpdump", "-tt", "-nn", "-v", "-l", "-e", "-i", "lan", "--immediate-mode", wanted]
        network.switch.popen(command, log="wire")
        wait_for(lambda: "listening on" in self._log.read_text(), 10, "tcpdump to listen")
        with network.switch.entered():
            self._marker = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self._marker.bind(("lan", 0))
        self._marks = itertools.count(1)
        self._macs = {"02:00:c0:a8:02:d2": "d1", "02:00:c0:a8:02:d3": "d2"}
        # Where a virtual MAC address is used, it is d2's.
        self._macs |= {"00:00:5e:00:01:33": "d2", "00:00:5e:00:02:33": "d2"}

    def close(self) -> None:
        """Let the marking socket go; the capture ends with its network."""
        self._marker.close()

    def _catch_up(self) -> None:
        mark = MARKED + next(self._marks)
        head = bytes.fromhex("ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 00000000 000000000000")
        self._marker.send(head + mark.packed)
        wait_for(lambda: f"who-has {mark} " in self._log.read_text(), 10, "tcpdump to print a mark")

    def seen(self) -> list[Seen]:
        self._catch_up()
        found: list[Seen] = []
        for line in re.sub(r"\n\s+", " ", self._log.read_text()).splitlines():
            if match := _ADVERT.match(line):
                found.append(Seen(float(match[1]), self._macs[match[2]], int(match[3])))
            elif match := _ANNOUNCEMENT.match(line):
                found.append(Seen(float(match[1]), self._macs[match[2]], None, match[3] or match[4]))
        return found

    def excess(self, due: float, came: float) -> float:
        """Seconds (below 0: too early) by which something came later than it was due, Unix times.

        What the machine itself was late by does not count.
        """
        if came <= due:
            return came - due
        monotonic = time.monotonic() - time.time()
        return max(0.0, came - due - self._metronome.late(due + monotonic - WAKING, came + monotonic))

    def adverts(self, sender: str, priority: int | None = None) -> list[float]:
        return [
            s.at
            for s in self.seen()
            if s.sender == sender and s.priority is not None and priority in (None, s.priority)
        ]

    def last(self, sender: str) -> float:
        """When its last advert passed; before all time if none did yet."""
        return max(self.adverts(sender), default=0.0)

    def announcements(self, sender: str, address: object = VIP) -> list[float]:
        return [s.at for s in self.seen() if s.sender == sender and s.address == str(address)]


@pytest.fixture
def wire(network: Network) -> Iterator[Wire]:
    with Metronome(network.folder) as metronome:
        opened = Wire(network, metronome)
        yield opened
        opened.close()


class Keepalived:
    """Real keepalived, its VRRP process alone."""

    def __init__(self, host: LabHost, priority: int, lines: str, state: str = "BACKUP", before: str = "") -> None:
        self._folder = host.folder / "keepalived"
        self._folder.mkdir(exist_ok=True)
        self._host = host
        self._priority, self._state, self._before = priority, state, before
        config = self._config = self._folder / "keepalived.conf"
        config.write_text(before + KEEPALIVED.format(priority=priority, state=state, lines=lines))
        self._stats = self._folder / "keepalived.stats"
        command = ["keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file", str(config)]
        command += ["--pid", str(self._folder / "pid"), "--vrrp_pid", str(self._folder / "vrrp.pid")]
        with host.entered(), host.log_file("keepalived").open("ab") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, "TMPDIR": str(self._folder)},
            )
        host.started.append(self.process)
        self.until("BACKUP STATE")

    def reload(self, lines: str) -> None:
        """SIGHUP, after other lines were written into its file."""
        self._config.write_text(
            self._before + KEEPALIVED.format(priority=self._priority, state=self._state, lines=lines)
        )
        self.process.send_signal(signal.SIGHUP)

    def log(self) -> str:
        return self._host.log_file("keepalived").read_text()

    def until(self, text: str, seconds: float = 10) -> None:
        wait_for(lambda: text in self.log(), seconds, f"keepalived to say {text}", evidence=self.log)

    def until_latest(self, state: str, seconds: float = 30) -> None:
        """Wait until the last state that it has entered is this one."""

        def entered() -> bool:
            found: list[str] = re.findall(r"Entering (\w+ STATE)", self.log())
            return found[-1:] == [state]

        wait_for(entered, seconds, f"keepalived to enter {state}", evidence=self.log)

    def stop(self) -> None:
        """SIGTERM: it sends priority 0."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)

    def kill(self) -> None:
        """kill -9 of its parent and its VRRP process, which else has the time to say priority 0."""
        child = int((self._folder / "vrrp.pid").read_text())
        os.kill(child, signal.SIGSTOP)
        os.kill(self.process.pid, signal.SIGKILL)
        os.kill(child, signal.SIGKILL)
        self.process.wait(10)

    def errors(self) -> dict[str, int]:
        """Its counters of packets that it dropped, those that are not 0."""
        self._stats.unlink(missing_ok=True)
        os.kill(int((self._folder / "vrrp.pid").read_text()), signal.SIGUSR2)
        wait_for(lambda: self._stats.exists() and "Priority Zero" in self._stats.read_text(), 5, "its statistics")
        text = self._stats.read_text().partition("Packet Errors:")[2].partition("Priority Zero:")[0]
        counters = re.findall(r"^ +(\w[\w ]+): (\d+)$", text, re.MULTILINE)
        assert len(counters) >= 8, text
        return {name: int(number) for name, number in counters if int(number)}


@pytest.fixture
def who_holds(network: Network) -> Callable[..., list[str]]:
    """The hosts that have a virtual address."""

    def holders(address: object = VIP) -> list[str]:
        return [
            name
            for name, host in network.hosts.items()
            if f" {address}/" in host.run(["ip", "address", "show", "dev", "eth0"]).stdout
        ]

    return holders


@pytest.fixture
def start_keepalived(network: Network) -> Callable[..., Keepalived]:
    def start(host: str, priority: int, scenario: Scenario = V2) -> Keepalived:
        return Keepalived(network.host(host), priority, scenario.keepalived)

    return start


@pytest.fixture
def configured() -> Callable[..., Configuration]:
    def make(priority: int, scenario: Scenario = V2) -> Configuration:
        return Configuration(instances=(scenario.instance(priority),))

    return make
