# SPDX-License-Identifier: Apache-2.0
"""The same for what strangers can send over UDP: the datagrams of planned switches, and BFD's control packets.

The first byte chooses the way (the low bit: planned switch or BFD) and the sender, the second is the TTL; the rest is
what is in the datagram. Where the echo or a discriminator is a placeholder, the one that is good now is put there, so
that also what comes after it is looked at. Each datagram is acted upon or counted by its cause, exactly once.
"""

from __future__ import annotations

import contextlib
import pathlib
import random
import types
from collections import Counter
from collections.abc import Iterator
from unittest import mock

from bascule import bfd, vrrp
from bascule.bfd import packet as control_packet
from bascule.bfd.machine import Session
from bascule.bfd.packet import Control, SessionState
from bascule.daemon.roles import vrrp_bfd, vrrp_handover, vrrp_lines
from bascule.daemon.roles.vrrp_bfd import Bfd, Peer, settings_of
from bascule.daemon.roles.vrrp_handover import Switchboard
from bascule.daemon.roles.vrrp_lines import Came, Line
from bascule.linux.arrivals import Received
from bascule.model.base import IPAddress, Priority, Vrid
from bascule.model.bfd import BfdSession
from bascule.model.configuration import AuthType, UnicastPeer, VrrpState
from bascule.model.messages import SwitchOrder
from bascule.vrrp import handover
from bascule.vrrp.events import SUCCESSION, PlannedSwitch, Timeout
from bascule.vrrp.handover import Kind, Order, Standing, Tickets
from tests.fuzz import packets
from tests.fuzz.packets import HERE, PEER, VIP

CODE = (str(pathlib.Path(vrrp.__path__[0])), str(pathlib.Path(bfd.__path__[0])))
STEPS = 20_000
SENDERS: tuple[IPAddress, ...] = (PEER, HERE, VIP, packets.PEER6)
KEY = handover.key_of(b"1111")
GOOD = b"\xee" * handover.NONCE_LENGTH
"""Stands for the ticket or the echo that is good now."""
OURS = 0xEEEEEEEE
"""Stands for our discriminator."""
_ECHO_AT, _NONCE_AT = 24, 8


class _Socket:
    """Nobody is there; what was sent is kept."""

    port = 49152

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.waiting: list[Received] = []

    def send(self, data: bytes, *_: object) -> None:
        self.sent.append(data)

    def receive(self) -> list[Received]:
        waiting, self.waiting = self.waiting, []
        return waiting


class _Group:
    """As much of the role as a switchboard needs: an active, one by unicast, and a backup."""

    is_ready = True

    def __init__(self, now: float) -> None:
        password = {"auth_type": AuthType.PASS, "auth_pass": b"1111"}
        self.ports = types.SimpleNamespace(local=frozenset({HERE}), require=lambda _: None, get=lambda _: None)
        active = packets._instance(52, 2, VIP, now, **password)
        while active.state is not VrrpState.MASTER:
            self.now = active.deadline
            active.handle(Timeout(), self.now)
        made = (
            active,
            packets._instance(53, 2, VIP, self.now, unicast_peers=(UnicastPeer(address=PEER),), **password),
            packets._instance(51, 2, VIP, self.now, **password),
        )
        self.instances = {each.name: each for each in made}

    def timers(self) -> None:
        """Call every instance whose time has come."""
        for instance in self.instances.values():
            if instance.deadline <= self.now:
                instance.handle(Timeout(), self.now)

    def tell(self, name: str, event: PlannedSwitch) -> None:
        self.instances[name].handle(event, self.now)

    def packets(self, _: object) -> None: ...

    def units(self, names: list[str]) -> list[tuple[str, ...]]:
        return [(name,) for name in names]

    def together(self, name: str) -> tuple[str, ...]:
        return (name,)


class _Board(Switchboard):
    """What it acts upon is counted."""

    acted = 0

    def _act(self, came: Came) -> None:
        super()._act(came)
        self.acted += 1


