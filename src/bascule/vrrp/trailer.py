# SPDX-License-Identifier: Apache-2.0
"""keepalived 2.4's `auth_hmac`: a trailer behind an advert that proves who made it, and that it is new.

From its published description (keepalived's article and release notes up to 2.4.3) and from packets of keepalived
2.4.3, which verify with what stands here. The trailer is 28 bytes: a kind, the key's number, two zeros, a sequence
number of 32 bits of seconds since 1970, 16 of a fraction and 16 of a counter, ordered by serial number arithmetic
(RFC 1982); then HMAC-SHA256 cut to 16 bytes. The HMAC covers the family, the version, the VRID and the sender's
address, the advert with its checksum as zeros, and the trailer with its HMAC as zeros; the IP header it does not.

The advert's own checksum is of the advert alone, except over IPv6: there a kernel makes it, and of all that is sent. So
the checksum stays out of the HMAC, and one trailer serves the copies of an advert to all peers.

2.4.0 and 2.4.1 had other layouts and do not hear this one (its release notes: "every node must run the same version").
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import struct

from bascule.model.base import IPAddress
from bascule.model.configuration import AuthHmac, HmacMode
from bascule.vrrp.packet import CHECKSUM, Datagram, Refusal, RefusedPacketError, advert_size, with_more

_LAYOUT = struct.Struct("!BBHQ")
"""Kind, key, nothing, sequence number; the HMAC follows."""

_BOUND = struct.Struct("!BBBx16s")
"""Family (4 or 6), version, VRID, nothing, the sender's address (IPv4: zeros after it); the advert and the trailer
follow."""

_KIND = 1
HMAC_SIZE = 16
SIZE = _LAYOUT.size + HMAC_SIZE
_FRACTION_BITS, _COUNTER_BITS = 16, 16
_SHIFT = _FRACTION_BITS + _COUNTER_BITS
_RANGE, _HALF = 1 << 64, 1 << 63
_SECONDS_RANGE = 1 << 32
SENDERS_MAX = 64

FAREWELL_AHEAD = 1.25
"""Seconds by which a farewell that is made in advance is above what was sent until then."""


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Trailer:
    """What stands behind an advert."""

    key: int
    sequence: int
    mac: bytes

    @property
    def packed(self) -> bytes:
        """As it is on the wire."""
        return _LAYOUT.pack(_KIND, self.key, 0, self.sequence) + self.mac


def split(datagram: Datagram) -> Datagram:
    """The advert of a datagram with its trailer apart; as it is when it has none, or is no advert at all."""
    size = advert_size(datagram)
    data = datagram.payload
    if size is None or len(data) != size + SIZE:
        return datagram
    kind, key, nothing, sequence = _LAYOUT.unpack_from(data, size)
    if kind != _KIND or nothing:
        return datagram
    found = Trailer(key=key, sequence=sequence, mac=data[size + _LAYOUT.size :])
    return dataclasses.replace(datagram, payload=data[:size], trailer=found)


def trailer_of(advert: bytes, source: IPAddress, key: int, secret: bytes, sequence: int) -> Trailer:
    """The trailer that the sender at this address puts behind an advert."""
    unsigned = Trailer(key=key, sequence=sequence, mac=bytes(HMAC_SIZE))
    bound = _BOUND.pack(source.version, advert[0] >> 4, advert[1], source.packed)
    covered = bound + advert[: CHECKSUM.start] + bytes(2) + advert[CHECKSUM.stop :] + unsigned.packed
    return dataclasses.replace(unsigned, mac=hmac.digest(secret, covered, hashlib.sha256)[:HMAC_SIZE])


def attached(advert: bytes, trailer: Trailer | None, source: IPAddress) -> bytes:
    """What is sent: the advert with its trailer, if it has one."""
    if trailer is None:
        return advert
    return with_more(advert, trailer.packed) if source.version == 6 else advert + trailer.packed


def is_authentic(advert: bytes, trailer: Trailer, source: IPAddress, secret: bytes) -> bool:
    """Whether the sender at this address has the key, and nobody has changed anything since."""
    return hmac.compare_digest(trailer.mac, trailer_of(advert, source, trailer.key, secret, trailer.sequence).mac)


def sequence_at(time: float) -> int:
    """The sequence number of a time in seconds since 1970, its counter 0."""
    return int(time * (1 << _FRACTION_BITS)) << _COUNTER_BITS & _RANGE - 1


def is_later(sequence: int, other: int) -> bool:
    """RFC 1982: later is what is less than half the range ahead."""
    return 0 < (sequence - other) % _RANGE < _HALF


def seconds_between(sequence: int, time: float) -> int:
    """How far ahead of a time a sequence number is, in whole seconds; negative: behind. The field may have wrapped."""
    ahead = ((sequence >> _SHIFT) - int(time)) % _SECONDS_RANGE
    return ahead if ahead < _SECONDS_RANGE // 2 else ahead - _SECONDS_RANGE


class Guard:
    """Both sides of an instance: signs what it sends, and judges what it hears. `time` is seconds since 1970.

    Where clocks count, a number outside the window of ours is from a time when a clock was wrong: one of ours is not
    continued, and one heard is no measure of what is new (so does keepalived since 2.4.3). Where only the order counts,
    numbers grow whatever clocks do.
    """

    def __init__(self, settings: AuthHmac, secrets: dict[int, bytes]) -> None:
        """`secrets` by number of the key."""
        self._settings = settings
        self._secrets = secrets
        self.sent: int | None = None
        """The last number."""
        self._heard: dict[IPAddress, int] = {}

    def change(self, settings: AuthHmac, secrets: dict[int, bytes]) -> None:
        """Other keys or another mode; what was heard stays heard."""
        self._settings, self._secrets = settings, secrets

    @property
    def signs(self) -> bool:
        """Whether adverts are sent with a trailer."""
        return self._settings.mode is not HmacMode.RECEIVE_ONLY

    @property
    def farewell_ahead(self) -> float:
        """Seconds for which a farewell made now stays above what is sent; a narrow window has less room."""
        return min(FAREWELL_AHEAD, self._settings.window / 2)

    def sign(self, advert: bytes, source: IPAddress, time: float) -> Trailer | None:
        """The trailer of an advert that is sent now, one for all its copies. None = it goes without."""
        if not self.signs:
            return None
        self.sent = self._next(time)
        return self._trailer(advert, source, self.sent)

    def sign_farewell(self, advert: bytes, source: IPAddress, time: float) -> Trailer | None:
        """That of an advert that is perhaps sent until `farewell_ahead` from now, and by another process."""
        if not self.signs:
            return None
        return self._trailer(advert, source, (self._next(time) + sequence_at(self.farewell_ahead)) % _RANGE)

    def _next(self, time: float) -> int:
        """The clock's, unless it went back behind the last one."""
        now, last = sequence_at(time), self.sent
        if last is None or is_later(now, last) or self._is_out(last, time):
            return now
        return (last + 1) % _RANGE

    def _trailer(self, advert: bytes, source: IPAddress, sequence: int) -> Trailer:
        key = self._settings.active_key
        return trailer_of(advert, source, key, self._secrets[key], sequence)

    def check(self, datagram: Datagram, time: float) -> str | None:
        """Judge an advert's trailer, or that it has none. Raises RefusedPacketError.

        Returns words about the sender's clock, where that will soon be reason to refuse.
        """
        trailer = datagram.trailer
        if trailer is None:
            if self._settings.mode is HmacMode.ENFORCE:
                raise RefusedPacketError(Refusal.AUTH_TYPE, "without a trailer, which auth_hmac demands")
            return None
        secret = self._secrets.get(trailer.key)
        if secret is None:
            raise RefusedPacketError(Refusal.AUTH_DATA, f"key {trailer.key} is not configured here")
        if not is_authentic(datagram.payload, trailer, datagram.source, secret):
            raise RefusedPacketError(Refusal.AUTH_DATA, "another key, or changed on its way")
        ahead, window = seconds_between(trailer.sequence, time), self._settings.window
        words = f"{abs(ahead)} s {'ahead of' if ahead > 0 else 'behind'} our clock, {window:g} s are allowed"
        if self._is_out(trailer.sequence, time):
            raise RefusedPacketError(Refusal.STALE, words)
        self._check_order(trailer, datagram.source, time)
        return words if not self._settings.monotonic and abs(ahead) > max(1.0, window / 2) else None

    def _is_out(self, sequence: int, time: float) -> bool:
        """Whether a number is outside the window of our clock, by whole seconds; never where clocks do not count."""
        return not self._settings.monotonic and abs(seconds_between(sequence, time)) > self._settings.window

    def _check_order(self, trailer: Trailer, source: IPAddress, time: float) -> None:
        last = self._heard.pop(source, None)
        if last is not None and not self._is_out(last, time) and not is_later(trailer.sequence, last):
            self._heard[source] = last
            raise RefusedPacketError(Refusal.REPLAY, "a sequence number that was heard before, or is older")
        self._heard[source] = trailer.sequence
        if len(self._heard) > SENDERS_MAX:
            del self._heard[next(iter(self._heard))]
