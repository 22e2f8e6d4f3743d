# SPDX-License-Identifier: Apache-2.0
"""Packets that keepalived 2.4.3 sent, run with `auth_hmac` in a network namespace and captured by tcpdump: two adverts
and the one of priority 0 that SIGTERM made it send, of each kind. What they have in common is VRID 51, priority 100
and `SECRETS`. And what no change of them gets past."""

from __future__ import annotations

import dataclasses
import ipaddress
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import AuthHmac, ChecksumForm, HmacKey
from bascule.vrrp import packet, trailer
from bascule.vrrp.packet import Advert, Datagram, Refusal, RefusedPacketError
from bascule.vrrp.trailer import SIZE, Guard, sequence_at, split

SECRETS = {1: bytes(range(32)), 2: b"a-second-key-of-more-than-32-bytes-in-ASCII"}


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Capture:
    """What was seen of one configuration."""

    name: str
    source: str
    destination: str
    ttl: int
    key: int
    at: int
    """When the first one passed, whole seconds since 1970."""
    adverts: tuple[str, ...]
    """Messages in hexadecimal digits, their trailers on lines of their own."""

    @property
    def datagrams(self) -> list[Datagram]:
        """As they came."""
        source, destination = ipaddress.ip_address(self.source), ipaddress.ip_address(self.destination)
        messages = [bytes.fromhex(advert) for advert in self.adverts]
        return [Datagram(payload=m, source=source, destination=destination, ttl=self.ttl) for m in messages]


CAPTURES = (
    Capture(
        name="v2",
        source="192.168.2.211",
        destination="224.0.0.18",
        ttl=255,
        key=1,
        at=1796045869,
        adverts=(
            "213364010001b731c0a802f00000000000000000010100006b0d7c2d8e5300008379518fca56c2424994a5a79190d2be",
            "213364010001b731c0a802f00000000000000000010100006b0d7c2e8ee80000a372acc086f2e0c2b6e22b294861866b",
            "2133000100011b32c0a802f00000000000000000010100006b0d7c31a48c0000cd140e3846ac80a31bf6fd533d8fdaf3",
        ),
    ),
    Capture(
        name="v2-key2",
        source="192.168.2.211",
        destination="224.0.0.18",
        ttl=255,
        key=2,
        at=1796045880,
        adverts=(
            "213364010001b731c0a802f00000000000000000010200006b0d7c386ddb0000f45e666720f7092d3e5f82f29e83724c",
            "213364010001b731c0a802f00000000000000000010200006b0d7c396e7e0000a0602fdc02ff0f0699abcefaa25ff36c",
            "2133000100011b32c0a802f00000000000000000010200006b0d7c3c86b3000073c0fb091f12152e330b34343dd6f390",
        ),
    ),
    Capture(
        name="v2-unicast",
        source="192.168.2.211",
        destination="192.168.2.210",
        ttl=255,
        key=1,
        at=1796045911,
        adverts=(
            "213364010001b731c0a802f00000000000000000010100006b0d7c573291000035458d3293574376b4be813fa4de791e",
            "213364010001b731c0a802f00000000000000000010100006b0d7c58334a000029d564dd5c06b7bfaebb6048355a8f92",
            "2133000100011b32c0a802f00000000000000000010100006b0d7c5b4ad300007f432e78c7abc427871295b3e1d2dad1",
        ),
    ),
    Capture(
        name="v2-ipv6",
        source="fe80::c0ff:fea8:2d3",
        destination="ff02::12",
        ttl=255,
        key=1,
        at=1796049721,
        adverts=(
            "213364020001ed36fe800000000000000000000000000053fd020000000000000000000000000240"
            "010100006b0d8b399b0500005421e199d15c57fcb00789da77982bd9",
            "213364020001da74fe800000000000000000000000000053fd020000000000000000000000000240"
            "010100006b0d8b3a9c1200007c3dac754005e2e8efd9acef2c0039b1",
            "2133000200015b3cfe800000000000000000000000000053fd020000000000000000000000000240"
            "010100006b0d8b3daf070000ceff3c7d3f2cde42716a4dd8235312db",
        ),
    ),
    Capture(
        name="v3",
        source="192.168.2.211",
        destination="224.0.0.18",
        ttl=255,
        key=1,
        at=1796045889,
        adverts=(
            "31336401003202f6c0a802f0010100006b0d7c414c630000453765b38d8335ccb374ea6f366dab20",
            "31336401003202f6c0a802f0010100006b0d7c41ce7c0000f801dd57118bd6673a82ad09a9f78bd0",
            "31330001003266f6c0a802f0010100006b0d7c4360420000b2cc6eda36e25b3b1e089782b1310122",
        ),
    ),
    Capture(
        name="v3-key2",
        source="192.168.2.211",
        destination="224.0.0.18",
        ttl=255,
        key=2,
        at=1796045895,
        adverts=(
            "31336401003202f6c0a802f0010200006b0d7c47f245000053a6bb4e185c44842fadb74f04e1ed08",
            "31336401003202f6c0a802f0010200006b0d7c4872eb0000af9efb0216e98bcf78f044faff03d352",
            "31330001003266f6c0a802f0010200006b0d7c49feb00000ec089100fddc7270a8ffab63a075ac79",
        ),
    ),
    Capture(
        name="v3-unicast",
        source="192.168.2.211",
        destination="192.168.2.210",
        ttl=255,
        key=1,
        at=1796045902,
        adverts=(
            "3133640100321f8ec0a802f0010100006b0d7c4eac2d000082c694d6535f414df6c88dfdd603ae19",
            "3133640100321f8ec0a802f0010100006b0d7c4f2cd20000481840e0ce8754e3cdcd3926f84de4f1",
            "313300010032838ec0a802f0010100006b0d7c50be690000267346aa94932549d83e8ec231ad1cdd",
        ),
    ),
    Capture(
        name="v3-ipv6",
        source="fe80::c0ff:fea8:2d3",
        destination="ff02::12",
        ttl=255,
        key=1,
        at=1796045920,
        adverts=(
            "313364020032ac7afe800000000000000000000000000053fd020000000000000000000000000240"
            "010100006b0d7c6065ef0000d3a486c35f0d2403bd55e27b1ec214d6",
            "313364020032fbbbfe800000000000000000000000000053fd020000000000000000000000000240"
            "010100006b0d7c60e6910000a066086216fc3194bb10dec25880fd51",
            "3133000200320420fe800000000000000000000000000053fd020000000000000000000000000240"
            "010100006b0d7c6278d900004567911eb8183665e312aeb505dd4da8",
        ),
    ),
    Capture(
        name="v3-ipv6-key2",
        source="fe80::c0ff:fea8:2d3",
        destination="ff02::12",
        ttl=255,
        key=2,
        at=1796045927,
        adverts=(
            "3133640200321ce9fe800000000000000000000000000053fd020000000000000000000000000240"
            "010200006b0d7c6781a50000687465e7da38409f6bf094e0c7ea72c6",
            "313364020032911efe800000000000000000000000000053fd020000000000000000000000000240"
            "010200006b0d7c680240000006de8ca797e09f1421a61a378c3c9d50",
            "3133000200328055fe800000000000000000000000000053fd020000000000000000000000000240"
            "010200006b0d7c6996f60000359e1ad35bd9b0529508cb494f950372",
        ),
    ),
    Capture(
        name="v3-ipv6-unicast",
        source="fd02::211",
        destination="fd02::210",
        ttl=64,
        key=1,
        at=1796045934,
        adverts=(
            "313364020032eef5fe800000000000000000000000000053fd020000000000000000000000000240"
            "010100006b0d7c6e99970000fb193b67d9311ff3bd731e7f9e3752cb",
            "3133640200325981fe800000000000000000000000000053fd020000000000000000000000000240"
            "010100006b0d7c6f1a3e0000afb10fd4e0a0a205ef8de319fb49014b",
            "313300020032c822fe800000000000000000000000000053fd020000000000000000000000000240"
            "010100006b0d7c70aec8000055df566a634af4b1b8d1201599d2fb3c",
        ),
    ),
)

