# SPDX-License-Identifier: Apache-2.0
"""Two hosts on a segment, what passes between them with the kernel's times, and real keepalived in one of them."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest

from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.model.base import Priority, Seconds, Vrid
from bascule.model.configuration import AuthType, BasculeOptions, Configuration, VirtualAddress, VrrpInstance

VIP = ipaddress.IPv4Address("192.168.2.240")

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
    advert_int 1
    authentication {{
        auth_type PASS
        auth_pass 1111
    }}
    virtual_ipaddress {{
        192.168.2.240
    }}
}}
"""

_ADVERT = re.compile(r"(\d+\.\d+) IP (\S+) > 224\.0\.0\.18: VRRPv2, Advertisement, vrid 51, prio (\d+),")
_ANNOUNCEMENT = re.compile(r"(\d+\.\d+) (\S+) > ff:ff:ff:ff:ff:ff.*who-has 192\.168\.2\.240 .*tell 192\.168\.2\.240")


def _host(name: str, last_byte: int) -> Host:
    link = Link(segment="lan", addresses=(f"192.168.2.{last_byte}/24",))
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
        yield built


@dataclasses.dataclass(slots=True, frozen=True)
class Seen:
    """An advert or an announcement on the segment."""

    at: float
    sender: str
    priority: int | None
    """None: a gratuitous ARP for the virtual address."""


class Wire:
    """Everything that passed the segment's switch, by tcpdump's kernel times."""

    def __init__(self, network: Network) -> None:
        self._log = network.switch.log_file("wire")
        command = ["tcpdump", "-tt", "-nn", "-l", "-e", "-i", "lan", "--immediate-mode", "ip proto 112 or arp"]
        network.switch.popen(command, log="wire")
        wait_for(lambda: "listening on" in self._log.read_text(), 10, "tcpdump to listen")
        self._names = {"192.168.2.210": "d1", "192.168.2.211": "d2"}
        self._macs = {"02:00:c0:a8:02:d2": "d1", "02:00:c0:a8:02:d3": "d2"}

    def seen(self) -> list[Seen]:
        found: list[Seen] = []
        for line in self._log.read_text().splitlines():
            flat = re.sub(r"^(\S+) \S+ > \S+, ethertype IPv4 [^:]*: ", r"\1 IP ", line)
            if match := _ADVERT.match(flat):
                found.append(Seen(float(match[1]), self._names[match[2]], int(match[3])))
            elif match := _ANNOUNCEMENT.match(line):
                found.append(Seen(float(match[1]), self._macs[match[2]], None))
        return found

    def adverts(self, sender: str, priority: int | None = None) -> list[float]:
        return [
            s.at
            for s in self.seen()
            if s.sender == sender and s.priority is not None and priority in (None, s.priority)
        ]

    def announcements(self, sender: str) -> list[float]:
        return [s.at for s in self.seen() if s.sender == sender and s.priority is None]


@pytest.fixture
def wire(network: Network) -> Wire:
    return Wire(network)


class Keepalived:
    """Real keepalived, its VRRP process alone."""

    def __init__(self, host: LabHost, priority: int, state: str = "BACKUP") -> None:
        self._folder = host.folder / "keepalived"
        self._folder.mkdir(exist_ok=True)
        self._host = host
        config = self._folder / "keepalived.conf"
        config.write_text(KEEPALIVED.format(priority=priority, state=state))
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

    def log(self) -> str:
        return self._host.log_file("keepalived").read_text()

    def until(self, text: str, seconds: float = 10) -> None:
        wait_for(lambda: text in self.log(), seconds, f"keepalived to say {text}", evidence=self.log)

    def stop(self) -> None:
        """SIGTERM: it sends priority 0."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)

    def kill(self) -> None:
        """kill -9 of its parent and its VRRP process."""
        child = int((self._folder / "vrrp.pid").read_text())
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


def holders(network: Network) -> list[str]:
    """The hosts that have the virtual address."""
    return [
        name
        for name, host in network.hosts.items()
        if f"inet {VIP}/" in host.run(["ip", "-4", "address", "show", "dev", "eth0"]).stdout
    ]


@pytest.fixture
def who_holds(network: Network) -> Callable[[], list[str]]:
    return lambda: holders(network)


@pytest.fixture
def start_keepalived(network: Network) -> Callable[..., Keepalived]:
    def start(host: str, priority: int) -> Keepalived:
        return Keepalived(network.host(host), priority)

    return start


def instance(**changes: object) -> VrrpInstance:
    """The seed's instance with an advert each second."""
    values: dict[str, object] = {
        "name": "VI_1",
        "interface": "eth0",
        "vrid": Vrid(51),
        "priority": Priority(100),
        "advert_interval": Seconds(1.0),
        "auth_type": AuthType.PASS,
        "auth_pass": b"1111",
        "virtual_addresses": (VirtualAddress(address=VIP, prefix_length=32),),
        **changes,
    }
    return VrrpInstance(**values)  # type: ignore[arg-type]


@pytest.fixture
def configured() -> Callable[..., Configuration]:
    def make(options: BasculeOptions | None = None, **changes: object) -> Configuration:
        return Configuration(instances=(instance(**changes),), options=options or BasculeOptions())

    return make
