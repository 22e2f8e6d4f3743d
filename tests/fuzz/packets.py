# SPDX-License-Identifier: Apache-2.0
"""A bounded, coverage-guided fuzz run of what strangers can send to VRRP: `make fuzz`.

Packets with their IP header are mutated from captured ones, and from what was found on the way. Each goes the whole way
that it would go: taken apart, its authentication header, the message, the checks of the instance that it names, the
machine. It fails when anything raises, or when it was neither heard nor counted as refused, exactly once.
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
from collections.abc import Iterator

from bascule import vrrp
from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.linux.rawsocket import AH, VRRP, take_apart
from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import (
    AuthHmac,
    AuthType,
    BasculeOptions,
    ChecksumForm,
    HmacKey,
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

OWN = frozenset[IPAddress]({HERE, HERE6})
INTERESTING = (0, 1, 2, 3, 0x21, 0x31, 50, 51, 52, 53, 54, 100, 112, 127, 128, 254, 255)
SIZE_MAX = 1100
_IP = struct.Struct("!BBHHHBBH4s4s")


class Rim:
    """Nobody is there."""

    def send(self, *_: object) -> None: ...
    def send_whole(self, *_: object) -> None: ...
    def announce(self, *_: object) -> None: ...
    def put(self, *_: object) -> None: ...
    def take(self, *_: object) -> None: ...
    def leave(self, *_: object) -> None: ...


def _instance(vrid: int, version: int, virtual: IPAddress, **changes: object) -> Instance:
    config = VrrpInstance(
        name=f"VI_{vrid}",
        interface="eth0",
        vrid=Vrid(vrid),
        version=version,
        virtual_addresses=(VirtualAddress(address=virtual, prefix_length=32),),
        **changes,  # type: ignore[arg-type]
    )
    made = Instance(config, BasculeOptions(), HERE if virtual.version == 4 else HERE6, Rim(), Log("fuzz"))
    made.guard({1: SECRET})
    made.handle(ReadyChanged(True), 0.0)
    made.handle(Start(), 0.0)
    return made


class Director:
    """Instances of every kind, fed with packets; time passes between them."""

    def __init__(self) -> None:
        peers = (UnicastPeer(address=PEER, min_ttl=60),)
        password = {"auth_type": AuthType.PASS, "auth_pass": b"1111"}
        self.instances = {
            (51, 4): _instance(51, 2, VIP, **password),
            (52, 4): _instance(52, 2, VIP, auth_type=AuthType.AH, auth_pass=b"abcd"),
            (53, 4): _instance(53, 3, VIP),
            (54, 4): _instance(54, 3, VIP, unicast_peers=peers, nopreempt=True, skip_check_adv_addr=True),
            (55, 4): _instance(55, 3, VIP, auth_hmac=HMAC),
            (53, 6): _instance(53, 3, VIP6, preempt_delay=Seconds(2.0)),
        }
        self.now = 1.0
        self.refused: dict[str, int] = {}

    def hear(self, data: bytes) -> None:
        """One packet: an IPv4 header before it, or the address of an IPv6 peer. Raises what must not be raised."""
        self.now += 0.25
        before = self.counted()
        datagram = datagram_of(data)
        if datagram is None:
            return
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
        assert self.counted() == before + 1

    def _deliver(self, advert: Advert, datagram: Datagram) -> None:
        instance = self.instances.get((advert.vrid, datagram.source.version))
        if instance is None:
            self._refuse(RefusedPacketError(packet.Refusal.VRID, "no such instance"))
        else:
            instance.hear(advert, datagram, OWN, self.now, self.now)

    def _refuse(self, error: RefusedPacketError) -> None:
        self.refused[error.reason.value] = self.refused.get(error.reason.value, 0) + 1

    def counted(self) -> int:
        """Packets that were heard or refused."""
        heard = sum(each.received + sum(each.refusals.counts.values()) for each in self.instances.values())
        return heard + sum(self.refused.values())


def datagram_of(data: bytes) -> Datagram | None:
    """What the socket would hand in; None where the kernel or the socket lets nothing through."""
    if data[:1] == b"\x60":
        return Datagram(
            payload=data[2:], source=PEER6, destination=packet.GROUP_IPV6, ttl=data[1] if len(data) > 1 else 255
        )
    found = take_apart(data)
    if found is None or found.header[9] not in (AH, VRRP):
        return None
    return Datagram(
        payload=found.payload, source=found.source, destination=found.destination, ttl=found.ttl, header=found.header
    )


def check(data: bytes) -> None:
    """A new director hears a packet, twice. Raises AssertionError, and whatever must not be raised."""
    director = Director()
    director.hear(data)
    director.hear(data)


def repaired(data: bytes) -> bytes:
    """The packet with the lengths and checksums that its content asks for, so that the rest is looked at, too."""
    if data[:1] == b"\x60" or len(data) < _IP.size + 8:
        return data
    head, body = bytearray(data[: _IP.size]), bytearray(data[_IP.size :])
    head[0], head[2:4] = 0x45, len(data).to_bytes(2, "big")
    if head[9] == VRRP:
        body[6:8] = bytes(2)
        body[6:8] = packet.checksum(bytes(body)).to_bytes(2, "big")
    return bytes(head + body)


def mutated(data: bytes, others: list[bytes], choose: random.Random) -> bytes:
    """The packet with some bytes changed, cut out, doubled, or taken from others; mostly with right checksums again."""
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
    made = bytes(changed[:SIZE_MAX])
    return repaired(made) if choose.random() < 0.7 else made


def _packet(message: bytes, protocol: int = VRRP, destination: IPAddress = packet.GROUP_IPV4, ttl: int = 255) -> bytes:
    total = _IP.size + len(message)
    return _IP.pack(0x45, 0xC0, total, 1, 0, ttl, protocol, 0, PEER.packed, destination.packed) + message


def seeds() -> list[bytes]:
    """One good advert of each kind."""
    found: list[bytes] = []
    for vrid, version, interval in ((51, 2, 1.0), (52, 2, 1.0), (53, 3, 1.0), (54, 3, 1.0)):
        kind = {51: AuthType.PASS, 52: AuthType.AH}.get(vrid, AuthType.NONE)
        data = packet.padded_password(b"1111") if vrid == 51 else bytes(8)
        advert = Advert(
            vrid=Vrid(vrid),
            priority=Priority(150),
            interval=Seconds(interval),
            addresses=(VIP,),
            auth_type=kind,
            auth_data=data,
            version=version,
        )
        message = packet.encode(advert)
        if vrid == 52:
            found.append(ah.wrap(message, PEER, packet.GROUP_IPV4, 255, 7, b"abcd"))
        else:
            found.append(_packet(message, destination=HERE if vrid == 54 else packet.GROUP_IPV4))
    signed = Advert(vrid=Vrid(55), priority=Priority(150), interval=Seconds(1.0), addresses=(VIP,), version=3)
    message = packet.encode(signed)
    behind = trailer.Guard(HMAC, {1: SECRET}).sign(message, PEER, 1000.0)
    found.append(_packet(trailer.attached(message, behind, PEER)))
    over_ipv6 = Advert(
        vrid=Vrid(53),
        priority=Priority(100),
        interval=Seconds(1.0),
        addresses=(VIP6,),
        version=3,
        checksum_form=ChecksumForm.PSEUDO_HEADER,
    )
    found.append(b"\x60\xff" + packet.encode(over_ipv6, PEER6))
    return found


def runs(number: int) -> Iterator[tuple[bytes, str | None, int]]:
    """Without end: a packet that was heard, how it failed (None: it did not), and how many steps are known by now."""
    choose = random.Random(number)
    known: set[Step] = set()
    kept = seeds()
    waiting = list(kept)
    while True:
        data = waiting.pop() if waiting else mutated(choose.choice(kept), kept, choose)
        failure = None
        try:
            steps = traced(lambda data=data: check(data), CODE, STEPS)  # type: ignore[misc]
        except Exception:
            failure = traceback.format_exc()
        else:
            if not steps <= known:
                known |= steps
                kept.append(data)
        yield data, failure, len(known)


def main() -> int:
    """Run until the time is over or a packet fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--number", type=int, default=1, help="which run: another number, other packets")
    arguments = parser.parse_args()
    end = time.monotonic() + arguments.seconds
    for count, (data, failure, steps) in enumerate(runs(arguments.number), 1):
        if failure is not None:
            folder = pathlib.Path("results/fuzz")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{arguments.number}-{count}.packet").write_text(data.hex() + "\n")
            print(f"{failure}\n{data.hex()} fails, packet {count} of run {arguments.number}")
            return 1
        if time.monotonic() > end:
            print(f"{count} packets, {steps} different steps, no failure")
            break
    return 0


if __name__ == "__main__":
    sys.exit(main())