each_kind = pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.name)
MESSAGES = [(datagram, capture.at) for capture in CAPTURES for datagram in capture.datagrams]


def guard(active: int = 1, monotonic: bool = False) -> Guard:
    keys = tuple(HmacKey(number=number, secret=secret) for number, secret in SECRETS.items())
    settings = AuthHmac(keys=keys, active_key=active, window=Seconds(5.0), monotonic=monotonic)
    return Guard(settings, SECRETS)


def refusal(receiver: Guard, datagram: Datagram, time: float) -> Refusal:
    with pytest.raises(RefusedPacketError) as caught:
        receiver.check(datagram, time)
    return caught.value.reason


def judged(datagram: Datagram, time: float) -> Refusal | None:
    """Why a message is refused by who has heard nothing before; None = it is heard."""
    try:
        found = split(datagram)
        packet.decode(found)
        guard().check(found, time)
    except RefusedPacketError as error:
        return error.reason
    return None


@each_kind
def test_what_keepalived_sent_is_heard(capture: Capture) -> None:
    receiver = guard()
    for datagram, priority in zip(capture.datagrams, (100, 100, 0), strict=True):
        found = split(datagram)
        advert = packet.decode(found)
        assert (advert.vrid, advert.priority) == (51, priority)
        alone = advert.version == 2 and datagram.source.version == 4
        assert advert.checksum_form is (ChecksumForm.MESSAGE if alone else ChecksumForm.PSEUDO_HEADER)
        assert found.trailer is not None
        assert found.trailer.key == capture.key
        assert receiver.check(found, capture.at + 2) is None
        assert refusal(receiver, found, capture.at + 2) is Refusal.REPLAY


