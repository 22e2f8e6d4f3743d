# SPDX-License-Identifier: Apache-2.0
"""Two whole directors and a client on a segment, by the kinds of instances between which planned switches are made."""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import time
from collections.abc import Iterator

from bascule.lab.captures import Captures
from bascule.lab.directors import Director, program
from bascule.lab.metronome import LATE, Metronome
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.model.base import IPAddress
from bascule.model.configuration import VrrpState
from bascule.model.status import InstanceStatus
from bascule.vrrp.handover import Kind as OrderKind

LAST_BYTES = {"d1": 210, "d2": 211, "c": 100}
PRIORITIES = {"d1": 150, "d2": 100}
VIP, VIP6 = ipaddress.ip_address("192.168.2.240"), ipaddress.ip_address("fd02::240")
INTERVAL = 0.2
ANNOUNCED_WITHIN = 0.005
"""Seconds from the request to the successor's announcement."""
REACH_SECONDS = 15.0


def _host(name: str) -> Host:
    last = LAST_BYTES[name]
    link = Link(segment="lan", addresses=(f"192.168.2.{last}/24", f"fd02::{last}/64"))
    return Host(name=name, role=HostRole.ROUTER, links=(link,))


SEGMENT = Topology(
    name="switches",
    about="Two directors and a client.",
    segments=(Segment(name="lan"),),
    hosts=tuple(_host(name) for name in LAST_BYTES),
)


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Setting:
    """A kind of instances. `lines` of one instance each; `{me}` and `{peer}` are last bytes of addresses."""

    name: str
    lines: tuple[str, ...]
    virtual: tuple[IPAddress, ...] = (VIP,)
    """The address of each instance that is watched."""
    group: bool = False
    version: int = 3
    interval: float = INTERVAL

    def text(self, name: str) -> str:
        """The file of one director."""
        peer = "d2" if name == "d1" else "d1"
        instances = (
            f"vrrp_instance VI_{number} {{\n state BACKUP\n interface eth0\n virtual_router_id {50 + number}\n"
            f" priority {PRIORITIES[name]}\n version {self.version}\n advert_int {self.interval:g}\n"
            f"{lines.replace('ME', str(LAST_BYTES[name])).replace('PEER', str(LAST_BYTES[peer]))}\n}}\n"
            for number, lines in enumerate(self.lines, 1)
        )
        members = " ".join(f"VI_{number}" for number in range(1, len(self.lines) + 1))
        group = f"vrrp_sync_group G {{\n group {{ {members} }}\n}}\n" if self.group else ""
        key = 'bascule {\n handover_key "between these two alone"\n}\n'
        return f"global_defs {{\n router_id {name}\n}}\n{key}{group}{''.join(instances)}"


_V4 = " virtual_ipaddress {\n  192.168.2.240/32\n }"
_V6 = " virtual_ipaddress {\n  fe80::53/128\n  fd02::240/128\n }"
_PEER4 = " unicast_src_ip 192.168.2.ME\n unicast_peer {\n  192.168.2.PEER\n }\n"
_PEER6 = " unicast_src_ip fd02::ME\n unicast_peer {\n  fd02::PEER\n }\n"

SETTINGS = (
    Setting(name="ipv4", lines=(_V4,)),
    Setting(name="ipv6", lines=(_V6,), virtual=(VIP6,)),
    Setting(name="unicast-ipv4", lines=(_PEER4 + _V4,)),
    Setting(name="unicast-ipv6", lines=(_PEER6 + _V6,), virtual=(VIP6,)),
    Setting(name="virtual-mac-ipv4", lines=(" use_vmac\n" + _V4,)),
    Setting(name="virtual-mac-ipv6", lines=(" use_vmac\n" + _V6,), virtual=(VIP6,)),
    Setting(name="sync-group-of-both", lines=(_V4, _V6), virtual=(VIP, VIP6), group=True),
)


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Switched:
    """A planned switch as it was seen on the cables. Times are monotonic seconds, the kernel's."""

    requested: tuple[float, ...]
    """When each instance's request left the old active."""
    announced: tuple[float, ...]
    """When the successor first announced each instance's address after that."""
    clean: bool
    """Within five milliseconds as the old active saw it; else it gave up by priority 0."""
    said: str

    @property
    def took(self) -> tuple[float, ...]:
        """From each request to the announcement."""
        return tuple(there - asked for asked, there in zip(self.requested, self.announced, strict=True))


