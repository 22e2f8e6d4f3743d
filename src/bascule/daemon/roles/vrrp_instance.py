# SPDX-License-Identifier: Apache-2.0
"""One VRRP instance at work: the pure machine, and the hands that carry out what it asks for."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterable

from bascule.daemon.log import Log
from bascule.daemon.roles import vrrp_plan
from bascule.daemon.roles.vrrp_addresses import Placed, lifetime_of, placed_at
from bascule.daemon.roles.vrrp_refusals import Refusals, Seldom
from bascule.daemon.roles.vrrp_rim import Outcome, Rim
from bascule.daemon.roles.vrrp_seats import Seat, plain
from bascule.errors import KernelRefusedError
from bascule.model.base import IPAddress, Priority, Seconds
from bascule.model.configuration import (
    AuthType,
    BasculeOptions,
    ChecksumForm,
    OldChecksum,
    VirtualAddress,
    VrrpInstance,
    VrrpState,
)
from bascule.vrrp import acceptance, ah, packet, trailer
from bascule.vrrp.acceptance import Expected
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
    Settings,
    StandingChanged,
    StateChanged,
    TakeAddresses,
)
from bascule.vrrp.machine_witnessed import WitnessedMachine
from bascule.vrrp.packet import PRIORITY_STOP, Advert, Datagram, RefusedPacketError

LOWER_PAUSE = 1.0
"""Seconds between two reports of adverts of lower priority; else scripts would run at the pace of fast adverts."""

AHEAD = 1 << 22
"""By how much the sequence number of a last will is above the last one sent: 48 days of an advert a second."""

FAREWELL_EARLY = 0.8
"""Of the time for which a farewell with a trailer serves, after so much it is made anew."""

READY_ADVERTS = 3
"""Advert intervals that readiness may hold back a preemption, unless `ready_timeout` says otherwise."""


WITNESS_FRESH = 1.0
"""Seconds, or an advert interval if that is longer, that a witness's answer counts, unless `witness_timeout` says."""


