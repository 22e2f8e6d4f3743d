# SPDX-License-Identifier: Apache-2.0
"""A bounded, coverage-guided fuzz run of what strangers can send to VRRP: `make fuzz`.

Packets with their IP header are mutated from captured ones, and from what was found on the way. Each goes the whole way
that it would go: taken apart, its authentication header, the message, the checks of the instance that it names, the
machine. It fails when anything raises, or when it was neither heard nor counted as refused, exactly once. What goes by
UDP is datagrams.py's. At the end stands how often each outcome was.
"""

from __future__ import annotations

import argparse
import ipaddress
import pathlib
import random
import struct
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from bascule import vrrp
from bascule.daemon.log import Level, Log
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.linux.rawsocket import AH, VRRP, take_apart
from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import (
    AuthHmac,
    AuthType,
    BasculeOptions,
    ChecksumForm,
    HmacKey,
    HmacMode,
    UnicastPeer,
    VirtualAddress,
    VrrpInstance,
    VrrpState,
)
from bascule.vrrp import ah, packet, trailer
from bascule.vrrp.events import ReadyChanged, Start, Timeout
from bascule.vrrp.packet import Advert, Datagram, RefusedPacketError
from tests.fuzz.fuzz import Step, traced

CODE = str(pathlib.Path(vrrp.__path__[0]))

STEPS = 20_000
"""Lines of code that a packet may take: 255 addresses are the most."""

HERE, PEER = ipaddress.IPv4Address("192.168.2.210"), ipaddress.IPv4Address("192.168.2.211")
HERE6, PEER6 = ipaddress.IPv6Address("fe80::210"), ipaddress.IPv6Address("fe80::211")
VIP, VIP6 = ipaddress.IPv4Address("192.168.2.240"), ipaddress.IPv6Address("fe80::240")
SECRET = bytes(range(32))
HMAC = AuthHmac(keys=(HmacKey(number=1, secret=SECRET),), active_key=1, window=Seconds(5.0), monotonic=True)
"""Clocks are not compared: the same number must be the same run."""

STALE = AuthHmac(keys=(HmacKey(number=1, secret=SECRET),), active_key=1, window=Seconds(5.0), mode=HmacMode.PERMISSIVE)
"""Here they are: what was signed at any time of the run's is too old."""

OWN = frozenset[IPAddress]({HERE, HERE6})
INTERESTING = (0, 1, 2, 3, 0x21, 0x31, 50, 51, 52, 53, 54, 100, 112, 127, 128, 254, 255)
SIX = b"\x60\x61"
"""What stands before a packet of IPv6, with its hop limit: by multicast, by unicast."""

AH_SIZE = 24
SIZE_MAX = 1100
_IP = struct.Struct("!BBHHHBBH4s4s")


class Quiet(Log):
    """Thousands of refusals a second need not be read."""

    def write(self, level: Level, event: str, fields: Mapping[str, object]) -> None: ...


class Rim:
    """Nobody is there."""

    def send(self, *_: object) -> None: ...
    def send_whole(self, *_: object) -> None: ...
    def announce(self, *_: object) -> None: ...
    def put(self, *_: object) -> None: ...
    def take(self, *_: object) -> None: ...
    def leave(self, *_: object) -> None: ...


def _instance(vrid: int, version: int, virtual: IPAddress, now: float = 0.0, **changes: object) -> Instance:
    config = VrrpInstance(
        name=f"VI_{vrid}",
        interface="eth0",
        vrid=Vrid(vrid),
        version=version,
        virtual_addresses=(VirtualAddress(address=virtual, prefix_length=32),),
        **changes,  # type: ignore[arg-type]
    )
    made = Instance(config, BasculeOptions(), HERE if virtual.version == 4 else HERE6, Rim(), Quiet("fuzz"))
    made.guard({1: SECRET})
    made.handle(ReadyChanged(True), now)
    made.handle(Start(), now)
    return made


