# SPDX-License-Identifier: Apache-2.0
"""The bus: order, state messages that replace each other, bounds, descriptors, long messages, the end."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.daemon import bus as bus_module
from bascule.daemon import memfd
from bascule.daemon.bus import Bus, BusClosedError, BusMessageError
from bascule.model.base import pack
from bascule.model.messages import Configure, Message, Ready, Role, StatusReply, StatusRequest


@pytest.fixture
def ends() -> Iterator[tuple[Bus, Bus]]:
    ours, theirs = Bus.pair()
    other = Bus(theirs)
    yield ours, other
    ours.close()
    other.close()


def drain(bus: Bus) -> list[Message]:
    return [message for message, _ in bus.receive()]


def fill(bus: Bus) -> int:
    """Send events until the socket takes no more; how many it took."""
    taken = 0
    while not bus.wants_write:
        bus.send(StatusRequest(number=taken))
        taken += 1
    return taken - 1


def test_messages_arrive_in_order(ends: tuple[Bus, Bus]) -> None:
    sent: list[Message] = [StatusRequest(number=number) for number in range(5)]
    for message in sent:
        ends[0].send(message)
    assert drain(ends[1]) == sent
    assert drain(ends[1]) == []


def test_a_waiting_state_message_is_replaced_by_the_latest(ends: tuple[Bus, Bus]) -> None:
    taken = fill(ends[0])
    for ready in (True, False, True, False):
        ends[0].send(Ready(ready=ready, reason="r"))
    received = drain(ends[1])
    assert len(received) == taken
    ends[0].flush()
    assert not ends[0].wants_write
    assert drain(ends[1]) == [StatusRequest(number=taken), Ready(ready=False, reason="r")]


def test_past_the_bound_the_oldest_event_is_dropped_and_counted(
    ends: tuple[Bus, Bus], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "QUEUE_MAX", 3)
    taken = fill(ends[0])
    for number in range(100, 105):
        ends[0].send(StatusRequest(number=number))
    assert ends[0].dropped == 3
    drain(ends[1])
    ends[0].flush()
    assert drain(ends[1]) == [StatusRequest(number=number) for number in (102, 103, 104)]
    assert taken > 0


@given(st.integers(min_value=0, max_value=300_000))
def test_messages_of_any_length_arrive_whole(length: int) -> None:
    ours, theirs = Bus.pair()
    other = Bus(theirs)
    try:
        message = StatusReply(number=1, role=Role.PLANE, body=b"x" * length)
        ours.send(message)
        assert drain(other) == [message]
    finally:
        ours.close()
        other.close()


def test_a_long_message_leaves_no_descriptor_behind(ends: tuple[Bus, Bus]) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        ends[0].send(StatusReply(number=1, role=Role.PLANE, body=b"x" * (bus_module.DATAGRAM_MAX + 1)))
    assert len(drain(ends[1])) == 3
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("length", [0, bus_module.DATAGRAM_MAX * 2])
def test_a_descriptor_travels_beside_its_message(ends: tuple[Bus, Bus], length: int) -> None:
    content = memfd.make("test", b"the content")
    ends[0].send(StatusReply(number=1, role=Role.PLANE, body=b"x" * length), content)
    os.close(content)
    ((message, descriptor),) = ends[1].receive()
    assert isinstance(message, StatusReply)
    assert descriptor is not None
    assert memfd.read_all(descriptor) == b"the content"
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


def test_a_descriptor_waits_with_its_message(ends: tuple[Bus, Bus]) -> None:
    fill(ends[0])
    content = memfd.make("test", b"later")
    ends[0].send(Configure(generation=7), content)
    os.close(content)
    drain(ends[1])
    ends[0].flush()
    *_, (message, descriptor) = ends[1].receive()
    assert message == Configure(generation=7)
    assert descriptor is not None
    assert memfd.read_all(descriptor) == b"later"
    os.close(descriptor)


def test_closing_an_end_closes_the_descriptors_that_wait() -> None:
    before = len(os.listdir("/proc/self/fd"))
    ours, theirs = Bus.pair()
    fill(ours)
    content = memfd.make("test", b"")
    ours.send(Configure(generation=1), content)
    os.close(content)
    ours.close()
    theirs.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_end_comes_after_all_that_was_sent_before_it() -> None:
    ours, theirs = Bus.pair()
    other = Bus(theirs)
    ours.send(StatusRequest(number=1))
    ours.close()
    messages = other.receive()
    assert next(messages) == (StatusRequest(number=1), None)
    with pytest.raises(BusClosedError):
        next(messages)
    with pytest.raises(BusClosedError):
        other.send(StatusRequest(number=2))
    other.close()


def test_a_role_inherits_its_end_by_number() -> None:
    ours, theirs = Bus.pair()
    inherited = Bus.from_descriptor(theirs.detach())
    ours.send(StatusRequest(number=1))
    assert select.select([inherited], [], [], 1.0)[0] == [inherited]
    assert drain(inherited) == [StatusRequest(number=1)]
    ours.close()
    inherited.close()


def test_more_descriptors_than_expected_are_closed() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    other = Bus(theirs)
    content = memfd.make("test", b"")
    socket.send_fds(ours, [pack(Configure(generation=1))], [content, content, content])
    before = len(os.listdir("/proc/self/fd"))
    ((_, descriptor),) = other.receive()
    assert len(os.listdir("/proc/self/fd")) == before + 1
    for number in (content, descriptor):
        assert number is not None
        os.close(number)
    ours.close()
    other.close()


def test_what_is_no_message_is_an_error() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    other = Bus(theirs)
    for nonsense in (b"gibberish", b"\xc1", b"\x81\xa4type\xa5dance"):
        ours.send(nonsense)
        with pytest.raises(BusMessageError):
            next(other.receive())
    ours.close()
    other.close()


@pytest.mark.parametrize("nonsense", [b"gibberish", b"\xc1"])
def test_nonsense_leaves_no_descriptor_behind(nonsense: bytes) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    other = Bus(theirs)
    before = len(os.listdir("/proc/self/fd"))
    socket.send_fds(ours, [nonsense], [ours.fileno()] * 3)
    with pytest.raises(BusMessageError):
        next(other.receive())
    assert len(os.listdir("/proc/self/fd")) == before
    ours.close()
    other.close()


def test_a_message_past_all_bounds_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "MESSAGE_MAX", 1 << 17)
    ours, theirs = Bus.pair()
    other = Bus(theirs)
    before = len(os.listdir("/proc/self/fd"))
    ours.send(StatusReply(number=1, role=Role.PLANE, body=b"x" * (1 << 17)))
    with pytest.raises(BusMessageError, match="more than 131072 bytes"):
        next(other.receive())
    assert len(os.listdir("/proc/self/fd")) == before
    ours.close()
    other.close()


def test_the_last_words_of_one_who_did_not_read_ours_are_heard() -> None:
    ours, theirs = Bus.pair()
    other = Bus(theirs)
    ours.send(StatusRequest(number=1))
    other.send(Ready(ready=True, reason="last words"))
    other.close()
    messages = ours.receive()
    assert next(messages) == (Ready(ready=True, reason="last words"), None)
    with pytest.raises(BusClosedError):
        next(messages)
    ours.close()
