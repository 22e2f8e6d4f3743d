# SPDX-License-Identifier: Apache-2.0
"""Two actives and other trouble with real keepalived 2.2.7 on the other side: the cause that we name is the one that
there is, and when it goes away we announce the addresses again and the alarm ends.
"""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from bascule.lab.lone_role import LoneRole
from bascule.lab.network import LabHost, Network
from bascule.lab.waiting import stays, wait_for
from bascule.model.base import from_json
from bascule.model.configuration import Configuration, VrrpState
from bascule.model.messages import AlarmChanged, InstanceState, Role
from bascule.model.status import AlarmKind, VrrpStatus
from tests.interop.scenarios import V2, V3

pytestmark = [pytest.mark.root, pytest.mark.lab]

Configured = Callable[..., Configuration]

QUIET = 10.0
"""Seconds after which an alarm ends that is not sighted."""

OUR_WORDS: dict[str, tuple[str, str]] = {
    "version": ("version 3\n", "another version of VRRP: set the same `version` on both"),
    "interval": ("advert_int 1", "another advert interval: set the same `advert_int` on both"),
    "kind of authentication": ("authentication", "another kind of authentication"),
    "password": ("1111", "another password or key: make `auth_pass`, or the keys of `auth_hmac`, alike"),
    "addresses": ("192.168.2.240", "another list of virtual addresses: make `virtual_ipaddress` alike"),
}

RIGHT = V2.keepalived
WRONG: dict[str, str] = {
    "version": f"version 3\n {re.sub(r'authentication {.*?}', '', RIGHT, flags=re.DOTALL)}",
    "interval": RIGHT.replace("advert_int 1\n", "advert_int 2\n"),
    "kind of authentication": re.sub(r"authentication {.*?}", "", RIGHT, flags=re.DOTALL),
    "password": RIGHT.replace("1111", "2222"),
    "addresses": RIGHT.replace("192.168.2.240", "192.168.2.240\n 192.168.2.241"),
}
"""The peer's file with one thing otherwise than ours."""


def is_in(role: LoneRole, state: VrrpState) -> bool:
    states = [message.state for message in role.messages if isinstance(message, InstanceState)]
    return bool(states) and states[-1] is state


def alarms(role: LoneRole) -> dict[AlarmKind, str]:
    return {entry.kind: entry.why for entry in from_json(role.status(), VrrpStatus).instances[0].alarms}


def alarm(role: LoneRole, kind: AlarmKind, words: str) -> str:
    """An alarm of a kind with these words, waited for; log and events have it too."""
    why = wait_for(
        lambda: [why for found, why in alarms(role).items() if found is kind and words in why],
        30,
        f"{kind.value}: {words}",
        evidence=role.log,
    )[0]

    def told() -> bool:
        events = (message for message in role.messages if isinstance(message, AlarmChanged))
        return any(event.kind == kind.value and event.stands and words in event.why for event in events)

    role.until(told, 5, "the event")
    assert f"event=alarm instance=VI_1 kind={kind.value} stands=True" in role.log()
    return why


def ended(role: LoneRole, *kinds: AlarmKind) -> None:
    """Alarms are no more in the status, and their ends were told."""
    wait_for(lambda: not set(kinds) & set(alarms(role)), 3 * QUIET, "the end of the alarms", evidence=role.log)

    def told() -> bool:
        events = [message for message in role.messages if isinstance(message, AlarmChanged) and not message.stands]
        return {kind.value for kind in kinds} <= {event.kind for event in events}

    role.until(told, 5, "their events")


def announced_after(wire: Any, moment: float) -> bool:
    return any(at > moment for at in wire.announcements("d1"))


def drop(host: LabHost, hook: str) -> None:
    host.run(["nft", f"add table netdev t; add chain netdev t c {{ type filter hook {hook} device eth0 priority 0; }}"])
    host.run(["nft", "add rule netdev t c meta l4proto 112 drop"])


def pass_again(host: LabHost) -> None:
    host.run(["nft", "delete table netdev t"])


@pytest.mark.parametrize("cause", WRONG)
def test_a_second_active_has_its_cause_named_and_heals(
    network: Network, wire: Any, start_keepalived: Any, configured: Configured, cause: str
) -> None:
    words = OUR_WORDS[cause][1]
    with LoneRole(network.host("d1"), Role.VRRP, configured(150)) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), 10, "to be elected")
        peer = start_keepalived("d2", 100, dataclasses.replace(V2, keepalived=WRONG[cause]))
        peer.until("MASTER STATE", 20)
        why = alarm(role, AlarmKind.SECOND_ACTIVE, words)
        assert why.startswith("two actives: 192.168.2.211: ")
        others = [other for name, (_, other) in OUR_WORDS.items() if name != cause]
        assert not any(other in text for other in others for text in alarms(role).values())
        healed = time.time()
        peer.reload(RIGHT)
        peer.until_latest("BACKUP STATE")
        wait_for(lambda: announced_after(wire, healed), 15, "our announcement", evidence=role.log)
        ended(role, AlarmKind.SECOND_ACTIVE)
        assert is_in(role, VrrpState.MASTER)
        peer.stop()


