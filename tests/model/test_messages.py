# SPDX-License-Identifier: Apache-2.0
"""Twin of `model.messages`: every message survives the bus, finds its receivers, and is replaced by the right one."""

from __future__ import annotations

import ipaddress
import typing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.model import messages
from bascule.model.base import Priority, pack, unpack
from bascule.model.configuration import VrrpState
from bascule.model.messages import (
    CheckTarget,
    InstanceState,
    LastWill,
    Message,
    Ready,
    Role,
    ScriptVerdict,
    Verdict,
    topic,
)
from bascule.model.service import Protocol, ServerId, ServiceId
from tests.model.strategies import values

KINDS: tuple[type[msgspec.Struct], ...] = typing.get_args(Message)

FROM_THE_SUPERVISOR = {messages.Configure, messages.Stop, messages.StatusRequest, messages.SwitchOrder}

SERVICE = ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("192.168.2.240"), port=80)


@given(st.one_of([values(kind) for kind in KINDS]))
def test_every_message_survives_the_bus(message: Message) -> None:
    assert unpack(pack(message), Message) == message  # type: ignore[arg-type]


def test_every_message_has_its_tag() -> None:
    tags = [kind.__struct_config__.tag for kind in KINDS]
    assert len(set(tags)) == len(KINDS)


def test_every_message_of_a_role_has_a_receiver() -> None:
    assert set(messages.ROUTES) == set(KINDS) - FROM_THE_SUPERVISOR
    assert all(messages.ROUTES.values())


@given(st.one_of([values(kind) for kind in KINDS]))
def test_state_messages_have_a_topic_and_events_have_none(message: Message) -> None:
    assert (topic(message) is not None) == isinstance(message, messages.STATE_MESSAGES)


def verdict(address: str, up: bool, check: int = 0) -> Verdict:
    """A verdict on a real server of the example service."""
    server = ServerId(address=ipaddress.ip_address(address), port=80)
    return Verdict(
        target=CheckTarget(service=SERVICE, server=server, check=check), up=up, why="as it is", at=1.0, attempts=1
    )


def state(instance: str, state: VrrpState) -> InstanceState:
    """A state of an instance."""
    return InstanceState(instance=instance, state=state, priority=Priority(100), since=1.0, reason="")


def script(name: str, status: int) -> ScriptVerdict:
    """A result of a script."""
    return ScriptVerdict(script=name, up=status == 0, status=status, why=f"exited with status {status}", at=1.0)


@pytest.mark.parametrize(
    ("earlier", "later", "replaced"),
    [
        (verdict("192.168.2.212", True), verdict("192.168.2.212", False), True),
        (verdict("192.168.2.212", True), verdict("192.168.2.213", True), False),
        (verdict("192.168.2.212", True), verdict("192.168.2.212", True, check=1), False),
        (state("VI_1", VrrpState.MASTER), state("VI_1", VrrpState.BACKUP), True),
        (state("VI_1", VrrpState.MASTER), state("VI_2", VrrpState.MASTER), False),
        (Ready(ready=False, reason="not yet"), Ready(ready=True, reason="all checked"), True),
        (script("chk", 0), script("chk", 1), True),
        (script("chk", 0), script("other", 0), False),
        (LastWill(), Ready(ready=True, reason=""), False),
    ],
)
def test_a_state_replaces_the_earlier_one_of_its_topic_only(earlier: Message, later: Message, replaced: bool) -> None:
    assert (topic(earlier) == topic(later)) == replaced


def test_an_unknown_message_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        unpack(msgspec.msgpack.encode({"type": "surprise"}), Message)  # type: ignore[arg-type]


def test_roles_are_named_as_on_the_command_line() -> None:
    assert {role.value for role in Role} == {"supervisor", "vrrp", "plane", "checks", "notify"}
