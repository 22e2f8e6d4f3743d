# SPDX-License-Identifier: Apache-2.0
"""An instance at work, with a rim that writes down what it is asked for."""

from __future__ import annotations

import dataclasses
import ipaddress
import math
import time

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_addresses import Placed
from bascule.daemon.roles.vrrp_instance import Instance, settings_of
from bascule.errors import KernelRefusedError
from bascule.model.base import IPAddress, Priority, Seconds, Vrid
from bascule.model.configuration import (
    AuthHmac,
    AuthType,
    BasculeOptions,
    ChecksumForm,
    HmacKey,
    OldChecksum,
    UnicastPeer,
    VirtualAddress,
    VrrpInstance,
    VrrpState,
)
from bascule.vrrp import ah, packet, trailer
from bascule.vrrp.events import HandOver, Reconfigured, Start, StateChanged, Stop, Succeeded, Timeout
from bascule.vrrp.packet import Datagram

HERE = ipaddress.IPv4Address("192.168.2.210")
PEER = ipaddress.IPv4Address("192.168.2.211")
VIP = ipaddress.IPv4Address("192.168.2.240")
UNREACHABLE = ipaddress.IPv4Address("10.9.9.9")
CONFIG = VrrpInstance(
    name="VI_1",
    interface="eth0",
    vrid=Vrid(51),
    priority=Priority(100),
    auth_type=AuthType.PASS,
    auth_pass=b"1111",
    virtual_addresses=(VirtualAddress(address=VIP, prefix_length=32),),
)
# Captured from keepalived 2.2.7 with the same configuration.
KEEPALIVED = bytes.fromhex("21336401010153cfc0a802f03131313100000000")
PLACED = Placed(interface="eth0", address=VIP, prefix_length=32)


class Rim:
    """Writes down what it is asked for."""

    def __init__(self) -> None:
        self.did: list[tuple[object, ...]] = []
        self.broken = False

    def send(self, interface: str, payload: bytes, source: IPAddress, destination: IPAddress, ttl: int) -> None:
        if self.broken or destination == UNREACHABLE:
            raise KernelRefusedError("no")
        self.did.append(("send", interface, payload, source, destination, ttl))

    def announce(self, interface: str, address: IPAddress) -> None:
        if self.broken:
            raise KernelRefusedError("no")
        self.did.append(("announce", interface, address))

    def send_whole(self, interface: str, packet: bytes, source: IPAddress, destination: IPAddress) -> None:
        self.did.append(("whole", interface, packet, source, destination))

    def put(self, owner: str, wanted: tuple[Placed, ...], lifetime: Seconds | None, now: float) -> None:
        self.did.append(("put", owner, wanted, lifetime, now))

    def take(self, owner: str, unwanted: tuple[Placed, ...]) -> None:
        self.did.append(("take", owner, unwanted))

    def leave(self, owner: str, unwanted: tuple[Placed, ...], now: float) -> None:
        self.did.append(("leave", owner, unwanted, now))


def made(config: VrrpInstance = CONFIG, options: BasculeOptions | None = None) -> tuple[Instance, Rim]:
    rim = Rim()
    return Instance(config, options or BasculeOptions(), HERE, rim, Log("vrrp")), rim


def heard(
    instance: Instance, payload: bytes, source: IPAddress = PEER, destination: IPAddress = packet.GROUP_IPV4
) -> list[object]:
    datagram = Datagram(payload=payload, source=source, destination=destination)
    outcome = instance.hear(packet.decode(datagram), datagram, frozenset({HERE}), 1.0, 1.0)
    return list(outcome.changes)


def test_becoming_active_sends_puts_and_announces() -> None:
    instance, rim = made()
    instance.handle(Start(), 0.0)
    assert rim.did == [("take", "VI_1", (PLACED,))]
    rim.did.clear()
    changes: list[StateChanged] = []
    while not changes:
        changes = instance.handle(Timeout(), instance.deadline).changes
    (change,) = changes
    assert change.state is VrrpState.MASTER
    assert rim.did[0] == ("send", "eth0", KEEPALIVED, HERE, packet.GROUP_IPV4, 255)
    assert rim.did[1][:4] == ("put", "VI_1", (PLACED,), 8.0)
    assert rim.did[2:] == [("announce", "eth0", VIP)] * 5
    assert instance.sent == 1


def test_a_peers_advert_is_counted_and_followed() -> None:
    instance, _ = made()
    instance.handle(Start(), 0.0)
    heard(instance, KEEPALIVED)
    assert instance.received == 1
    assert instance.machine.snapshot().active == PEER


