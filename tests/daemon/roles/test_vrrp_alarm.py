# SPDX-License-Identifier: Apache-2.0
"""Two actives and other trouble between two vrrp roles, with real faults: both say it, and why."""

from __future__ import annotations

import ipaddress
import re
import signal
import sys
from collections.abc import Iterator

import msgspec
import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles import vrrp_alarm
from bascule.daemon.roles.vrrp_alarm import HEALED, Bell
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.lab.lone_role import LoneRole
from bascule.lab.network import Network
from bascule.lab.topologies import Host, HostRole, Link, Segment, Topology
from bascule.lab.waiting import wait_for
from bascule.model.base import IPAddress, Priority, Seconds, Vrid, from_json
from bascule.model.configuration import AuthType, BasculeOptions, Configuration, VirtualAddress, VrrpInstance, VrrpState
from bascule.model.messages import AlarmChanged, InstanceChanged, Role
from bascule.model.status import AlarmKind, AlarmStatus, VrrpStatus
from bascule.model.virtual_mac import VirtualMac, hardware_address
from bascule.vrrp.events import AdvertReceived, Start, Stop
from bascule.vrrp.packet import Datagram, Refusal, RefusedPacketError

pytestmark = [pytest.mark.root, pytest.mark.lab]

VIP = ipaddress.IPv4Address("192.168.2.240")
OTHER = ipaddress.IPv4Address("192.168.2.241")
HERE, PEER = ipaddress.IPv4Address("192.168.2.210"), ipaddress.IPv4Address("192.168.2.211")
FAST = {"version": 3, "advert_interval": Seconds(0.2)}
PASS = {"auth_type": AuthType.PASS}

PAIR = Topology(
    name="pair",
    about="Two hosts on a segment.",
    segments=(Segment(name="lan"),),
    hosts=tuple(
        Host(name=name, role=HostRole.ROUTER, links=(Link(segment="lan", addresses=(f"192.168.2.{last}/24",)),))
        for name, last in (("d1", 210), ("d2", 211))
    ),
)


def configuration(priority: int, **changes: object) -> Configuration:
    values: dict[str, object] = {
        "name": "VI_1",
        "interface": "eth0",
        "vrid": Vrid(51),
        "priority": Priority(priority),
        "virtual_addresses": (VirtualAddress(address=VIP, prefix_length=32),),
        **changes,
    }
    return Configuration(instances=(VrrpInstance(**values),))  # type: ignore[arg-type]


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(PAIR) as built:
        yield built


def state(role: LoneRole) -> VrrpState | None:
    changes = [message.state for message in role.messages if isinstance(message, InstanceChanged)]
    return changes[-1] if changes else None


def reach(role: LoneRole, wanted: VrrpState) -> None:
    role.until(lambda: state(role) is wanted, 20, f"state {wanted.value}")


def alarms(role: LoneRole) -> tuple[AlarmStatus, ...]:
    return from_json(role.status(), VrrpStatus).instances[0].alarms


def alarm(role: LoneRole, kind: AlarmKind, words: str) -> AlarmStatus:
    """An alarm of a kind with these words, waited for; it was told as an event too."""

    def found() -> list[AlarmStatus]:
        return [entry for entry in alarms(role) if entry.kind is kind and words in entry.why]

    standing = wait_for(found, 20, f"{kind.value}: {words}", evidence=role.log)
    role.until(
        lambda: any(isinstance(m, AlarmChanged) and m.stands and words in m.why for m in role.messages), 5, "the event"
    )
    assert "event=alarm" in role.log()
    return standing[0]


DIFFERENCES: dict[str, tuple[dict[str, object], dict[str, object], str]] = {
    "password": (PASS | {"auth_pass": b"1111"}, PASS | {"auth_pass": b"2222"}, "another password"),
    "authentication": (PASS | {"auth_pass": b"1111"}, {}, "another kind of authentication"),
    "interval": ({}, {"advert_interval": Seconds(2.0)}, "another advert interval"),
    "version": ({}, {"version": 3}, "another version"),
    "addresses": (
        {},
        {"virtual_addresses": (VirtualAddress(address=OTHER, prefix_length=32),)},
        "another list of virtual addresses",
    ),
    "vrid": ({}, {"vrid": Vrid(52)}, "virtual_router_id"),
}


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_two_actives_that_do_not_understand_each_other_both_say_why(network: Network, difference: str) -> None:
    here, there, words = DIFFERENCES[difference]
    with LoneRole(network.host("d1"), Role.VRRP, configuration(150, **here)) as one:
        reach(one, VrrpState.MASTER)
        with LoneRole(network.host("d2"), Role.VRRP, configuration(100, **there)) as two:
            if difference != "vrid":
                alarm(two, AlarmKind.VRID_IN_USE, words)
            reach(two, VrrpState.MASTER)
            alarm(one, AlarmKind.SECOND_ACTIVE, words)
            alarm(two, AlarmKind.SECOND_ACTIVE, words)
            assert (state(one), state(two)) == (VrrpState.MASTER, VrrpState.MASTER)