class Director:
    """Both ends of planned switches, and BFD sessions."""

    def __init__(self) -> None:
        self.now = 100.0
        self.socket = _Socket()
        self.outcomes: Counter[str] = Counter()
        with self._clock():
            self._make()

    def _clock(self) -> contextlib.ExitStack:
        """Everybody's time is ours: the same number must be the same run."""
        stack = contextlib.ExitStack()
        for module in (vrrp_bfd, vrrp_handover, vrrp_lines):
            stack.enter_context(mock.patch.object(module, "boottime", self._time))
        return stack

    def _time(self) -> float:
        return self.now

    def _make(self) -> None:
        log = packets.Quiet("fuzz")
        self.group = _Group(self.now)
        self.now = self.group.now
        self.board = _Board(self.group, log, lambda _: None)  # type: ignore[arg-type]
        self.board._serves = True
        self.board._me, self.board._tickets = bytes(handover.ROUTER_LENGTH), Tickets(b"secret")
        routers = {(each.config.vrid, 4): each for each in self.group.instances.values()}
        self.line = Line("eth0", 2, self.socket, dict.fromkeys(routers, KEY), routers)  # type: ignore[arg-type]
        self.board.lines._lines["eth0", 4] = self.line
        self.bfd = Bfd(log, lambda *_: None)
        for number, hops in ((1, 0), (2, None)):
            config = BfdSession(name=f"B{number}", neighbour=SENDERS[(number - 1) * 3], max_hops=hops)
            session = Session(settings_of(config, number), self.now, None)
            peer = Peer(config, _Socket(), session)  # type: ignore[arg-type]
            self.bfd._peers[config.name] = self.bfd._by_discriminator[number] = peer

    def hear(self, data: bytes) -> str:
        """One datagram; what became of it. Raises what must not be raised."""
        if len(data) < 2:
            return "nothing"
        self.now += 0.001
        source, ttl = SENDERS[data[0] >> 1 & 3], data[1]
        before = self._counts()
        with self._clock():
            if data[0] & 1:
                self.bfd._hear(_received(self._known(data[2:]), source, ttl))
            else:
                age = 2 * SUCCESSION if data[0] & 8 else 0.0
                self.socket.waiting.append(_received(self._filled(data[2:], source), source, ttl, age))
                self.board.receive(self.line)
            self._run()
        self._whole()
        news = self._counts() - before
        assert news.total() == 1, news
        (outcome,) = news
        self.outcomes[outcome] += 1
        return outcome

    def _run(self) -> None:
        """Whatever is due."""
        self.group.now = self.now
        self.group.timers()
        self.bfd.timers()

    def _counts(self) -> Counter[str]:
        found = Counter({f"planned switch: {reason}": count for reason, count in self.board.lines.refused.items()})
        found["planned switch: acted upon"] = self.board.acted
        refused = [self.bfd.refused, *(peer.refused for peer in self.bfd._peers.values())]
        for counts in refused:
            found.update({f"BFD: {reason}": count for reason, count in counts.items()})
        found["BFD: heard"] = sum(peer.received for peer in self.bfd._peers.values())
        return found

    def _whole(self) -> None:
        """Whatever has come, everything is in a state that it can be in."""
        for instance in self.group.instances.values():
            assert instance.state in (VrrpState.BACKUP, VrrpState.MASTER)
        for peer in self.bfd._peers.values():
            assert peer.session.state in SessionState
            assert peer.session.deadline() > self.now

    def ask(self) -> None:
        """Begin a planned switch, so that answers mean something; what was asked before is decided."""
        with self._clock():
            self.now += 0.05
            self._run()
            self.board.timers()
            if not self.board.busy:
                self.board.begin(SwitchOrder(number=1), lambda _: None)

    def _filled(self, data: bytes, source: IPAddress) -> bytes:
        """With the echo that is good now, and signed again, where that is left open."""
        if data[_ECHO_AT : _ECHO_AT + len(GOOD)] != GOOD:
            return data
        kind = data[5]
        if kind == Kind.REQUEST.value:
            good = self.board._tickets.issue(("eth0", data[6], data[7]), source, self.now)
        else:
            wanted = Kind.ASK if kind == Kind.HERE.value else Kind.REQUEST
            asked = [sent for sent in self.socket.sent if sent[5] == wanted.value and sent[6] == data[6]]
            good = asked[-1][_NONCE_AT : _NONCE_AT + len(GOOD)] if asked else bytes(len(GOOD))
        changed = data[:_ECHO_AT] + good + data[_ECHO_AT + len(GOOD) :]
        return signed(changed, source)

    def _known(self, data: bytes) -> bytes:
        return data.replace(OURS.to_bytes(4, "big"), (1).to_bytes(4, "big"))


def _received(payload: bytes, source: IPAddress, ttl: int, age: float = 0.0) -> Received:
    return Received(payload=payload, source=source, destination=HERE, ttl=ttl, age=age)


def signed(data: bytes, source: IPAddress) -> bytes:
    """A datagram of a planned switch with a good signature."""
    body = data[: -handover._MAC_LENGTH]
    return body + handover._signature(KEY, source, body)


def check(data: bytes) -> Counter[str]:
    """A new director hears a datagram, twice: while it waits for answers, and for what the one that answered has done.
    Raises what must not be raised."""
    director = Director()
    director.ask()
    director.hear(data)
    director.hear(HERE_I_AM)
    director.ask()
    director.hear(data)
    return director.outcomes


def repaired(data: bytes) -> bytes:
    """With the signature that the content asks for."""
    if len(data) < 2 + handover._MAC_LENGTH or data[0] & 1:
        return data
    return data[:2] + signed(data[2:], SENDERS[data[0] >> 1 & 3])


def mutated(data: bytes, others: list[bytes], choose: random.Random) -> bytes:
    """As packets are; mostly signed again."""
    made = packets.changed(data, others, choose)
    return repaired(made) if choose.random() < 0.7 else made


def seeds() -> list[bytes]:
    """One good datagram of each kind, from a neighbour."""
    orders = [
        Order(
            kind=kind,
            vrid=Vrid(52 if kind in (Kind.HERE, Kind.TAKEN, Kind.REFUSED) else 51),
            family=4,
            router=bytes(range(handover.ROUTER_LENGTH)),
            nonce=bytes(handover.NONCE_LENGTH),
            echo=GOOD,
            priority=Priority(100),
            standing=Standing.BACKUP | Standing.READY,
            name="d2",
        )
        for kind in Kind
    ]
    found = [b"\x00\xff" + handover.encode(order, KEY, PEER) for order in orders]
    for state, yours in ((SessionState.DOWN, 0), (SessionState.INIT, OURS), (SessionState.UP, OURS)):
        control = Control(
            state=state, multiplier=3, mine=7, yours=yours, desired_min_tx=50_000, required_min_rx=50_000, poll=True
        )
        found.append(b"\x01\xff" + control_packet.encode(control))
    return found


HERE_I_AM = seeds()[1]


def runs(number: int) -> Iterator[packets.Run]:
    """Without end."""
    return packets.guided(seeds(), number, check, mutated, CODE)
