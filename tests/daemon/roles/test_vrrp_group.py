# SPDX-License-Identifier: Apache-2.0
"""All instances of a director on a real interface. Owners (priority 255) are active at once, which saves waiting."""

from __future__ import annotations

import select

import pytest

from bascule.daemon.roles.vrrp_intake import boottime
from bascule.lab.waiting import wait_for
from bascule.linux import rawsocket
from bascule.model.base import Priority, Seconds, Vrid
from bascule.model.configuration import (
    AuthHmac,
    AuthType,
    BasculeOptions,
    Configuration,
    HmacKey,
    VirtualAddress,
    VrrpState,
)
from bascule.model.messages import Handover
from bascule.vrrp import packet
from tests.daemon.roles.group_bench import FRESH, OTHER, PEER, VIP, Bench, advert, configuration, instance

pytestmark = [pytest.mark.root, pytest.mark.lab]


def test_instances_start_hold_their_addresses_and_stop(group_bench: Bench) -> None:
    group_bench.run(instance(), instance("VI_2", vrid=Vrid(52), priority=Priority(100), virtual_addresses=()))
    assert group_bench.reported == [("VI_1", VrrpState.MASTER), ("VI_2", VrrpState.BACKUP)]
    assert group_bench.virtual() == {VIP}
    assert group_bench.group.active() == ("VI_1",)
    assert 0 < group_bench.group.deadline() - boottime() <= 1.25
    group_bench.group.stop()
    assert group_bench.virtual() == set()
    assert group_bench.reported[2:] == [("VI_1", VrrpState.INIT), ("VI_2", VrrpState.INIT)]


def test_sequence_numbers_outlive_a_restart(group_bench: Bench) -> None:
    sealed = instance(auth_type=AuthType.AH, auth_pass=b"abcd")
    group_bench.run(sealed)
    before = group_bench.group.instances["VI_1"].sequences
    assert before is not None
    before.highest += 1_000_000
    handed = group_bench.group.hand_over()
    after = group_bench.another()
    after.configure(Configuration(instances=(sealed,)), handed)
    numbers = after.instances["VI_1"].sequences
    assert numbers is not None
    assert numbers.highest == before.highest + 1
    after.stop()
    after.close()


def test_so_do_those_of_trailers_though_the_clock_went_back(group_bench: Bench) -> None:
    key = HmacKey(number=1, secret=bytes(32))
    signing = AuthHmac(keys=(key,), active_key=1, window=Seconds(300.0))
    group_bench.run(instance(auth_hmac=signing))
    before = group_bench.group.instances["VI_1"]
    assert before.number is not None
    before.go_on_from(before.number + (100 << 32))
    handed = group_bench.group.hand_over()
    after = group_bench.another()
    after.configure(Configuration(instances=(instance(auth_hmac=signing),)), handed)
    number = after.instances["VI_1"].number
    assert number is not None
    assert number > before.number
    after.stop()
    after.close()
    sealed = group_bench.another()
    sealed.configure(Configuration(instances=(instance(auth_type=AuthType.AH, auth_pass=b"abcd"),)), handed)
    number = sealed.instances["VI_1"].number
    assert number is not None
    assert number < 1 << 32, "those of the other kind mean nothing"
    sealed.stop()
    sealed.close()


def test_a_reload_keeps_what_is_unchanged_changes_in_place_and_ends_what_is_gone(group_bench: Bench) -> None:
    second = instance("VI_2", vrid=Vrid(52), virtual_addresses=(VirtualAddress(address=OTHER, prefix_length=32),))
    group_bench.run(instance(), second)
    before = group_bench.group.instances["VI_1"]
    sent = before.sent
    group_bench.reported.clear()
    group_bench.run(instance())
    assert group_bench.reported == [("VI_2", VrrpState.INIT)]
    assert group_bench.group.instances == {"VI_1": before}
    assert before.sent == sent
    assert group_bench.virtual() == {VIP}
    moved = VirtualAddress(address=OTHER, prefix_length=32)
    group_bench.run(instance(priority=Priority(150), virtual_addresses=(moved,)))
    assert group_bench.group.instances["VI_1"] is before
    assert (before.sent, before.machine.settings.priority) == (sent + 1, 150)
    assert group_bench.virtual() == {OTHER}
    group_bench.run(instance(vrid=Vrid(77)))
    assert group_bench.group.instances["VI_1"] is not before
    assert group_bench.virtual() == {VIP}


def test_timers_are_called_when_due(group_bench: Bench) -> None:
    group_bench.run(instance())
    active = group_bench.group.instances["VI_1"]
    sent = active.sent
    group_bench.group.timers()
    assert active.sent == sent

    def called() -> bool:
        group_bench.group.timers()
        return active.sent > sent

    wait_for(called, 3, "the next advert")
    wait_for(lambda: boottime() < group_bench.group.deadline(), 1, "the next deadline")


def test_a_restart_leaves_the_address_and_the_successor_takes_it_up_if_it_comes_in_time(group_bench: Bench) -> None:
    config = instance(priority=Priority(254))
    group_bench.run(config, handover=Handover(active=("VI_1",), at=boottime()))
    assert group_bench.reported == [("VI_1", VrrpState.MASTER)]
    handover = group_bench.group.hand_over()
    assert handover.active == ("VI_1",)
    assert group_bench.virtual() == {VIP}
    late = group_bench.another()
    late.configure(configuration(config), Handover(active=("VI_1",), at=handover.at - 60))
    assert late.active() == ()
    assert group_bench.virtual() == set()
    late.stop()
    late.close()


def test_what_waits_at_the_socket_is_heard_before_the_answer_of_a_witness(
    group_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one that was kept waiting by its witness becomes active beside one that has spoken meanwhile."""
    group, asked = group_bench.group, []
    monkeypatch.setattr(group.witnesses, "ask", lambda _, now: asked.append(now))
    waiting_for_it = BasculeOptions(witnesses=(PEER,), witness_timeout=Seconds(60.0))
    config = instance(version=3, advert_interval=Seconds(0.5), priority=Priority(100))
    group.configure(Configuration(instances=(config,), options=waiting_for_it), FRESH)
    waiting = group.instances["VI_1"]

    def waits() -> bool:
        group.timers()
        return waiting.machine.awaits_witness

    wait_for(waits, 20, "an instance that waits for its witness")
    with group_bench.network.host("d2").entered():
        rawsocket.send_once("eth0", PEER, packet.GROUP_IPV4, 255, advert(200, version=3, interval=Seconds(0.5)))
    assert select.select([group.ports.require("eth0").sockets[4]], [], [], 5)[0]
    monkeypatch.setattr(group.witnesses, "receive", lambda *_: (asked[0], ("VI_1",)))
    group.witnessed(())
    assert (waiting.received, waiting.machine.snapshot().active) == (1, PEER)
    assert ("VI_1", VrrpState.MASTER) not in group_bench.reported