class Director:
    """Instances of every kind, fed with packets; time passes between them."""

    def __init__(self) -> None:
        peers = (UnicastPeer(address=PEER, min_ttl=60),)
        self._configured: dict[tuple[int, int], tuple[int, dict[str, object]]] = {
            (51, 4): (2, {"auth_type": AuthType.PASS, "auth_pass": b"1111"}),
            (52, 4): (2, {"auth_type": AuthType.AH, "auth_pass": b"abcd"}),
            (53, 4): (3, {}),
            (54, 4): (3, {"unicast_peers": peers, "nopreempt": True, "skip_check_adv_addr": True}),
            (55, 4): (3, {"auth_hmac": HMAC}),
            (56, 4): (2, {}),
            (57, 4): (3, {"auth_hmac": STALE}),
            (53, 6): (3, {"preempt_delay": Seconds(2.0)}),
            (54, 6): (3, {"unicast_peers": (UnicastPeer(address=PEER6),)}),
            (55, 6): (3, {"auth_hmac": HMAC}),
            (56, 6): (2, {}),
        }
        self.instances: dict[tuple[int, int], Instance] = {}
        """Those that something came for."""
        self.now = 1.0
        self.refused: dict[str, int] = {}

    def hear(self, data: bytes) -> str:
        """One packet: an IPv4 header before it, or what stands for one of IPv6; its outcome. Raises what must not be
        raised."""
        self.now += 0.25
        before = self.outcomes()
        datagram = datagram_of(data)
        if datagram is None:
            return "nothing"
        try:
            if datagram.header[9:10] == bytes((AH,)):
                datagram = ah.unwrap(datagram)
            datagram = trailer.split(datagram)
            advert = packet.decode(datagram)
        except RefusedPacketError as error:
            self._refuse(error)
        else:
            self._deliver(advert, datagram)
        for instance in self.instances.values():
            if instance.deadline <= self.now:
                instance.handle(Timeout(), self.now)
            assert instance.state in (VrrpState.BACKUP, VrrpState.MASTER)
        (outcome,) = news = self.outcomes() - before
        assert news.total() == 1
        return outcome

    def _deliver(self, advert: Advert, datagram: Datagram) -> None:
        instance = self._instance((advert.vrid, datagram.source.version))
        if instance is None:
            self._refuse(RefusedPacketError(packet.Refusal.VRID, "no such instance"))
        else:
            instance.hear(advert, datagram, OWN, self.now, self.now)

    def _instance(self, router: tuple[int, int]) -> Instance | None:
        if router in self._configured and router not in self.instances:
            version, changes = self._configured[router]
            made = _instance(router[0], version, VIP if router[1] == 4 else VIP6, self.now, **changes)
            self.instances[router] = made
        return self.instances.get(router)

    def _refuse(self, error: RefusedPacketError) -> None:
        self.refused[error.reason.value] = self.refused.get(error.reason.value, 0) + 1

    def outcomes(self) -> Counter[str]:
        """Packets that were heard, and those that were refused by cause."""
        found = Counter(self.refused)
        for each in self.instances.values():
            found.update(each.refusals.counts)
            found["heard"] += each.received
        return found


def _is_six(data: bytes) -> bool:
    return data[:1] != b"" and data[0] in SIX


def datagram_of(data: bytes) -> Datagram | None:
    """What the socket would hand in; None where the kernel or the socket lets nothing through."""
    if _is_six(data):
        destination = packet.GROUP_IPV6 if data[0] == SIX[0] else HERE6
        return Datagram(payload=data[2:], source=PEER6, destination=destination, ttl=data[1] if len(data) > 1 else 255)
    found = take_apart(data)
    if found is None or found.header[9] not in (AH, VRRP):
        return None
    return Datagram(
        payload=found.payload, source=found.source, destination=found.destination, ttl=found.ttl, header=found.header
    )


def check(data: bytes) -> Counter[str]:
    """A new director hears a packet, twice. Raises AssertionError, and whatever must not be raised."""
    director = Director()
    return Counter(director.hear(data) for _ in range(2))