class Instance:
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
        self.seat = seat or plain(config.interface)
        self._rim = rim
        self._log = log
        self._seldom = Seldom()
        self.refusals = Refusals()
        self.sent = 0
        self.tried = 0
        """Adverts sent, and those that the kernel refused."""
        self.received = 0
        self.checksum_forms: dict[str, int] = {}
        """Adverts received, by what their checksum covers."""
        self._lower_at = -math.inf
        self.since = time.time()
        self._guard: trailer.Guard | None = None
        self.sequences: ah.Sequences | None = None
        """Of adverts with an authentication header."""
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
        self.config = config
        self.source = source
        self.owned = owned
        self.addresses = self._placed(_in_order(config.virtual_addresses))
        alike = [entry for entry in config.excluded_addresses if entry.address.version == config.family]
        others = [entry for entry in config.excluded_addresses if entry.address.version != config.family]
        self.excluded = (*self._placed(alike), *self._placed(others))
        """On with the others, and in no advert; a virtual MAC is for one IP version."""
        self.elsewhere = self._elsewhere()
        """The first address of each interface that announces by itself now and then."""
        self.moving = tuple(entry for entry in (*self.addresses, *self.excluded) if entry.address not in owned)
        """The addresses that are put on and taken off."""
        group = vrrp_plan.group_of(config)
        self.destinations = tuple(peer.address for peer in config.unicast_peers) or (group,)
        self.ttl = config.unicast_ttl if config.unicast_peers else packet.TTL
        self.settings = settings_of(config, options, source)
        self.lifetime_setting = options.vip_lifetime
        auth_data = packet.padded_password(b"" if config.family == 6 else config.auth_pass)
        self._expected = Expected(
            vrid=config.vrid,
            interval=config.advert_interval,
            addresses=frozenset(entry.address for entry in self.addresses),
            auth_type=config.auth_type,
            auth_data=auth_data,
            version=config.version,
            peers=config.unicast_peers,
            peers_only=config.check_unicast_source,
            trailer=config.auth_hmac is not None,
            group=group,
            old_checksum=config.old_unicast_checksum is not OldChecksum.NEVER,
        )
        self._familiar: IPAddress | None = None
        """Whose addresses need not be compared again."""
        self._auth_data = bytes(packet.AUTH_LENGTH) if config.auth_type is AuthType.AH else auth_data
        if config.auth_type is not AuthType.AH:
            self.sequences = None
        elif self.sequences is None:
            self.sequences = ah.Sequences(int(time.time()))
        self._form = checksum_form_of(config)
        self._payloads: dict[tuple[Priority, IPAddress], bytes] = {}
        self._remarked: tuple[Advert, IPAddress] | None = None

    def _placed(self, virtual: Iterable[VirtualAddress]) -> tuple[Placed, ...]:
        return tuple(placed_at(entry, self.seat.place(entry, self.config.family)) for entry in virtual)

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
    def name(self) -> str:
        """Its name in the configuration."""
        return self.config.name

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

    @property
    def farewell_each(self) -> float:
        """Seconds after which a farewell is too old: who hears its trailer compares clocks, and numbers."""
        if self._guard is None or not self._guard.signs:
            return math.inf
        return FAREWELL_EARLY * self._guard.farewell_ahead

    def guard(self, secrets: dict[int, bytes]) -> None:
        """Have the keys of `auth_hmac`, by number: before it starts, and at each new configuration."""
        settings = self.config.auth_hmac
        if settings is None:
            self._guard = None
        elif self._guard is None:
            self._guard = trailer.Guard(settings, secrets)
        else:
            self._guard.change(settings, secrets)

    @property
    def number(self) -> int | None:
        """The last sequence number of its adverts, where they have any: the next process goes on from there."""
        if self._guard is not None:
            return self._guard.sent
        return None if self.sequences is None else self.sequences.highest

    def go_on_from(self, number: int) -> None:
        """Send higher numbers than this one, which was the last of the process before."""
        if self._guard is not None:
            self._guard.sent = number
        elif self.sequences is not None and number <= ah.SEQUENCE_MAX:
            self.sequences.highest = number

    def payload(self, priority: Priority, destination: IPAddress) -> bytes:
        """The message of an advert of this priority to a peer or the group."""
        key = (priority, destination)
        if key not in self._payloads:
            group = vrrp_plan.group_of(self.config)
            self._payloads[key] = packet.encode(self._advert(priority), self.source, destination, group)
        return self._payloads[key]

    def _advert(self, priority: Priority) -> Advert:
        config = self.config
        return Advert(
            vrid=config.vrid,
            priority=priority,
            interval=config.advert_interval,
            addresses=tuple(entry.address for entry in self.addresses),
            auth_type=config.auth_type,
            auth_data=self._auth_data,
            version=config.version,
            checksum_form=self._form,
        )

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
        try:
            acceptance.verify(advert, datagram, self._expected, own, datagram.source == self._familiar)
            if self._guard is not None:
                self._say_clock(datagram.source, self._guard.check(datagram, time.time()), now)
            if datagram.ah is not None and self.sequences is not None:
                self.sequences.hear(datagram.source, datagram.ah.sequence)
        except RefusedPacketError as error:
            self._refused(error, datagram.source, now)
            return Outcome([], refused=error)
        self.received += 1
        if self.config.skip_check_adv_addr:
            self._familiar = datagram.source
        form = advert.checksum_form.value
        self.checksum_forms[form] = self.checksum_forms.get(form, 0) + 1
        if advert.checksum_form is ChecksumForm.OLD_UNICAST is not self._form:
            self._fall_back(datagram.source)
        self._remark(advert, datagram, now)
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

    def _say_clock(self, source: IPAddress, odd: str | None, now: float) -> None:
        if odd is not None:
            self._say("clock_differs", f"{source}: {odd}", now)

    def _fall_back(self, source: IPAddress) -> None:
        """Send the old unicast checksum, too, as keepalived means to, until the configuration is another.

        Only for a peer: a stranger's must not decide what peers hear.
        """
        if any(source == peer.address for peer in self.config.unicast_peers):
            self._form = ChecksumForm.OLD_UNICAST
            self._payloads.clear()
            self._log.warning("old_unicast_checksum", instance=self.name, source=source, detail="sent from now on")

    def _remark(self, advert: Advert, datagram: Datagram, now: float) -> None:
        """Say how an advert differs from what is configured here; most are as the one before."""
        if (advert, datagram.source) == self._remarked:
            return
        self._remarked = (advert, datagram.source)
        for remark, detail in acceptance.remarks(advert, datagram, self._expected):
            self._say(remark.value, f"{datagram.source}: {detail}", now)

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

    def _send(self, priority: Priority, now: float) -> None:
        """To the group, or to every peer: one that cannot be reached must not keep the others waiting."""
        behind: trailer.Trailer | None = None
        if self._guard is not None:
            behind = self._guard.sign(self.payload(priority, self.destinations[0]), self.source, time.time())
        for destination in self.destinations:
            payload = trailer.attached(self.payload(priority, destination), behind, self.source)
            self.tried += 1
            try:
                if self.sequences is None:
                    self._rim.send(self.seat.talks, payload, self.source, destination, self.ttl)
                else:
                    whole = self._wrapped(payload, destination, self.sequences.next())
                    self._rim.send_whole(self.seat.talks, whole, self.source, destination)
            except KernelRefusedError as error:
                self._say("advert_not_sent", str(error), now)
                continue
            self.sent += 1

    def _wrapped(self, payload: bytes, destination: IPAddress, sequence: int) -> bytes:
        return ah.wrap(payload, self.source, destination, self.ttl, sequence, self.config.auth_pass)

    def farewell(self, destination: IPAddress) -> tuple[bytes, bool]:
        """What to send if this process dies: an advert of priority 0, and whether it is a whole IP packet.

        A sequence number must be above all that will have been sent by then.
        """
        payload = self.payload(packet.PRIORITY_STOP, destination)
        if self._guard is not None:
            behind = self._guard.sign_farewell(payload, self.source, time.time())
            payload = trailer.attached(payload, behind, self.source)
        if self.sequences is None:
            return payload, False
        return self._wrapped(payload, destination, min(self.sequences.highest + AHEAD, ah.SEQUENCE_MAX)), True

    def _say(self, event: str, detail: str, now: float) -> None:
        count = self._seldom.due(event, now)
        if count:
            self._log.warning(event, instance=self.name, count=count, detail=detail)

    def _refused(self, error: RefusedPacketError, source: IPAddress, now: float) -> None:
        count = self.refusals.count(error, now)
        if count:
            self._log.warning(
                "packet_refused",
                instance=self.name,
                reason=error.reason.value,
                source=source,
                count=count,
                detail=error.detail,
            )