def test_an_advert_that_does_not_pass_is_counted_and_said_once(capfd: pytest.CaptureFixture[str]) -> None:
    instance, _ = made()
    instance.handle(Start(), 0.0)
    other = made(config_with(auth_pass=b"2222"))[0].payload(Priority(200), packet.GROUP_IPV4)
    for _ in range(10):
        assert heard(instance, other) == []
    assert (instance.received, instance.refusals.counts) == (0, {"auth_data": 10})
    lines = [line for line in capfd.readouterr().err.splitlines() if "packet_refused" in line]
    assert len(lines) == 1
    assert "reason=auth_data" in lines[0]
    assert "1111" not in lines[0]


def config_with(**changes: object) -> VrrpInstance:
    """The configuration with some values changed."""
    values = {field: getattr(CONFIG, field) for field in CONFIG.__struct_fields__}
    return VrrpInstance(**{**values, **changes})


def test_what_the_kernel_refuses_is_said_seldom_and_stops_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    instance, rim = made(config_with(priority=Priority(255)))
    rim.broken = True
    (change,) = instance.handle(Start(), 0.0).changes
    assert change.state is VrrpState.MASTER
    instance.handle(Timeout(), 1.0)
    assert instance.sent == 0
    assert capfd.readouterr().err.count("advert_not_sent") == 1


def test_an_overslept_active_wants_its_socket_drained() -> None:
    instance, rim = made(config_with(priority=Priority(255)))
    instance.handle(Start(), 0.0)
    rim.did.clear()
    outcome = instance.handle(Timeout(), 100.0)
    assert outcome.drain
    assert rim.did == [("take", "VI_1", (PLACED,))]


def test_lateness_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    instance, _ = made()
    instance.handle(Start(), 0.0)
    assert instance.handle(Timeout(), 50.0).drain
    assert "event=timer_late" in capfd.readouterr().err


def test_new_settings_are_in_the_next_advert() -> None:
    instance, rim = made(config_with(priority=Priority(255)))
    instance.handle(Start(), 0.0)
    instance.configure(
        config_with(priority=Priority(120)), BasculeOptions(vip_lifetime=Seconds(60.0)), HERE, frozenset()
    )
    rim.did.clear()
    instance.handle(Reconfigured(instance.settings), 0.5)
    sent = [entry[2] for entry in rim.did if entry[0] == "send"]
    assert packet.decode(Datagram(payload=sent[0], source=HERE)).priority == 120  # type: ignore[arg-type]
    assert [entry[3] for entry in rim.did if entry[0] == "put"] == [60.0]


def test_another_source_decides_and_is_sent_from() -> None:
    instance, rim = made(config_with(priority=Priority(255)))
    instance.move(PEER)
    instance.handle(Start(), 0.0)
    instance.handle(Reconfigured(instance.settings), 0.5)
    sent = [entry[3] for entry in rim.did if entry[0] == "send"]
    assert sent == [PEER, PEER]
    assert instance.machine.settings.address == PEER


def test_stopping_sends_priority_0_and_then_takes_off() -> None:
    instance, rim = made(config_with(priority=Priority(255)))
    instance.handle(Start(), 0.0)
    rim.did.clear()
    instance.handle(Stop(), 0.5)
    assert [entry[0] for entry in rim.did] == ["send", "take"]
    assert rim.did[0][2] == instance.payload(packet.PRIORITY_STOP, packet.GROUP_IPV4)


def test_settings_follow_the_configuration() -> None:
    config = config_with(
        nopreempt=True,
        advert_interval=Seconds(5.0),
        garp_master_repeat=2,
        preempt_delay=Seconds(7.0),
        down_timer_adverts=4,
    )
    settings = settings_of(config, BasculeOptions(), HERE)
    assert (settings.preempt, settings.announcements) == (False, 2)
    assert (settings.preempt_delay, settings.down_adverts) == (7.0, 4)
    assert (settings.interval, settings.ready_timeout) == (Seconds(5.0), Seconds(15.0))
    bounded = settings_of(config, BasculeOptions(ready_timeout=Seconds(0.0)), HERE)
    assert bounded == dataclasses.replace(settings, ready_timeout=Seconds(0.0))