def repaired(data: bytes) -> bytes:
    """The packet with the lengths and checksums that its content asks for, so that the rest is looked at, too."""
    if _is_six(data) and len(data) >= 10:
        return data[:2] + _summed(data[2:], PEER6, packet.GROUP_IPV6 if data[0] == SIX[0] else HERE6)
    if _is_six(data) or len(data) < _IP.size + 8:
        return data
    head, body = bytearray(data[: _IP.size]), data[_IP.size :]
    head[0], head[2:4] = 0x45, len(data).to_bytes(2, "big")
    if head[9] == VRRP:
        return bytes(head) + _summed(body)
    if head[9] == AH and len(body) > AH_SIZE + 8:
        message = _summed(body[AH_SIZE:])
        return ah.wrap(message, PEER, packet.GROUP_IPV4, head[8], int.from_bytes(body[8:12], "big"), b"abcd")
    return bytes(head) + body


def _summed(body: bytes, source: IPAddress = PEER, destination: IPAddress | None = None) -> bytes:
    """A message with the checksum that its content asks for, and its trailer, if there is room for one, signed."""
    datagram = trailer.split(Datagram(payload=body, source=source))
    message, end = datagram.payload, body[len(datagram.payload) :]
    covered = message[:6] + bytes(2) + message[8:]
    head = b"" if destination is None else packet.pseudo_header(source, destination, len(message))
    made = message[:6] + packet.checksum(head + covered).to_bytes(2, "big") + message[8:]
    if datagram.trailer is None:
        return made + end
    found = datagram.trailer
    return trailer.attached(made, trailer.trailer_of(made, source, found.key, SECRET, found.sequence), source)


def mutated(data: bytes, others: list[bytes], choose: random.Random) -> bytes:
    """The packet with some bytes changed; mostly with right checksums and signatures again."""
    made = changed(data, others, choose)
    return repaired(made) if choose.random() < 0.7 else made


def changed(data: bytes, others: list[bytes], choose: random.Random) -> bytes:
    """With some bytes changed, cut out, doubled, or taken from others."""
    changed = bytearray(data)
    for _ in range(choose.choice((1, 1, 2, 4))):
        at = choose.randrange(len(changed) + 1)
        match choose.randrange(5):
            case 0 if changed:
                changed[at % len(changed)] = choose.choice(INTERESTING)
            case 1 if changed:
                changed[at % len(changed)] ^= 1 << choose.randrange(8)
            case 2:
                del changed[at : at + choose.choice((1, 4, 8, 16))]
            case 3:
                changed[at:at] = changed[at : at + choose.choice((4, 8, 24))] * choose.choice((1, 1, 2, 60))
            case _:
                other = choose.choice(others)
                changed[at:] = other[min(at, len(other)) :]
    return bytes(changed[:SIZE_MAX])


def _packet(
    message: bytes,
    protocol: int = VRRP,
    destination: IPAddress = packet.GROUP_IPV4,
    ttl: int = 255,
    source: IPAddress = PEER,
) -> bytes:
    total = _IP.size + len(message)
    return _IP.pack(0x45, 0xC0, total, 1, 0, ttl, protocol, 0, source.packed, destination.packed) + message


def _advert(vrid: int, version: int, virtual: IPAddress = VIP, **changes: object) -> Advert:
    return Advert(
        vrid=Vrid(vrid),
        priority=Priority(150),
        interval=Seconds(1.0),
        addresses=(virtual,),
        version=version,
        **changes,  # type: ignore[arg-type]
    )


def _over_ipv6(vrid: int, version: int = 3, *, unicast: bool = False, sign: bool = False) -> bytes:
    advert = _advert(vrid, version, VIP6, checksum_form=ChecksumForm.PSEUDO_HEADER)
    message = packet.encode(advert, PEER6, HERE6 if unicast else packet.GROUP_IPV6)
    return bytes((SIX[unicast], 255)) + (_signed(message, PEER6) if sign else message)


def _signed(message: bytes, source: IPAddress = PEER) -> bytes:
    return trailer.attached(message, _guard().sign(message, source, 1000.0), source)