def checksum_form_of(config: VrrpInstance) -> ChecksumForm:
    """What the checksum of an instance's adverts covers before anybody was heard."""
    if config.family == 6:
        return ChecksumForm.PSEUDO_HEADER
    if config.version == 2:
        return ChecksumForm.MESSAGE
    old = config.old_unicast_checksum is OldChecksum.SENT and config.unicast_peers
    return ChecksumForm.OLD_UNICAST if old else config.checksum_form


def settings_of(config: VrrpInstance, options: BasculeOptions, source: IPAddress) -> Settings:
    """What the machine needs of the configuration."""
    ready = options.ready_timeout
    return Settings(
        priority=config.priority,
        interval=config.advert_interval,
        address=source,
        preempt=not config.nopreempt,
        version=config.version,
        ready_timeout=Seconds(READY_ADVERTS * config.advert_interval) if ready is None else ready,
        announcements=config.garp_master_repeat,
        announce_delay=config.garp_master_delay,
        answer=not config.lower_prio_no_advert,
        answer_announcements=config.garp_lower_prio_repeat,
        answer_delay=config.garp_lower_prio_delay,
        last_word=config.higher_prio_send_advert,
        refresh=config.garp_master_refresh,
        refresh_announcements=config.garp_master_refresh_repeat,
        preempt_delay=config.preempt_delay,
        down_adverts=config.down_timer_adverts,
        grouped=config.sync_group is not None,
        witness=_witness(config, options),
    )


def _witness(config: VrrpInstance, options: BasculeOptions) -> Seconds | None:
    if not options.witnesses:
        return None
    return (
        Seconds(max(config.advert_interval, WITNESS_FRESH))
        if options.witness_timeout is None
        else options.witness_timeout
    )


def _in_order(virtual: tuple[VirtualAddress, ...]) -> tuple[VirtualAddress, ...]:
    """Link-local addresses first: RFC 9568 5.2.9 wants one at the head of an IPv6 advert."""
    return tuple(sorted(virtual, key=lambda entry: entry.address.version == 6 and not entry.address.is_link_local))