@pytest.mark.parametrize("virtual_mac", [None, VirtualMac(address=hardware_address(Vrid(51), 4))])
def test_a_filter_on_this_host_that_eats_our_adverts_is_found_and_it_heals(
    network: Network, virtual_mac: VirtualMac | None
) -> None:
    """Also one on the interface beneath a macvlan that sends them."""
    fast = {**FAST, "virtual_mac": virtual_mac}
    with LoneRole(network.host("d1"), Role.VRRP, configuration(150, **fast)) as one:
        reach(one, VrrpState.MASTER)
        with LoneRole(network.host("d2"), Role.VRRP, configuration(100, **fast)) as two:
            wait_for(lambda: from_json(two.status(), VrrpStatus).instances[0].adverts_received > 0, 10, "adverts")
            host = network.host("d1")
            host.run(["nft", "add table netdev t"])
            host.run(["nft", "add chain netdev t e { type filter hook egress device eth0 priority 0; }"])
            host.run(["nft", "add rule netdev t e meta l4proto 112 drop"])
            reach(two, VrrpState.MASTER)
            alarm(two, AlarmKind.ACTIVE_VANISHED, "no word that it stops")
            alarm(one, AlarmKind.SECOND_ACTIVE, "does not hear our adverts")
            alarm(one, AlarmKind.ADVERTS_BLOCKED, "did not leave by eth0")
            host.run(["nft", "delete table netdev t"])
            reach(two, VrrpState.BACKUP)
            wait_for(lambda: not alarms(one), 30, "the end of the alarms: nothing is wrong any more")
            one.until(lambda: any(isinstance(m, AlarmChanged) and not m.stands for m in one.messages), 5, "its event")
            assert state(one) is VrrpState.MASTER


def test_one_that_stops_in_order_has_not_vanished_and_one_that_is_killed_has(network: Network) -> None:
    with LoneRole(network.host("d2"), Role.VRRP, configuration(100, **FAST)) as two:
        for ordered in (True, False):
            with LoneRole(network.host("d1"), Role.VRRP, configuration(150, **FAST)) as one:
                reach(one, VrrpState.MASTER)
                reach(two, VrrpState.BACKUP)
                two.messages.clear()
                if ordered:
                    assert one.stop() == 0
                else:
                    one.kill()
            reach(two, VrrpState.MASTER)
            if ordered:
                assert alarms(two) == ()
            else:
                alarm(two, AlarmKind.ACTIVE_VANISHED, "no advert from 192.168.2.210 for")


REMOVER = """
import os, signal, socket, sys
from bascule.linux import addresses
from bascule.linux.netlink import Netlink
import ipaddress
kept = [Netlink() for _ in range(int(sys.argv[1]))]
address = ipaddress.ip_address("192.168.2.240")
print("ready", flush=True)
while True:
    signal.sigwait([signal.SIGUSR1])
    print(addresses.remove_named(kept[-1], "eth0", address, 32), flush=True)
"""
"""Takes the address off whenever it is told to, by the last of its sockets, and stays."""


def virtual(network: Network) -> bool:
    return f" {VIP}/" in network.host("d1").run(["ip", "address", "show", "dev", "eth0"]).stdout


@pytest.mark.parametrize("sockets", [1, 3], ids=["its first socket", "another socket"])
def test_who_takes_a_virtual_address_off_is_named(network: Network, sockets: int) -> None:
    host = network.host("d1")
    with LoneRole(host, Role.VRRP, configuration(255, **FAST)) as one:
        reach(one, VrrpState.MASTER)
        masked = f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n{REMOVER}"
        remover = host.popen([sys.executable, "-c", masked, str(sockets)], log="remover")
        wait_for(lambda: "ready" in host.log_file("remover").read_text(), 20, "the other program")

        def named() -> bool:
            """Among many processes one is not always found in time."""
            remover.send_signal(signal.SIGUSR1)
            return f"(process {remover.pid})" in one.log()

        wait_for(named, 20, "its name", evidence=one.log)
        standing = alarm(one, AlarmKind.ADDRESS_TAKEN, f"(process {remover.pid})")
        assert re.fullmatch(
            rf"192.168.2.240 was taken off eth0 by python\S* \(process {remover.pid}\), and put back", standing.why
        )
        wait_for(lambda: virtual(network), 5, "the address to be back")
        assert re.search(rf'event=address_put_back .* by="python\S* \(process {remover.pid}\)"', one.log())


