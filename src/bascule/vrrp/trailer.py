# SPDX-License-Identifier: Apache-2.0
"""keepalived 2.4's `auth_hmac`: a trailer behind an advert that proves who made it, and that it is new.

From its published description (keepalived 2.4.1's release notes and article, the abstract of
draft-cassen-vrrp-auth-hmac): 28 bytes behind the advert; HMAC-SHA256 cut to 16 of them; a sequence number of seconds, a
fraction and a small counter, ordered by serial number arithmetic (RFC 1982); the family, the version, the VRID and the
sender's address are bound into the HMAC, the IP header is not.

What that does not say is decided here, and stands in `_LAYOUT`, `_BOUND` and the widths: how the first 4 bytes are
used, how many bits the fraction and the counter have, in what order what is bound goes into the HMAC, and that the
advert's own checksum is of the advert alone. No capture of keepalived 2.4 has confirmed it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import struct

from bascule.model.base import IPAddress
from bascule.model.configuration import AuthHmac, HmacMode
from bascule.vrrp.packet import Datagram, Refusal, RefusedPacketError, advert_size

_LAYOUT = struct.Struct("!BBHQ")
"""Kind, key, nothing, sequence number; the HMAC follows."""

_BOUND = struct.Struct("!BBBB")
"""Family (4 or 6), version, VRID, nothing; the sender's address, the advert and the trailer's start follow."""

_KIND = 1
HMAC_SIZE = 16
SIZE = _LAYOUT.size + HMAC_SIZE
_FRACTION_BITS, _COUNTER_BITS = 24, 8
_SHIFT = _FRACTION_BITS + _COUNTER_BITS
_RANGE, _HALF = 1 << 64, 1 << 63
_SECONDS_RANGE = 1 << 32
SENDERS_MAX = 64


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Trailer:
    """What stands behind an advert."""

    key: int
    sequence: int
    mac: bytes


def split(datagram: Datagram) -> Datagram:
    """The advert of a datagram with its trailer apart; as it is when it has none, or is no advert at all."""
    size = advert_size(datagram)
    data = datagram.payload
    if size is None or len(data) != size + SIZE:
        return datagram
    kind, key, _, sequence = _LAYOUT.unpack_from(data, size)
    if kind != _KIND:
        return datagram
    found = Trailer(key=key, sequence=sequence, mac=data[size + _LAYOUT.size :])
    return dataclasses.replace(datagram, payload=data[:size], trailer=found)


def signed(advert: bytes, source: IPAddress, key: int, secret: bytes, sequence: int) -> bytes:
    """The advert with its trailer."""
    start = _LAYOUT.pack(_KIND, key, 0, sequence)
    return advert + start + _mac(advert, start, source, secret)


def is_authentic(advert: bytes, trailer: Trailer, source: IPAddress, secret: bytes) -> bool:
    """Whether the sender at this address has the key, and nobody has changed anything since."""
    start = _LAYOUT.pack(_KIND, trailer.key, 0, trailer.sequence)
    return hmac.compare_digest(trailer.mac, _mac(advert, start, source, secret))


def _mac(advert: bytes, start: bytes, source: IPAddress, secret: bytes) -> bytes:
    bound = _BOUND.pack(source.version, advert[0] >> 4, advert[1], 0)
    return hmac.new(secret, bound + source.packed + advert + start, hashlib.sha256).digest()[:HMAC_SIZE]


def sequence_at(time: float) -> int:
    """The sequence number of a time in seconds since 1970, its counter 0."""
    return int(time * (1 << _FRACTION_BITS)) << _COUNTER_BITS & _RANGE - 1


def seconds_between(sequence: int, time: float) -> int:
    """How far ahead of a time a sequence number is, in whole seconds; negative: behind. The field may have wrapped."""
    ahead = ((sequence >> _SHIFT) - int(time)) % _SECONDS_RANGE
    return ahead if ahead < _SECONDS_RANGE // 2 else ahead - _SECONDS_RANGE


class Guard:
    """Both sides of an instance: signs what it sends, and judges what it hears. `time` is seconds since 1970."""

    def __init__(self, settings: AuthHmac, secrets: dict[int, bytes]) -> None:
        """`secrets` by number of the key."""
        self._settings = settings
        self._secrets = secrets
        self._sent = 0
        self._heard: dict[IPAddress, int] = {}

    def change(self, settings: AuthHmac, secrets: dict[int, bytes]) -> None:
        """Other keys or another mode; what was heard stays heard."""
        self._settings, self._secrets = settings, secrets

    @property
    def signs(self) -> bool:
        """Whether adverts are sent with a trailer."""
        return self._settings.mode is not HmacMode.RECEIVE_ONLY

    def sign(self, advert: bytes, source: IPAddress, time: float) -> bytes:
        """An advert as it is to be sent now: numbers grow, though the clock may go back."""
        self._sent = max(self._sent + 1, sequence_at(time))
        return self._signed(advert, source, self._sent)

    def sign_for(self, advert: bytes, source: IPAddress, time: float) -> bytes:
        """An advert that is perhaps sent at a time to come, and by another process."""
        return self._signed(advert, source, max(self._sent + 1, sequence_at(time)))

    def _signed(self, advert: bytes, source: IPAddress, sequence: int) -> bytes:
        if not self.signs:
            return advert
        key = self._settings.active_key
        return signed(advert, source, key, self._secrets[key], sequence % _RANGE)

    def check(self, datagram: Datagram, time: float) -> None:
        """Judge an advert's trailer, or that it has none. Raises RefusedPacketError."""
        trailer = datagram.trailer
        if trailer is None:
            if self._settings.mode is HmacMode.ENFORCE:
                raise RefusedPacketError(Refusal.AUTH_TYPE, "without a trailer, which auth_hmac demands")
            return
        secret = self._secrets.get(trailer.key)
        if secret is None:
            raise RefusedPacketError(Refusal.AUTH_DATA, f"key {trailer.key} is not configured here")
        if not is_authentic(datagram.payload, trailer, datagram.source, secret):
            raise RefusedPacketError(Refusal.AUTH_DATA, "another key, or changed on its way")
        if not self._settings.monotonic:
            self._check_age(trailer, time)
        self._check_order(trailer, datagram.source)

    def _check_age(self, trailer: Trailer, time: float) -> None:
        ahead, window = seconds_between(trailer.sequence, time), self._settings.window
        if abs(ahead) > window:
            words = f"{abs(ahead)} s {'ahead of' if ahead > 0 else 'behind'} our clock, {window:g} s are allowed"
            raise RefusedPacketError(Refusal.STALE, words)

    def _check_order(self, trailer: Trailer, source: IPAddress) -> None:
        """RFC 1982: later is what is less than half the range ahead."""
        last = self._heard.pop(source, None)
        if last is not None and not 0 < (trailer.sequence - last) % _RANGE < _HALF:
            self._heard[source] = last
            raise RefusedPacketError(Refusal.REPLAY, "a sequence number that was heard before, or is older")
        self._heard[source] = trailer.sequence
        if len(self._heard) > SENDERS_MAX:
            del self._heard[next(iter(self._heard))]
