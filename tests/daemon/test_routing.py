# SPDX-License-Identifier: Apache-2.0
"""Who may say what, who hears it, and what a role that starts later is told."""

from __future__ import annotations

import ipaddress

import pytest

from bascule.daemon.routing import SENDERS, StateCache, may_send, receivers
from bascule.model.base import Priority, Vrid
from bascule.model.configuration import Configuration, RealServerConfig, TcpCheck, VirtualServerConfig, VrrpInstance
from bascule.model.configuration import VrrpState as State
from bascule.model.messages import (
    ROUTES,
    CheckTarget,
    Configure,
    Handover,
    InstanceState,
    LastWill,
    Message,
    Ready,
    Role,
    ScriptVerdict,
    Started,
    StatusReply,
    Stop,
    SuspendChecks,
    Verdict,
    VerdictsWanted,
)
from bascule.model.scripts import Script
from bascule.model.service import Protocol, ServiceId
from bascule.model.tracking import TrackScript

SERVER = RealServerConfig(address=ipaddress.ip_address("192.0.2.2"), port=80, checks=(TcpCheck(),))
SERVICE = VirtualServerConfig(
    id=ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("192.0.2.1"), port=80), real_servers=(SERVER,)
)
INSTANCE = VrrpInstance(name="VI_1", interface="eth0", vrid=Vrid(51))


def verdict(check: int = 0, up: bool = True) -> Verdict:
    target = CheckTarget(service=SERVICE.id, server=SERVER.id, check=check)
    return Verdict(target=target, up=up, why="w", at=1.0, attempts=1)


def state(name: str, now: State = State.MASTER) -> InstanceState:
    return InstanceState(instance=name, state=now, priority=Priority(100), since=1.0, reason="r")


def script(name: str) -> ScriptVerdict:
    return ScriptVerdict(script=name, up=True, status=0, why="exited with status 0", at=1.0)


def test_every_routed_message_has_one_sender() -> None:
    named_by_itself = {kind for kind in ROUTES if "role" in kind.__struct_fields__}
    assert SENDERS.keys() | named_by_itself == ROUTES.keys()
    assert not SENDERS.keys() & named_by_itself


@pytest.mark.parametrize(
    ("role", "message", "allowed"),
    [
        (Role.VRRP, LastWill(), True),
        (Role.CHECKS, LastWill(), False),
        (Role.CHECKS, Handover(active=()), False),
        (Role.CHECKS, verdict(), True),
        (Role.NOTIFY, verdict(), False),
        (Role.NOTIFY, script("chk"), True),
        (Role.CHECKS, script("chk"), False),
        (Role.PLANE, VerdictsWanted(), True),
        (Role.PLANE, Stop(), False),
        (Role.PLANE, Configure(generation=1), False),
        (Role.CHECKS, Started(role=Role.CHECKS, generation=1), True),
        (Role.CHECKS, Started(role=Role.VRRP, generation=1), False),
        (Role.CHECKS, StatusReply(number=1, role=Role.PLANE, body=b""), False),
    ],
)
def test_a_role_speaks_only_for_itself(role: Role, message: Message, allowed: bool) -> None:
    assert may_send(role, message) is allowed


def test_the_supervisor_forwards_to_others_only() -> None:
    assert receivers(state("VI_1")) == (Role.PLANE, Role.NOTIFY)
    assert receivers(Ready(ready=True, reason="r")) == (Role.VRRP,)
    assert receivers(LastWill()) == ()


def test_the_latest_of_each_topic_is_kept_and_told_to_whom_it_concerns() -> None:
    cache = StateCache()
    told: list[Message] = [
        state("VI_1", State.BACKUP),
        state("VI_1"),
        state("VI_2"),
        Ready(ready=True, reason="r"),
        verdict(up=True),
        verdict(up=False),
        SuspendChecks(services=()),
        script("chk"),
        VerdictsWanted(),
    ]
    for message in told:
        cache.keep(message)
    assert cache.for_role(Role.PLANE) == (state("VI_1"), state("VI_2"), verdict(up=False))
    assert cache.for_role(Role.VRRP) == (Ready(ready=True, reason="r"), script("chk"))
    assert cache.for_role(Role.CHECKS) == (SuspendChecks(services=()),)
    assert StateCache(cache.all()).all() == cache.all()


def test_what_a_retired_role_said_is_forgotten() -> None:
    cache = StateCache([state("VI_1"), verdict()])
    cache.forget_role(Role.VRRP)
    assert cache.all() == (verdict(),)


def test_what_is_not_configured_any_more_is_pruned() -> None:
    cache = StateCache([state("VI_1"), state("VI_9"), verdict(0), verdict(1), Ready(ready=True, reason="r")])
    cache.keep(script("chk"))
    cache.keep(script("gone"))
    tracked = TrackScript(name="chk", run=Script(command=("/bin/true",)))
    cache.prune(Configuration(instances=(INSTANCE,), virtual_servers=(SERVICE,), track_scripts=(tracked,)))
    assert cache.all() == (state("VI_1"), verdict(0), Ready(ready=True, reason="r"), script("chk"))