class Pair:
    """Both directors by one setting, with captures of their cables, one for each watched address."""

    def __init__(self, network: Network, setting: Setting) -> None:
        """Nothing runs yet."""
        self.network = network
        self.setting = setting
        self.client = network.host("c")
        self.directors = {name: self._director(network.host(name)) for name in PRIORITIES}
        hosts = tuple(director.host for director in self.directors.values())
        self.captures = [Captures(network, hosts, virtual, 80) for virtual in setting.virtual]
        self._metronome = Metronome(network.folder)

    def __enter__(self) -> Pair:
        """Start both; d1 is active."""
        self._metronome.__enter__()
        for capture in self.captures:
            capture.__enter__()
        self.start("d1")
        self.reach("d1", VrrpState.MASTER)
        self.start("d2")
        wait_for(functools.partial(self.hears, "d2"), REACH_SECONDS, "d2 to hear d1", evidence=self.evidence)
        return self

    def __exit__(self, *_: object) -> None:
        """The directors end with their network."""
        for capture in self.captures:
            capture.__exit__()
        self._metronome.__exit__()

    def _director(self, host: LabHost) -> Director:
        file = host.folder / "keepalived.conf"
        file.write_text(self.setting.text(host.name))
        return Director(host, file)

    def start(self, name: str) -> None:
        """Start a director and wait until its instances are there."""
        self.directors[name].launch()
        wait_for(lambda: self.instances(name), REACH_SECONDS, f"{name} to start", evidence=self.evidence)

    def instances(self, name: str) -> tuple[InstanceStatus, ...]:
        """What a director says of its instances; empty = it does not answer."""
        status = self.directors[name].status()
        return status.vrrp.instances if status is not None and status.vrrp is not None else ()

    def hears(self, name: str) -> bool:
        """Whether every instance is a backup that hears its active."""
        found = self.instances(name)
        return bool(found) and all(i.state is VrrpState.BACKUP and i.adverts_received > 0 for i in found)

    def are(self, name: str, state: VrrpState) -> bool:
        """Whether every instance is in a state."""
        found = self.instances(name)
        return bool(found) and all(instance.state is state for instance in found)

    def reach(self, name: str, state: VrrpState) -> None:
        """Wait until every instance is in a state."""
        wait_for(lambda: self.are(name, state), REACH_SECONDS, f"{name} to be {state.value}", evidence=self.evidence)

    def order(self, name: str, *words: str) -> tuple[int, str]:
        """A command on a director: its exit status and what it printed."""
        command = [program(), *words, "--run-dir", str(self.directors[name].run_dir)]
        done = self.directors[name].host.run(command, check=False, timeout=30)
        return done.returncode, (done.stdout + done.stderr).strip()

    def switch(self, here: str, there: str, *words: str) -> Switched:
        """`bascule failover` on one; wait until the other is active everywhere."""
        begun = time.monotonic()
        status, said = self.order(here, "failover", *words)
        assert status == 0, f"{said}\n{self.evidence()}"
        self.reach(there, VrrpState.MASTER)
        self.reach(here, VrrpState.BACKUP)
        requested = tuple(self._requests(here, begun))
        announced = tuple(self._announced(capture, there, begun) for capture in self.captures)
        clean = "priority 0" not in said
        assert clean or "did not answer within 5 ms" in said, said
        return Switched(requested=requested, announced=announced, clean=clean, said=said)

    def _requests(self, name: str, after: float) -> Iterator[float]:
        """Every capture sees those of all instances, which are asked in their order."""
        of = wait_for(
            lambda: [o.at for o in self.captures[0].of[name].orders if o.at > after and o.kind is OrderKind.REQUEST],
            REACH_SECONDS,
            "the request",
        )
        yield from of

    def _announced(self, capture: Captures, name: str, after: float) -> float:
        found = wait_for(
            lambda: capture.first_announcement(name, after), REACH_SECONDS, f"{name}'s announcement",
            evidence=self.evidence,
        )  # fmt: skip
        assert found is not None
        return found

    def late(self, begin: float, end: float) -> float:
        """What the machine itself may have been late by between two moments, seconds: less is not noticed."""
        return self._metronome.late(begin - LATE, end) + LATE

    def announcers(self, since: float) -> set[str]:
        """Who has announced a watched address since a moment."""
        return {
            name
            for capture in self.captures
            for name, of in capture.of.items()
            if any(announcement.at >= since for announcement in list(of.announcements))
        }

    def evidence(self) -> str:
        """Both logs."""
        return "\n".join(f"{name}:\n{director.log()}" for name, director in self.directors.items())
