# SPDX-License-Identifier: Apache-2.0
"""What an instance sends, and how it is signed."""

from __future__ import annotations

import ipaddress
import math
import time

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.model.base import Priority, Seconds
from bascule.model.configuration import (
    AuthHmac,
    AuthType,
    BasculeOptions,
    HmacKey,
    UnicastPeer,
    VrrpState,
)
from bascule.vrrp import packet, trailer
from bascule.vrrp.events import Start, Timeout
from bascule.vrrp.packet import Datagram
from tests.daemon.roles.instance_bench import (
    CONFIG,
    HERE,
    HERE6,
    KEEPALIVED,
    KEEPALIVED_V6,
    PEER,
    UNREACHABLE,
    V3,
    V6,
    VIP,
    Rim,
    behind_a_header,
    config_with,
    heard,
    made,
    unicast,
)


def test_what_the_kernel_refuses_is_said_seldom_and_stops_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    instance, rim = made(config_with(priority=Priority(255)))
    rim.broken = True
    (change,) = instance.handle(Start(), 0.0).changes
    assert change.state is VrrpState.MASTER
    instance.handle(Timeout(), 1.0)
    assert instance.sent == 0
    assert capfd.readouterr().err.count("advert_not_sent") == 1


def test_over_ipv6_the_link_local_address_is_the_first_in_the_advert() -> None:
    rim = Rim()
    instance = Instance(V6, BasculeOptions(), HERE6, rim, Log("vrrp"))
    instance.handle(Start(adopt=True), 0.0)
    assert rim.did[0] == ("send", "eth0", KEEPALIVED_V6, HERE6, packet.GROUP_IPV6, 255)


def test_another_source_is_in_the_checksum_of_version_3() -> None:
    instance, _ = made(V3)
    before = instance.payload(Priority(100), packet.GROUP_IPV4)
    instance.move(PEER)
    after = instance.payload(Priority(100), packet.GROUP_IPV4)
    assert before != after
    assert packet.decode(Datagram(payload=after, source=PEER)).priority == 100


def test_every_unicast_peer_is_sent_to_though_one_cannot_be_reached(capfd: pytest.CaptureFixture[str]) -> None:
    instance, rim = made(unicast(UNREACHABLE, PEER, version=3, auth_type=AuthType.NONE))
    instance.handle(Start(adopt=True), 0.0)
    ((_, _, payload, *where),) = [entry for entry in rim.did if entry[0] == "send"]
    assert where == [HERE, PEER, 64]
    found = packet.decode(Datagram(payload=payload, source=HERE, destination=PEER))  # type: ignore[arg-type]
    assert found.addresses == (VIP,)
    assert instance.sent == 1
    assert "event=advert_not_sent" in capfd.readouterr().err


def test_adverts_with_an_authentication_header_have_fresh_numbers_and_are_heard_once() -> None:
    config = config_with(auth_type=AuthType.AH, auth_pass=b"abcd", priority=Priority(255))
    sender, rim = made(config)
    sender.move(PEER)
    sender.handle(Start(), 0.0)
    sender.handle(Timeout(), 1.0)
    sent = [entry[2] for entry in rim.did if entry[0] == "whole"]
    receiver, _ = made(config_with(auth_type=AuthType.AH, auth_pass=b"abcd"))
    receiver.handle(Start(), 0.0)
    for data in (*sent, sent[0], sent[1]):
        datagram = behind_a_header(data)  # type: ignore[arg-type]
        receiver.hear(packet.decode(datagram), datagram, frozenset({HERE}), 1.0, 1.0)
    assert (receiver.received, receiver.refusals.counts) == (2, {"replay": 2})
    assert receiver.sequences is not None
    assert sender.sequences is not None
    assert receiver.sequences.highest == sender.sequences.highest
    data, whole = sender.farewell(packet.GROUP_IPV4)
    last = behind_a_header(data)
    assert whole
    assert last.ah is not None
    assert last.ah.sequence > sender.sequences.highest + 1_000_000
    heard(receiver, KEEPALIVED)
    heard(receiver, last.payload)
    assert receiver.refusals.counts == {"replay": 2, "auth_type": 2}
    receiver.configure(CONFIG, BasculeOptions(), HERE, frozenset())
    assert receiver.sequences is None


def test_adverts_are_signed_and_unsigned_ones_refused_where_auth_hmac_is_enforced() -> None:
    secrets = {1: bytes(range(32))}
    keys = (HmacKey(number=1, secret=secrets[1]),)
    signing = AuthHmac(keys=keys, active_key=1, window=Seconds(60.0))
    config = config_with(version=3, auth_type=AuthType.NONE, priority=Priority(255), auth_hmac=signing)
    sender, rim = made(config)
    sender.guard(secrets)
    sender.move(PEER)
    sender.handle(Start(), 0.0)
    ((_, _, sent, *_),) = [entry for entry in rim.did if entry[0] == "send"]
    receiver, _ = made(config)
    receiver.guard(secrets)
    assert isinstance(sent, bytes)
    farewell, whole = sender.farewell(packet.GROUP_IPV4)
    assert sender.farewell_each == 1.0
    assert not whole
    plain = sender.payload(Priority(200), packet.GROUP_IPV4)
    for data in (sent, sent, plain, farewell):
        datagram = trailer.split(Datagram(payload=data, source=PEER))
        receiver.hear(packet.decode(datagram), datagram, frozenset({HERE}), 1.0, 1.0)
    assert (receiver.received, receiver.refusals.counts) == (2, {"replay": 1, "auth_type": 1})
    receiver.configure(config_with(version=3, auth_type=AuthType.NONE), BasculeOptions(), HERE, frozenset())
    receiver.guard({})
    datagram = trailer.split(Datagram(payload=farewell, source=PEER))
    receiver.hear(packet.decode(datagram), datagram, frozenset({HERE}), 1.0, 1.0)
    assert receiver.refusals.counts["trailing_bytes"] == 1
    assert receiver.farewell_each == math.inf


def test_the_copies_of_an_advert_to_peers_share_a_trailer() -> None:
    secrets = {7: bytes(range(32))}
    signing = AuthHmac(keys=(HmacKey(number=7, secret=secrets[7]),), active_key=7, window=Seconds(5.0))
    peers = tuple(UnicastPeer(address=PEER + number) for number in range(3))
    sender, rim = made(
        config_with(version=3, auth_type=AuthType.NONE, priority=Priority(255), auth_hmac=signing, unicast_peers=peers)
    )
    sender.guard(secrets)
    sender.handle(Start(), 0.0)
    sent = [(entry[2], entry[4]) for entry in rim.did if entry[0] == "send"]
    assert [destination for _, destination in sent] == [peer.address for peer in peers]
    found: list[Datagram] = []
    for payload, destination in sent:
        assert isinstance(payload, bytes)
        assert isinstance(destination, ipaddress.IPv4Address)
        found.append(trailer.split(Datagram(payload=payload, source=HERE, destination=destination)))
        packet.decode(found[-1])
        trailer.Guard(signing, secrets).check(found[-1], time.time())
    assert len({datagram.payload for datagram in found}) == 3, "the checksums cover where they go"
    assert len({datagram.trailer for datagram in found}) == 1