def test_one_that_has_ended_is_not_named_and_the_kernel_is_no_process(network: Network) -> None:
    host = network.host("d1")
    lasting = msgspec.structs.replace(configuration(255, **FAST), options=BasculeOptions(vip_lifetime=Seconds(0.0)))
    with LoneRole(host, Role.VRRP, lasting) as one:
        reach(one, VrrpState.MASTER)
        host.run(["ip", "address", "del", f"{VIP}/32", "dev", "eth0"])
        standing = alarm(one, AlarmKind.ADDRESS_TAKEN, "taken off eth0")
        assert re.search(
            r"by (ip \(process \d+(, by its number alone)?\)|a process that has ended \(.*\)),", standing.why
        )
        wait_for(lambda: virtual(network), 5, "the address to be back")
        host.run(["ip", "address", "replace", f"{VIP}/32", "dev", "eth0", "valid_lft", "1", "preferred_lft", "1"])
        alarm(one, AlarmKind.ADDRESS_TAKEN, "by the kernel (its lifetime ended")
        wait_for(lambda: virtual(network), 5, "the address to be back")


class Watched:
    """A bell with a clock of the test's, and one instance, whose announcements are counted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, priority: int) -> None:
        self.now = 10.0
        monkeypatch.setattr(vrrp_alarm, "boottime", lambda: self.now)
        self.told: list[tuple[str, bool]] = []
        self.bell = Bell(Log("vrrp"), lambda change: self.told.append((change.kind, change.stands)))
        self.announced = 0
        (config,) = configuration(priority, version=3, garp_lower_prio_repeat=2).instances
        self.instance = Instance(config, BasculeOptions(), HERE, self, Log("vrrp"))  # type: ignore[arg-type]
        self.instance.handle(Start(), self.now)
        self.instance.since = 0.0
        self.announced = 0

    def announce(self, *_: object) -> None:
        self.announced += 1

    def __getattr__(self, name: str) -> object:
        """Everything else that it asks for is done by nobody."""
        return lambda *_: None

    def hear(self, source: IPAddress = PEER, *, second: bool) -> None:
        event = AdvertReceived(source=source, priority=Priority(50), interval=Seconds(1.0), received_at=self.now)
        self.bell.heard(self.instance, event, second=second)

    def timers(self, at: float) -> int:
        """The announcements by then."""
        self.now = at
        self.bell.timers({"VI_1": self.instance})
        return self.announced


def test_an_active_that_was_not_alone_announces_again_once_the_other_is_silent(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    watched = Watched(monkeypatch, 255)
    assert watched.instance.state is VrrpState.MASTER
    watched.hear(second=True)
    assert watched.timers(12.0) == 0
    watched.hear(second=True)
    assert watched.bell.deadline() <= 12.0 + HEALED
    assert watched.timers(11.9 + HEALED) == 0, "the other may only have lost adverts"
    assert watched.timers(12.0 + HEALED) == 2
    assert watched.timers(100.0) == 2, "once"
    assert capfd.readouterr().err.count("event=announced_again") == 1
    watched.hear(second=True)
    watched.instance.handle(Stop(), watched.now)
    assert watched.timers(200.0) == 2, "it is not active any more"


def test_a_stranger_that_is_understood_ends_the_alarm_once_nothing_of_its_is_refused_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched = Watched(monkeypatch, 100)
    refusal = RefusedPacketError(Refusal.AUTH_DATA, "another password")
    watched.bell.refused(watched.instance, Datagram(payload=b"", source=PEER), refusal)
    assert watched.told == [("vrid_in_use", True)]
    watched.now += HEALED - 0.1
    watched.hear(second=False)
    assert watched.told == [("vrid_in_use", True)], "too early: it may send both"
    watched.now += 0.1
    watched.hear(PEER + 1, second=False)
    assert watched.told == [("vrid_in_use", True)], "it is another host that is understood"
    watched.hear(second=False)
    assert watched.told == [("vrid_in_use", True), ("vrid_in_use", False)]
    watched.hear(second=False)
    assert len(watched.told) == 2