# Captured from keepalived 2.2.7: VRID 53 over IPv6, which lists its addresses in the order of its file.
KEEPALIVED_V6 = bytes.fromhex("313564020032e232fe800000000000000000000000000053fd020000000000000000000000000240")
HERE6 = ipaddress.IPv6Address("fe80::e4f8:26ff:feab:817a")
PEER6 = ipaddress.IPv6Address("fe80::1")
VIP6, LINK_LOCAL = ipaddress.IPv6Address("fd02::240"), ipaddress.IPv6Address("fe80::53")
V3 = config_with(version=3, advert_interval=Seconds(0.5), auth_type=AuthType.NONE, auth_pass=b"")
V6 = VrrpInstance(
    name="VI_6",
    interface="eth0",
    vrid=Vrid(53),
    version=3,
    advert_interval=Seconds(0.5),
    virtual_addresses=tuple(VirtualAddress(address=address, prefix_length=128) for address in (VIP6, LINK_LOCAL)),
)


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


@pytest.mark.parametrize("form", [ChecksumForm.PSEUDO_HEADER, ChecksumForm.MESSAGE])
def test_the_checksum_is_sent_as_configured_and_either_is_received_and_counted(form: ChecksumForm) -> None:
    config = config_with(version=3, auth_type=AuthType.NONE, checksum_form=form)
    sender, _ = made(config)
    sender.move(PEER)
    receiver, _ = made(V3)
    receiver.handle(Start(), 0.0)
    heard(receiver, sender.payload(Priority(200), packet.GROUP_IPV4))
    assert receiver.checksum_forms == {form.value: 1}
    assert receiver.machine.pace == 1.0, "the sender's interval was learned"


def test_how_adverts_differ_is_said_once(capfd: pytest.CaptureFixture[str]) -> None:
    receiver, _ = made(V3)
    receiver.handle(Start(), 0.0)
    sender, _ = made(config_with(version=3, auth_type=AuthType.NONE))
    sender.move(PEER)
    for _ in range(3):
        heard(receiver, sender.payload(Priority(200), packet.GROUP_IPV4))
    assert receiver.received == 3
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "timer_late" not in line]
    assert "event=interval_differs instance=VI_1" in line


def unicast(*peers: IPAddress, **changes: object) -> VrrpInstance:
    return config_with(unicast_peers=tuple(UnicastPeer(address=peer) for peer in peers), unicast_ttl=64, **changes)


def test_every_unicast_peer_is_sent_to_though_one_cannot_be_reached(capfd: pytest.CaptureFixture[str]) -> None:
    instance, rim = made(unicast(UNREACHABLE, PEER, version=3, auth_type=AuthType.NONE))
    instance.handle(Start(adopt=True), 0.0)
    ((_, _, payload, *where),) = [entry for entry in rim.did if entry[0] == "send"]
    assert where == [HERE, PEER, 64]
    found = packet.decode(Datagram(payload=payload, source=HERE, destination=PEER))  # type: ignore[arg-type]
    assert found.addresses == (VIP,)
    assert instance.sent == 1
    assert "event=advert_not_sent" in capfd.readouterr().err


def test_unicast_peers_hear_each_other_and_not_the_group() -> None:
    instance, _ = made(unicast(PEER))
    instance.handle(Start(), 0.0)
    heard(instance, KEEPALIVED, destination=HERE)
    heard(instance, KEEPALIVED)
    assert (instance.received, instance.refusals.counts) == (1, {"destination": 1})


def old_form(instance: Instance, destination: IPAddress) -> str:
    """What the checksum of an instance's adverts covers."""
    payload = instance.payload(Priority(100), destination)
    return packet.decode(Datagram(payload=payload, source=HERE, destination=destination)).checksum_form.value


def test_the_old_unicast_checksum_is_sent_from_when_a_peer_was_heard_to_send_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    config = unicast(PEER, version=3, auth_type=AuthType.NONE)
    instance, _ = made(config)
    instance.handle(Start(), 0.0)
    sender, _ = made(unicast(HERE, version=3, auth_type=AuthType.NONE, old_unicast_checksum=OldChecksum.SENT))
    stranger = ipaddress.IPv4Address("192.168.2.99")
    sender.move(stranger)
    heard(instance, sender.payload(Priority(200), HERE), stranger, HERE)
    assert (old_form(instance, PEER), instance.checksum_forms) == ("pseudo_header", {"old_unicast": 1})
    sender.move(PEER)
    for _ in range(2):
        heard(instance, sender.payload(Priority(200), HERE), destination=HERE)
    assert (old_form(instance, PEER), instance.checksum_forms) == ("old_unicast", {"old_unicast": 3})
    assert capfd.readouterr().err.count("event=old_unicast_checksum") == 1
    new, _ = made(unicast(HERE, version=3, auth_type=AuthType.NONE))
    new.move(PEER)
    heard(instance, new.payload(Priority(200), HERE), destination=HERE)
    assert (old_form(instance, PEER), instance.received) == ("old_unicast", 4), "as keepalived it stays with it"
    instance.configure(config, BasculeOptions(), HERE, frozenset())
    assert old_form(instance, PEER) == "pseudo_header"