@each_kind
def test_we_make_the_same_bytes(capture: Capture) -> None:
    for datagram in capture.datagrams:
        found = split(datagram)
        assert found.trailer is not None
        advert, source = packet.decode(found), datagram.source
        message = packet.encode(advert, source, datagram.destination)
        secret = SECRETS[capture.key]
        made = trailer.trailer_of(message, source, capture.key, secret, found.trailer.sequence)
        assert trailer.attached(message, made, source) == datagram.payload


@each_kind
def test_they_are_of_their_time(capture: Capture) -> None:
    for datagram in capture.datagrams:
        found = split(datagram)
        assert found.trailer is not None
        second = found.trailer.sequence >> 32
        for off, expected in ((-5, None), (5.9, None), (-5.1, Refusal.STALE), (6, Refusal.STALE)):
            assert judged(datagram, second + off) is expected, off
        guard(monotonic=True).check(found, second + 1e6)


@each_kind
def test_they_are_their_sender_s_and_their_router_s(capture: Capture) -> None:
    first = split(capture.datagrams[0])
    other = dataclasses.replace(first, source=first.source + 1)
    assert refusal(guard(), other, capture.at) is Refusal.AUTH_DATA
    strange = dataclasses.replace(first, payload=first.payload[:1] + b"\x34" + first.payload[2:])
    assert refusal(guard(), strange, capture.at) is Refusal.AUTH_DATA
    assert judged(dataclasses.replace(capture.datagrams[0], payload=first.payload), capture.at) in (
        Refusal.AUTH_TYPE,
        Refusal.CHECKSUM,
    ), "without its trailer"


@each_kind
def test_no_bit_of_a_trailer_may_change(capture: Capture) -> None:
    """Over IPv6 the checksum finds it, before the HMAC would."""
    datagram = capture.datagrams[0]
    start = len(datagram.payload) - SIZE
    for at, bit in itertools.product(range(SIZE), range(8)):
        changed = bytearray(datagram.payload)
        changed[start + at] ^= 1 << bit
        whole = dataclasses.replace(datagram, payload=bytes(changed))
        if at in (0, 2, 3):
            assert judged(whole, capture.at) is Refusal.TRAILING, "it is no trailer that is known"
            continue
        assert refusal(guard(), split(whole), capture.at) is Refusal.AUTH_DATA
        summed = Refusal.CHECKSUM if datagram.source.version == 6 else Refusal.AUTH_DATA
        assert judged(whole, capture.at) is summed


@given(st.sampled_from(MESSAGES), st.data())
def test_nothing_else_may_change_either(message: tuple[Datagram, int], data: st.DataObject) -> None:
    datagram, at = message
    size = len(datagram.payload)
    changed = bytearray(datagram.payload)
    changed[data.draw(st.integers(0, size - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert judged(dataclasses.replace(datagram, payload=bytes(changed)), at) is not None
    cut = datagram.payload[: data.draw(st.integers(0, size - 1))]
    assert judged(dataclasses.replace(datagram, payload=cut), at) is not None
    longer = datagram.payload + data.draw(st.binary(min_size=1, max_size=SIZE))
    assert judged(dataclasses.replace(datagram, payload=longer), at) is not None


def addresses(family: int) -> st.SearchStrategy[IPAddress]:
    return st.ip_addresses(v=4) if family == 4 else st.ip_addresses(v=6)


@given(st.sampled_from([(2, 4), (3, 4), (2, 6), (3, 6)]), st.data())
def test_what_is_signed_is_heard(kind: tuple[int, int], data: st.DataObject) -> None:
    version, family = kind
    source, destination = data.draw(addresses(family)), data.draw(addresses(family))
    forms = {
        (2, 4): [ChecksumForm.MESSAGE],
        (3, 4): [ChecksumForm.MESSAGE, ChecksumForm.PSEUDO_HEADER],
    }.get(kind, [ChecksumForm.PSEUDO_HEADER])
    advert = Advert(
        vrid=Vrid(data.draw(st.integers(1, 255))),
        priority=Priority(data.draw(st.integers(0, 255))),
        interval=Seconds(float(data.draw(st.integers(1, 40)))),
        addresses=tuple(data.draw(st.lists(addresses(family), min_size=1, max_size=20))),
        version=version,
        checksum_form=data.draw(st.sampled_from(forms)),
    )
    key, time = data.draw(st.sampled_from(sorted(SECRETS))), data.draw(st.floats(0, 2.0**33))
    message = packet.encode(advert, source, destination)
    sender = guard(key)
    receiver = guard()
    for moment in (time, time + 0.5):
        sent = trailer.attached(message, sender.sign(message, source, moment), source)
        assert len(sent) == len(message) + SIZE
        found = split(Datagram(payload=sent, source=source, destination=destination))
        assert packet.decode(found) == advert
        assert found.trailer is not None
        assert (found.trailer.key, found.trailer.sequence) == (key, sequence_at(moment))
        receiver.check(found, moment)
