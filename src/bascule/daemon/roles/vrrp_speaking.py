# SPDX-License-Identifier: Apache-2.0
"""An instance's voice: its adverts, with whatever proves that they are its own, to the group or to its peers."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

from bascule.daemon.log import Log
from bascule.daemon.roles import vrrp_plan
from bascule.daemon.roles.vrrp_addresses import Placed, placed_at
from bascule.daemon.roles.vrrp_refusals import Seldom
from bascule.daemon.roles.vrrp_rim import Rim
from bascule.daemon.roles.vrrp_seats import Seat
from bascule.daemon.roles.vrrp_settings import auth_data_of, checksum_form_of, in_order
from bascule.errors import KernelRefusedError
from bascule.model.base import IPAddress, Priority
from bascule.model.configuration import AuthType, VirtualAddress, VrrpInstance
from bascule.vrrp import ah, packet, trailer
from bascule.vrrp.packet import Advert

AHEAD = 1 << 22
"""By how much the sequence number of a last will is above the last one sent: 48 days of an advert a second."""

FAREWELL_EARLY = 0.8
"""Of the time for which a farewell with a trailer serves, after so much it is made anew."""


class Speaker:
    """What an instance says, and how it is signed. Its configuration comes by `_configure`, before anything is said."""

    config: VrrpInstance
    source: IPAddress
    addresses: tuple[Placed, ...]
    destinations: tuple[IPAddress, ...]
    ttl: int

    def __init__(self, rim: Rim, log: Log, seat: Seat) -> None:
        """Nothing has been said."""
        self.seat = seat
        self._rim = rim
        self._log = log
        self._seldom = Seldom()
        self.sent = 0
        self.tried = 0
        """Adverts sent, and those that the kernel refused."""
        self._guard: trailer.Guard | None = None
        self.sequences: ah.Sequences | None = None
        """Of adverts with an authentication header."""

    def _configure(self, config: VrrpInstance, source: IPAddress) -> None:
        """Take a configuration over."""
        self.config = config
        self.source = source
        self.addresses = self._placed(in_order(config.virtual_addresses))
        self.destinations = tuple(peer.address for peer in config.unicast_peers) or (vrrp_plan.group_of(config),)
        self.ttl = config.unicast_ttl if config.unicast_peers else packet.TTL
        self._auth_data = auth_data_of(config)
        if config.auth_type is not AuthType.AH:
            self.sequences = None
        else:
            self._auth_data = bytes(packet.AUTH_LENGTH)
            self.sequences = self.sequences or ah.Sequences(int(time.time()))
        self._form = checksum_form_of(config)
        self._payloads: dict[tuple[Priority, IPAddress], bytes] = {}

    def _placed(self, virtual: Iterable[VirtualAddress]) -> tuple[Placed, ...]:
        return tuple(placed_at(entry, self.seat.place(entry, self.config.family)) for entry in virtual)

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self.config.name

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
