# SPDX-License-Identifier: Apache-2.0
"""Which adverts an instance lets pass, and what it says of them."""

from __future__ import annotations

import ipaddress
import time

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles.vrrp_instance import Instance
from bascule.model.base import Priority, Seconds
from bascule.model.configuration import (
    AuthHmac,
    AuthType,
    BasculeOptions,
    ChecksumForm,
    HmacKey,
    OldChecksum,
    VrrpState,
)
from bascule.vrrp import packet, trailer
from bascule.vrrp.events import Start
from bascule.vrrp.packet import Datagram
from tests.daemon.roles.instance_bench import (
    HERE,
    HERE6,
    KEEPALIVED,
    PEER,
    V3,
    V6,
    Rim,
    config_with,
    heard,
    made,
    old_form,
    unicast,
)


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


def test_unicast_peers_hear_each_other_and_not_the_group() -> None:
    instance, _ = made(unicast(PEER))
    instance.handle(Start(), 0.0)
    heard(instance, KEEPALIVED, destination=HERE)
    heard(instance, KEEPALIVED)
    assert (instance.received, instance.refusals.counts) == (1, {"destination": 1})


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