def test_the_old_unicast_checksum_is_sent_always_or_never_and_not_by_multicast() -> None:
    for setting, form in ((OldChecksum.SENT, "old_unicast"), (OldChecksum.NEVER, "pseudo_header")):
        changes: dict[str, object] = {"version": 3, "auth_type": AuthType.NONE, "old_unicast_checksum": setting}
        assert old_form(made(unicast(PEER, **changes))[0], PEER) == form
        assert old_form(made(config_with(**changes))[0], packet.GROUP_IPV4) == "pseudo_header"
    never, _ = made(unicast(PEER, version=3, auth_type=AuthType.NONE, old_unicast_checksum=OldChecksum.NEVER))
    never.handle(Start(), 0.0)
    sender, _ = made(unicast(HERE, version=3, auth_type=AuthType.NONE, old_unicast_checksum=OldChecksum.SENT))
    sender.move(PEER)
    heard(never, sender.payload(Priority(200), HERE), destination=HERE)
    assert never.refusals.counts == {"checksum": 1}
    assert old_form(never, PEER) == "pseudo_header"


def test_version_2_over_ipv6_is_sent_and_heard_as_keepalived_has_it() -> None:
    config = config_with(virtual_addresses=V6.virtual_addresses)
    assert (config.version, config.auth_type, config.family) == (2, AuthType.PASS, 6)
    rim, peer = Rim(), ipaddress.IPv6Address("fe80::9")
    instance = Instance(config, BasculeOptions(), HERE6, rim, Log("vrrp"))
    instance.handle(Start(adopt=True), 0.0)
    payload = rim.did[0][2]
    assert isinstance(payload, bytes)
    assert payload[:6] == bytes.fromhex("213364020101")
    assert len(payload) == 40, "no password"
    sender = Instance(config, BasculeOptions(), peer, Rim(), Log("vrrp"))
    heard(instance, sender.payload(Priority(200), packet.GROUP_IPV6), peer, packet.GROUP_IPV6)
    assert (instance.state, instance.checksum_forms) == (VrrpState.BACKUP, {"pseudo_header": 1})


def behind_a_header(data: bytes) -> Datagram:
    """A whole IPv4 packet as it is handed in."""
    destination = ipaddress.IPv4Address(data[16:20])
    return ah.unwrap(Datagram(payload=data[20:], source=PEER, destination=destination, ttl=data[8], header=data[:20]))


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


def test_after_a_planned_switch_the_addresses_are_left_and_not_just_taken() -> None:
    instance, rim = made()
    instance.handle(Start(), 100.0)
    while instance.state is not VrrpState.MASTER:
        instance.handle(Timeout(), instance.deadline)
    instance.handle(HandOver(PEER), instance.deadline)
    rim.did.clear()
    instance.handle(Succeeded(PEER), instance.deadline - 0.001)
    assert [done[:2] for done in rim.did] == [("leave", "VI_1")]


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


def test_a_peer_whose_clock_will_soon_be_refused_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    secrets = {1: bytes(range(32))}
    signing = AuthHmac(keys=(HmacKey(number=1, secret=secrets[1]),), active_key=1, window=Seconds(60.0))
    config = config_with(version=3, auth_type=AuthType.NONE, auth_hmac=signing)
    receiver, _ = made(config)
    receiver.guard(secrets)
    sender, _ = made(config)
    sender.move(PEER)
    message = sender.payload(Priority(200), packet.GROUP_IPV4)
    behind = trailer.Guard(signing, secrets).sign(message, PEER, time.time() + 45)
    datagram = trailer.split(Datagram(payload=trailer.attached(message, behind, PEER), source=PEER))
    receiver.hear(packet.decode(datagram), datagram, frozenset({HERE}), 1.0, 1.0)
    assert receiver.refusals.counts == {}
    said = capfd.readouterr().err
    assert said.count("clock_differs") == 1
    assert f"{PEER}: 4" in said
    assert "ahead of our clock, 60 s are allowed" in said
