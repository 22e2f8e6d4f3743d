# SPDX-License-Identifier: Apache-2.0
"""One VRRP instance at work: the pure machine, with a voice, an ear, and a rim that does what the machine asks for."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterable

from bascule.daemon.log import Log
from bascule.daemon.roles import vrrp_plan
from bascule.daemon.roles.vrrp_addresses import Placed, lifetime_of
from bascule.daemon.roles.vrrp_listening import Listener
from bascule.daemon.roles.vrrp_rim import Outcome, Rim
from bascule.daemon.roles.vrrp_seats import Seat, plain
from bascule.daemon.roles.vrrp_settings import settings_of
from bascule.errors import KernelRefusedError
from bascule.model.base import IPAddress
from bascule.model.configuration import BasculeOptions, VrrpInstance, VrrpState
from bascule.vrrp.events import (
    AdvertReceived,
    Announce,
    AskWitness,
    Drain,
    Event,
    LeaveAddresses,
    Notice,
    Noticed,
    PutAddresses,
    SendAdvert,
    StandingChanged,
    StateChanged,
    TakeAddresses,
)
from bascule.vrrp.machine_witnessed import WitnessedMachine
from bascule.vrrp.packet import PRIORITY_STOP, Advert, Datagram

LOWER_PAUSE = 1.0
"""Seconds between two reports of adverts of lower priority; else scripts would run at the pace of fast adverts."""


class Instance(Listener):
    """A machine with its configuration and counters. `deadline` is kept here so that a loop over many is cheap."""

    def __init__(
        self,
        config: VrrpInstance,
        options: BasculeOptions,
        source: IPAddress,
        rim: Rim,
        log: Log,
        owned: frozenset[IPAddress] = frozenset(),
        seat: Seat | None = None,
    ) -> None:
        """An instance that has not started; `source` is where its adverts come from, `owned` as in `configure`,
        `seat` where it works.
        """
        super().__init__(rim, log, seat or plain(config.interface))
        self._lower_at = -math.inf
        self.since = time.time()
        self.standing = StandingChanged()
        """What the machine was last told of faults and weights."""
        self.configure(config, options, source, owned)
        self.machine = WitnessedMachine(self.settings)
        self.deadline = self.machine.deadline()

    def configure(
        self, config: VrrpInstance, options: BasculeOptions, source: IPAddress, owned: frozenset[IPAddress]
    ) -> None:
        """Take a configuration over; the machine is told by `Reconfigured(instance.settings)`.

        `owned` are the virtual addresses that are this host's own: announced, but neither put on nor taken off.
        """
        self._configure(config, source)
        self.owned = owned
        alike = [entry for entry in config.excluded_addresses if entry.address.version == config.family]
        others = [entry for entry in config.excluded_addresses if entry.address.version != config.family]
        self.excluded = (*self._placed(alike), *self._placed(others))
        """On with the others, and in no advert; a virtual MAC is for one IP version."""
        self.elsewhere = self._elsewhere()
        """The first address of each interface that announces by itself now and then."""
        self.moving = tuple(entry for entry in (*self.addresses, *self.excluded) if entry.address not in owned)
        """The addresses that are put on and taken off."""
        self.settings = settings_of(config, options, source)
        self.lifetime_setting = options.vip_lifetime

    def _elsewhere(self) -> tuple[Placed, ...]:
        """As keepalived 2.2.7 chooses them: with `vmac_xmit_base` the instance's own macvlan is among them."""
        told = None if self.seat.talks == self.seat.base != self.seat.holds else self.seat.talks
        first: dict[str, Placed] = {}
        for entry in (*self.addresses, *self.excluded):
            if entry.interface != told and (self.config.garp_extra_all or entry.interface in self.seat.made):
                first.setdefault(entry.interface, entry)
        return tuple(first.values())

    def move(self, source: IPAddress) -> None:
        """Send from another address from now on; the machine is told by `Reconfigured(instance.settings)`."""
        self.source = source
        self.settings = dataclasses.replace(self.settings, address=source)
        self._payloads.clear()

    @property
    def interfaces(self) -> frozenset[str]:
        """Every interface that it uses."""
        return frozenset((*self.seat.every, *vrrp_plan.interfaces_of(self.config)))

    @property
    def made_of(self) -> tuple[object, ...]:
        """What a configuration decides: when it is another, the machine is to be told."""
        return (self.config, self.settings, self.lifetime_setting, self.source, self.owned, self.seat)

    @property
    def state(self) -> VrrpState:
        """Its state now."""
        return self.machine.state

    def hear(
        self,
        advert: Advert,
        datagram: Datagram,
        own: frozenset[IPAddress],
        at: float,
        now: float,
        awake_since: float = math.inf,
    ) -> Outcome:
        """An advert with this VRID came in at `at`; one that does not pass is counted and said seldom."""
        refused = self._accept(advert, datagram, own, now)
        if refused is not None:
            return Outcome([], refused=refused)
        heard = AdvertReceived(
            source=datagram.source,
            priority=advert.priority,
            interval=advert.interval,
            received_at=at,
            awake_since=awake_since,
        )
        active = self.state is VrrpState.MASTER
        outcome = self.handle(heard, now)
        outcome.heard = heard
        if active and PRIORITY_STOP < heard.priority < self.machine.priority and now - self._lower_at >= LOWER_PAUSE:
            self._lower_at, outcome.lower = now, heard
        return outcome

    def handle(self, event: Event, now: float) -> Outcome:
        """Have the machine decide, and do what it asks for."""
        outcome = Outcome([])
        for command in self.machine.handle(event, now):
            match command:
                case SendAdvert(priority=priority):
                    self._send(priority, now)
                case PutAddresses():
                    lifetime = lifetime_of(self.lifetime_setting, self.machine.down_interval)
                    self._rim.put(self.name, self.moving, lifetime, now)
                case TakeAddresses():
                    self._rim.take(self.name, self.moving)
                case LeaveAddresses():
                    self._rim.leave(self.name, self.moving, now)
                case Announce(times=times):
                    self.announce(times, now)
                case Drain():
                    outcome.drain = True
                case StateChanged():
                    self.since = time.time()
                    outcome.changes.append(command)
                case AskWitness():
                    outcome.asks = True
                case Noticed():
                    self._notice(command, outcome, now)
        self.deadline = self.machine.deadline()
        return outcome

    def _notice(self, noticed: Noticed, outcome: Outcome, now: float) -> None:
        """Alarms are said elsewhere."""
        match noticed.notice:
            case Notice.ACTIVE_VANISHED:
                outcome.vanished = noticed.detail
            case Notice.WITNESS_SILENT:
                outcome.unwitnessed = noticed.detail
            case notice:
                outcome.second = outcome.second or notice is Notice.SECOND_ACTIVE
                self._say(notice.value, noticed.detail, now)

    def announce(self, times: int, now: float) -> None:
        """Gratuitous ARP or neighbour advertisements for each virtual address, `times` times in turn, as keepalived."""
        self._announce((*self.addresses, *self.excluded) * times, now)

    def announce_elsewhere(self, now: float) -> None:
        """One announcement by each interface whose MAC no advert tells the switches (`garp_extra_if`)."""
        self._announce(self.elsewhere, now)

    def _announce(self, entries: Iterable[Placed], now: float) -> None:
        try:
            for entry in entries:
                self._rim.announce(entry.interface, entry.address)
        except KernelRefusedError as error:
            self._say("announcement_not_sent", str(error), now)