def test_another_vrid_with_our_address_is_named_and_heals(
    network: Network, wire: Any, start_keepalived: Any, configured: Configured
) -> None:
    with LoneRole(network.host("d1"), Role.VRRP, configured(150)) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), 10, "to be elected")
        other = RIGHT + "\n virtual_router_id 52"
        peer = start_keepalived("d2", 100, dataclasses.replace(V2, keepalived=other))
        peer.until("MASTER STATE", 20)
        why = alarm(role, AlarmKind.SECOND_ACTIVE, "set the same `virtual_router_id` on both")
        assert "192.168.2.211 has 192.168.2.240 with VRID 52" in why
        healed = time.time()
        peer.stop()
        wait_for(lambda: announced_after(wire, healed), 15, "our announcement", evidence=role.log)
        ended(role, AlarmKind.SECOND_ACTIVE)


def test_traffic_that_goes_one_way_is_named_and_heals(
    network: Network, wire: Any, start_keepalived: Any, configured: Configured
) -> None:
    with LoneRole(network.host("d1"), Role.VRRP, configured(150, V3)) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), 10, "to be elected")
        drop(network.host("d2"), "ingress")
        peer = start_keepalived("d2", 100, V3)
        peer.until("MASTER STATE", 20)
        alarm(role, AlarmKind.SECOND_ACTIVE, "does not hear our adverts: they are lost on the way")
        assert AlarmKind.ADVERTS_BLOCKED not in alarms(role), "ours do leave"
        healed = time.time()
        pass_again(network.host("d2"))
        peer.until_latest("BACKUP STATE")
        wait_for(lambda: announced_after(wire, healed), 15, "our announcement", evidence=role.log)
        ended(role, AlarmKind.SECOND_ACTIVE)
        peer.stop()


def test_a_filter_of_our_own_that_eats_our_adverts_is_named_and_heals(
    network: Network, wire: Any, start_keepalived: Any, configured: Configured
) -> None:
    with LoneRole(network.host("d1"), Role.VRRP, configured(150, V3)) as role:
        role.until(lambda: is_in(role, VrrpState.MASTER), 10, "to be elected")
        peer = start_keepalived("d2", 100, V3)
        drop(network.host("d1"), "egress")
        peer.until("MASTER STATE", 20)
        why = alarm(role, AlarmKind.ADVERTS_BLOCKED, "did not leave by eth0: a filter on this host")
        assert "nft list ruleset" in why
        alarm(role, AlarmKind.SECOND_ACTIVE, "192.168.2.211 is active too")
        healed = time.time()
        pass_again(network.host("d1"))
        peer.until_latest("BACKUP STATE")
        wait_for(lambda: announced_after(wire, healed), 15, "our announcement", evidence=role.log)
        ended(role, AlarmKind.SECOND_ACTIVE, AlarmKind.ADVERTS_BLOCKED)
        peer.stop()


@pytest.mark.parametrize("cause", ["password", "addresses"])
def test_a_vrid_that_strangers_use_is_noticed_before_we_are_active(
    network: Network, start_keepalived: Any, configured: Configured, cause: str
) -> None:
    peer = start_keepalived("d2", 100, dataclasses.replace(V2, keepalived=WRONG[cause]))
    peer.until("MASTER STATE", 20)
    with LoneRole(network.host("d1"), Role.VRRP, configured(90)) as role:
        why = alarm(role, AlarmKind.VRID_IN_USE, OUR_WORDS[cause][1])
        assert why.startswith("VRID 51 is used by a host whose adverts are refused: 192.168.2.211: ")
        log = role.log()
        assert "state=MASTER" not in log.partition("kind=vrid_in_use")[0]
        peer.reload(RIGHT)
        role.until(lambda: is_in(role, VrrpState.BACKUP), 30, "to stand behind a peer that it understands")
        ended(role, AlarmKind.VRID_IN_USE)
        peer.stop()


def test_an_active_keepalived_that_dies_has_vanished_and_one_that_stops_has_not(
    network: Network, start_keepalived: Any, configured: Configured
) -> None:
    with LoneRole(network.host("d1"), Role.VRRP, configured(90, V3)) as role:
        for ordered in (True, False):
            peer = start_keepalived("d2", 100, V3)
            peer.until_latest("MASTER STATE")
            role.until(lambda: is_in(role, VrrpState.BACKUP), 10, "to stand behind it")
            peer.stop() if ordered else peer.kill()
            role.until(lambda: is_in(role, VrrpState.MASTER), 10, "to take over")
            if ordered:
                stays(lambda: AlarmKind.ACTIVE_VANISHED not in alarms(role), 1, "no alarm")
            else:
                alarm(role, AlarmKind.ACTIVE_VANISHED, "no advert from 192.168.2.211 for")
