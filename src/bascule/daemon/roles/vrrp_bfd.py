# SPDX-License-Identifier: Apache-2.0
"""BFD at work: the pure sessions, their sockets, and what is told to those who track them.

One receiving socket an IP version, whatever the number of sessions; a sending one for each session, from a port of its
own (RFC 5881 4). What waits in the sockets is handed in before a timer is looked at.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable

from bascule.bfd import packet
from bascule.bfd.machine import (
    Changed,
    Command,
    Event,
    Received,
    Reconfigured,
    Send,
    Session,
    Settings,
    Stop,
    Timeout,
    TimerLate,
)
from bascule.bfd.packet import Control, Refusal, RefusedControlError, SessionState
from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_intake import BATCH_MAX, boottime
from bascule.daemon.roles.vrrp_refusals import Seldom
from bascule.errors import KernelRefusedError
from bascule.linux.arrivals import Received as Datagram
from bascule.linux.udpsocket import UdpReceiver, UdpSender
from bascule.model.base import IPAddress, Seconds
from bascule.model.bfd import BfdSession
from bascule.model.messages import BfdHandover
from bascule.model.status import BfdStatus

PORT_ATTEMPTS = 16
"""Source ports that are tried before a session is given up."""

Report = Callable[[str, bool, str], None]
"""Name, up, why; told at start and at each change between up and not up."""


class Peer:
    """One session with its socket."""

    def __init__(self, config: BfdSession, sender: UdpSender, session: Session) -> None:
        """`session` has just begun."""
        self.config = config
        self.sender = sender
        self.session = session
        self.why = "an earlier process left it up" if self.up else "not up yet"
        self.sent = self.received = 0
        self.refused: dict[str, int] = {}

    @property
    def up(self) -> bool:
        """Whether the neighbour can be reached."""
        return self.session.state is SessionState.UP


class Bfd:
    """All sessions of this director."""

    def __init__(self, log: Log, report: Report) -> None:
        """None yet."""
        self._log = log
        self._report = report
        self._seldom = Seldom()
        self._random = random.SystemRandom()
        self._peers: dict[str, Peer] = {}
        self._by_discriminator: dict[int, Peer] = {}
        self._receivers: dict[int, UdpReceiver] = {}
        self.refused: dict[str, int] = {}
        """Packets that belong to no session here, by reason."""
        self.notes: tuple[str, ...] = ()
        """Sessions that do not run, and why."""

    def configure(self, wanted: Iterable[BfdSession], handed: Iterable[BfdHandover] = ()) -> None:
        """Run these sessions; one that only changed its numbers goes on, one that was handed over, too."""
        before = {entry.session: entry for entry in handed}
        entries = {entry.name: entry for entry in wanted}
        for name in [
            name for name in self._peers if name not in entries or _is_another(self._peers[name].config, entries[name])
        ]:
            self._remove(name)
        self.notes = tuple(note for entry in entries.values() if (note := self._run(entry, before.get(entry.name))))
        families = {peer.config.neighbour.version for peer in self._peers.values()}
        for family in set(self._receivers) - families:
            self._receivers.pop(family).close()

    def _run(self, entry: BfdSession, handed: BfdHandover | None) -> str | None:
        peer = self._peers.get(entry.name)
        if peer is not None:
            if peer.config != entry:
                peer.config = entry
                self._handle(peer, Reconfigured(settings_of(entry, peer.session.settings.discriminator)), boottime())
            return None
        try:
            self._begin(entry, handed)
        except KernelRefusedError as error:
            self._log.error("bfd_not_run", session=entry.name, error=error)
            self._report(entry.name, False, f"does not run: {error}")
            return f"bfd_instance {entry.name} does not run: {error}"
        return None

    def _begin(self, entry: BfdSession, handed: BfdHandover | None) -> None:
        family = entry.neighbour.version
        if family not in self._receivers:
            self._receivers[family] = UdpReceiver(family, packet.PORT)
        number = self._new_discriminator() if handed is None else handed.discriminator
        heard = None if handed is None else packet.decode(handed.heard)
        sender = self._opened(entry, None if handed is None else handed.port)
        peer = Peer(entry, sender, Session(settings_of(entry, number), boottime(), heard))
        self._peers[entry.name] = self._by_discriminator[number] = peer
        self._report(entry.name, peer.up, f"is {peer.session.state.name}: {peer.why}")

    def _opened(self, entry: BfdSession, preferred: int | None) -> UdpSender:
        """From a port that nobody has. Raises KernelRefusedError."""
        ports = [self._random.choice(packet.SOURCE_PORTS) for _ in range(PORT_ATTEMPTS)]
        refusal: KernelRefusedError | None = None
        for port in ports if preferred is None else [preferred, *ports]:
            try:
                return UdpSender(entry.source, port, (entry.neighbour, packet.PORT), entry.ttl)
            except KernelRefusedError as error:
                refusal = error
        assert refusal is not None
        raise refusal

    def _new_discriminator(self) -> int:
        while (number := self._random.getrandbits(32)) in {0, *self._by_discriminator}:
            pass
        return number

    def descriptors(self) -> tuple[int, ...]:
        """What to wait for."""
        return tuple(receiver.fileno() for receiver in self._receivers.values())

    def deadline(self) -> float:
        """When `timers` is to be called next."""
        return min((peer.session.deadline() for peer in self._peers.values()), default=math.inf)

    def packets(self) -> None:
        """Hand in what waits."""
        for receiver in self._receivers.values():
            try:
                for _, datagram in zip(range(BATCH_MAX), receiver.receive(), strict=False):
                    self._hear(datagram)
            except KernelRefusedError as error:
                self._say("bfd_receive_failed", str(error))

    def timers(self) -> None:
        """Call every session whose time has come, after handing in what waits for it."""
        if self.deadline() > boottime():
            return
        self.packets()
        for peer in tuple(self._peers.values()):
            now = boottime()
            if peer.session.deadline() <= now:
                self._handle(peer, Timeout(jitter=self._random.random()), now)

    def _hear(self, datagram: Datagram) -> None:
        now = boottime()
        peer: Peer | None = None
        try:
            control = packet.decode(datagram.payload)
            peer = self._whose(control, datagram.source)
            packet.check_hops(datagram.ttl, peer.config.max_hops)
        except RefusedControlError as error:
            self._refuse(error, peer, datagram.source)
            return
        peer.received += 1
        self._handle(peer, Received(control=control, at=now - datagram.age), now)

    def _whose(self, control: Control, source: IPAddress) -> Peer:
        """The session of a packet (RFC 5880 6.8.6): by our discriminator, or by the sender if it knows none yet."""
        if control.yours:
            peer = self._by_discriminator.get(control.yours)
        else:
            peer = next((each for each in self._peers.values() if each.config.neighbour == source), None)
        if peer is None or peer.config.neighbour != source:
            raise RefusedControlError(Refusal.STRANGER, f"no session here is with {source}")
        return peer

    def _refuse(self, error: RefusedControlError, peer: Peer | None, source: IPAddress) -> None:
        counts = self.refused if peer is None else peer.refused
        counts[error.reason.value] = counts.get(error.reason.value, 0) + 1
        self._say("bfd_packet_refused", f"{source}: {error.reason.value}: {error.detail}")

    def _handle(self, peer: Peer, event: Event, now: float) -> None:
        for command in peer.session.handle(event, now):
            self._do(peer, command)

    def _do(self, peer: Peer, command: Command) -> None:
        match command:
            case Send(control=control):
                self._send(peer, control)
            case Changed(previous=previous, state=state, reason=reason):
                peer.why = reason
                self._log.notice(
                    "bfd_state", session=peer.config.name, state=state.name, before=previous.name, why=reason
                )
                if SessionState.UP in (previous, state):
                    self._report(peer.config.name, peer.up, f"is {state.name}: {reason}")
            case TimerLate(seconds=seconds):
                self._say("bfd_timer_late", f"{peer.config.name}: woke {seconds:.3f} s late: waits once more")

    def _send(self, peer: Peer, control: Control) -> None:
        try:
            peer.sender.send(packet.encode(control))
        except KernelRefusedError as error:
            self._say("bfd_not_sent", f"{peer.config.name}: {error}")
            return
        peer.sent += 1

    def _say(self, event: str, detail: str) -> None:
        count = self._seldom.due(event, boottime())
        if count:
            self._log.warning(event, count=count, detail=detail)

    def _remove(self, name: str) -> None:
        peer = self._peers.pop(name)
        self._handle(peer, Stop(), boottime())
        del self._by_discriminator[peer.session.settings.discriminator]
        peer.sender.close()

    def hand_over(self) -> tuple[BfdHandover, ...]:
        """Close everything without a word: a successor goes on with these sessions."""
        handed = tuple(_handed(peer) for peer in self._peers.values() if peer.up)
        for peer in self._peers.values():
            peer.sender.close()
        self._close()
        return handed

    def stop(self) -> None:
        """Tell every neighbour that this is meant, and close."""
        for name in tuple(self._peers):
            self._remove(name)
        self._close()

    def _close(self) -> None:
        for receiver in self._receivers.values():
            receiver.close()
        self._receivers, self._peers, self._by_discriminator = {}, {}, {}

    def status(self) -> tuple[BfdStatus, ...]:
        """How the sessions stand."""
        return tuple(_status(peer) for peer in self._peers.values())


def settings_of(config: BfdSession, discriminator: int) -> Settings:
    """What the machine needs of the configuration."""
    return Settings(
        discriminator=discriminator,
        min_tx=config.min_tx,
        min_rx=config.min_rx,
        idle_tx=config.idle_tx,
        multiplier=config.multiplier,
        passive=config.passive,
    )


def _handed(peer: Peer) -> BfdHandover:
    heard = peer.session.heard
    assert heard is not None, "a session that is up has heard its neighbour"
    return BfdHandover(
        session=peer.config.name,
        discriminator=peer.session.settings.discriminator,
        port=peer.sender.port,
        heard=packet.encode(heard),
    )


def _is_another(before: BfdSession, after: BfdSession) -> bool:
    """Whether it is not the same session any more: it speaks to or from somewhere else."""
    return (before.neighbour, before.source, before.ttl) != (after.neighbour, after.source, after.ttl)


def _status(peer: Peer) -> BfdStatus:
    session = peer.session
    known = math.isfinite(session.detection_time)
    return BfdStatus(
        name=peer.config.name,
        neighbour=peer.config.neighbour,
        state=session.state.name,
        why=peer.why,
        detection_time=Seconds(session.detection_time) if known else None,
        packets_sent=peer.sent,
        packets_received=peer.received,
        packets_refused=dict(peer.refused),
        late_timers=session.late_timers,
    )