def _guard() -> trailer.Guard:
    return trailer.Guard(HMAC, {1: SECRET})


def seeds() -> list[bytes]:
    """One good advert for each instance."""
    password = packet.padded_password(b"1111")
    with_header = packet.encode(_advert(52, 2, auth_type=AuthType.AH))
    return [
        _packet(packet.encode(_advert(51, 2, auth_type=AuthType.PASS, auth_data=password))),
        ah.wrap(with_header, PEER, packet.GROUP_IPV4, 255, 7, b"abcd"),
        _packet(packet.encode(_advert(53, 3, checksum_form=ChecksumForm.PSEUDO_HEADER), PEER)),
        _packet(packet.encode(_advert(54, 3)), destination=HERE),
        _packet(_signed(packet.encode(_advert(55, 3)))),
        _packet(packet.encode(_advert(56, 2))),
        _packet(packet.encode(_advert(57, 3))),
        _over_ipv6(53),
        _over_ipv6(54, unicast=True),
        _over_ipv6(55, sign=True),
        _over_ipv6(56, version=2),
    ]


def strays() -> list[bytes]:
    """Of what changes hardly make: from ourselves, from no peer, signed long ago, without an address."""
    return [
        repaired(_packet(_without_addresses(packet.encode(_advert(53, 3))))),
        _packet(packet.encode(_advert(53, 3)), source=HERE),
        _packet(packet.encode(_advert(54, 3)), destination=HERE, source=VIP),
        _packet(_signed(packet.encode(_advert(57, 3)))),
    ]


def _without_addresses(message: bytes) -> bytes:
    return message[:3] + b"\0" + message[4:8]


Run = tuple[bytes, str | None, int, Counter[str]]
"""What was heard, how it failed (None: it did not), how many steps are known by now, and all outcomes by now."""


def guided(
    seeds: list[bytes],
    number: int,
    check: Callable[[bytes], Counter[str]],
    mutated: Callable[[bytes, list[bytes], random.Random], bytes],
    code: str | tuple[str, ...],
) -> Iterator[Run]:
    """Without end: what takes a new step in the code is kept, and changed further."""
    choose = random.Random(number)
    known: set[Step] = set()
    outcomes: Counter[str] = Counter()
    kept = list(seeds)
    waiting = list(kept)
    while True:
        data = waiting.pop() if waiting else mutated(choose.choice(kept), kept, choose)
        failure = None
        try:
            steps = traced(lambda data=data: outcomes.update(check(data)), code, STEPS)  # type: ignore[misc]
        except Exception:
            failure = traceback.format_exc()
        else:
            if not steps <= known:
                known |= steps
                kept.append(data)
        yield data, failure, len(known), outcomes


def runs(number: int) -> Iterator[Run]:
    """Without end."""
    return guided(seeds() + strays(), number, lambda data: check(data), mutated, CODE)


def follow(name: str, runs: Iterator[Run], number: int, seconds: float) -> int:
    """Until the time is over or one fails; the status."""
    end = time.monotonic() + seconds
    for count, (data, failure, steps, outcomes) in enumerate(runs, 1):
        if failure is not None:
            folder = pathlib.Path("results/fuzz")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}-{count}.{name}").write_text(data.hex() + "\n")
            print(f"{failure}\n{data.hex()} fails, {name} {count} of run {number}")
            return 1
        if time.monotonic() > end:
            for outcome, times in sorted(outcomes.items(), key=lambda entry: -entry[1]):
                print(f"{times:>10,}  {outcome}")
            print(f"{count} {name}s, {steps} different steps, {len(outcomes)} outcomes, no failure")
            break
    return 0


def main() -> int:
    """Packets for one half of the time, what comes by UDP for the other."""
    from tests.fuzz import datagrams

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--number", type=int, default=1, help="which run: another number, other packets")
    arguments = parser.parse_args()
    half = arguments.seconds / 2
    status = follow("packet", runs(arguments.number), arguments.number, half)
    return status or follow("datagram", datagrams.runs(arguments.number), arguments.number, half)


if __name__ == "__main__":
    sys.exit(main())
