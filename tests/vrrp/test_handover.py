# SPDX-License-Identifier: Apache-2.0
"""The datagrams of planned switches: back and forth, hostile ones, and tickets that count once."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.model.base import IPAddress, Priority, Vrid
from bascule.vrrp import handover
from bascule.vrrp.handover import Kind, Order, Refused, RefusedOrderError, Standing, Tickets

HERE = ipaddress.IPv4Address("192.168.2.210")
PEER = ipaddress.IPv4Address("192.168.2.211")
KEY = handover.key_of(b"secret")
KEYS = {(51, 4): KEY, (51, 6): handover.key_of(b"another")}
ORDER = Order(kind=Kind.ASK, vrid=Vrid(51), family=4, router=b"12345678", nonce=b"n" * 16)
ROUTER = ("eth0", 51, 4)

sources = st.ip_addresses()
orders = st.builds(
    Order,
    kind=st.sampled_from(Kind),
    vrid=st.integers(0, 255).map(Vrid),
    family=st.sampled_from((4, 6)),
    router=st.binary(min_size=8, max_size=8),
    nonce=st.binary(min_size=16, max_size=16),
    echo=st.binary(min_size=16, max_size=16),
    priority=st.integers(0, 255).map(Priority),
    standing=st.integers(0, 31).map(Standing),
    name=st.text(max_size=16).map(lambda text: "".join(each for each in text if each.isprintable())),
)


def refusal(data: bytes, source: IPAddress = HERE) -> Refused:
    with pytest.raises(RefusedOrderError) as found:
        handover.decode(data, source, KEYS)
    assert str(found.value).startswith(f"{found.value.reason.value}: ")
    return found.value.reason


@given(st.binary(min_size=6, max_size=6))
def test_a_question_carries_the_mac_of_a_host(mac: bytes) -> None:
    asked = dataclasses.replace(ORDER, name=handover.mac_text(mac))
    read = handover.decode(handover.encode(asked, KEY, HERE), HERE, KEYS)
    assert handover.mac_of(read) == (mac if any(mac) and not mac[0] & 1 else None)


@pytest.mark.parametrize(
    "text",
    ["", "d1", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "02:00:00:00:00:0", "02:00:00:00:00:01:02", "\u0662" * 17],
)
def test_a_text_that_is_no_mac_of_a_host_is_none(text: str) -> None:
    assert handover.mac_of(dataclasses.replace(ORDER, name=text)) is None


def test_what_is_no_ethernet_address_is_not_sent() -> None:
    assert (handover.mac_text(b""), handover.mac_text(bytes(20))) == ("", "")


@given(orders, sources, st.binary(max_size=20))
def test_what_was_sent_is_read(order: Order, source: IPAddress, secret: bytes) -> None:
    key = handover.key_of(secret)
    data = handover.encode(order, key, source)
    assert handover.decode(data, source, {(order.vrid, order.family): key}) == order


@given(orders, sources, st.integers(0, 10_000), st.integers(1, 255))
def test_no_byte_can_be_changed(order: Order, source: IPAddress, where: int, change: int) -> None:
    keys = {(vrid, family): KEY for vrid in range(256) for family in (4, 6)}
    data = bytearray(handover.encode(order, KEY, source))
    data[where % len(data)] ^= change
    with pytest.raises(RefusedOrderError):
        handover.decode(bytes(data), source, keys)


@given(st.binary(max_size=300), sources)
def test_hostile_bytes_raise_nothing_else(data: bytes, source: IPAddress) -> None:
    with pytest.raises(RefusedOrderError):
        handover.decode(data, source, KEYS)


@given(st.integers(0, 200), orders)
def test_what_is_cut_is_refused(length: int, order: Order) -> None:
    whole = handover.encode(order, KEY, HERE)
    if length < len(whole):
        refusal(whole[:length])


def test_a_name_that_is_too_long_is_cut_between_two_characters() -> None:
    order = Order(kind=Kind.HERE, vrid=Vrid(51), family=4, router=bytes(8), name="a" + "é" * 60)
    assert handover.decode(handover.encode(order, KEY, HERE), HERE, KEYS).name == "a" + "é" * 31


@given(st.text(max_size=16))
def test_no_name_reaches_a_terminal_that_the_terminal_would_obey(name: str) -> None:
    order = Order(kind=Kind.HERE, vrid=Vrid(51), family=4, router=bytes(8), name=name)
    shown = handover.decode(handover.encode(order, KEY, HERE), HERE, KEYS).name
    assert shown == "".join(each if each.isprintable() else "?" for each in name)


def test_each_refusal_has_its_name() -> None:
    whole = handover.encode(ORDER, KEY, HERE)
    assert refusal(whole[:40]) is Refused.TRUNCATED
    assert refusal(b"BSCM" + whole[4:]) is Refused.MAGIC
    assert refusal(whole[:4] + b"\2" + whole[5:]) is Refused.VERSION
    assert refusal(whole + b"\0") is Refused.LENGTH
    assert refusal(whole[:6] + b"\x34" + whole[7:]) is Refused.ROUTER
    assert refusal(whole[:7] + b"\6" + whole[8:]) is Refused.SIGNATURE
    assert refusal(handover.encode(ORDER, handover.key_of(b"Secret"), HERE)) is Refused.SIGNATURE


def test_it_is_signed_for_its_sender() -> None:
    assert refusal(handover.encode(ORDER, KEY, HERE), PEER) is Refused.SIGNATURE


def signed(data: bytes) -> bytes:
    return data + handover._signature(KEY, HERE, data)


def test_what_is_signed_must_make_sense_all_the_same() -> None:
    head = handover.encode(ORDER, KEY, HERE)[:-32]
    assert refusal(signed(head[:5] + b"\x09" + head[6:])) is Refused.KIND
    assert refusal(signed(head[:49] + b"\x20" + head[50:])) is Refused.KIND
    assert refusal(signed(head[:50] + b"\1" + head[51:] + b"\xff")) is Refused.CONTENT
    assert refusal(signed(head[:50] + b"\4" + head[51:] + b"\x1b[2J")) is Refused.CONTENT


def test_a_ticket_counts_once_and_for_whom_it_was_given_out() -> None:
    tickets = Tickets(b"own")
    ticket = tickets.issue(ROUTER, PEER, 10.0)
    assert len(ticket) == handover.NONCE_LENGTH
    for router, source in ((("eth1", 51, 4), PEER), (("eth0", 52, 4), PEER), (ROUTER, HERE)):
        with pytest.raises(RefusedOrderError, match="not given out here"):
            tickets.redeem(ticket, router, source, 10.1)
    tickets.redeem(ticket, ROUTER, PEER, 10.1)
    with pytest.raises(RefusedOrderError, match="used already"):
        tickets.redeem(ticket, ROUTER, PEER, 10.2)


def test_a_ticket_is_good_for_a_second_and_no_memory_grows() -> None:
    tickets = Tickets(b"own")
    old = tickets.issue(ROUTER, PEER, 10.0)
    with pytest.raises(RefusedOrderError, match=r"of 1\.100 s ago"):
        tickets.redeem(old, ROUTER, PEER, 11.1)
    for number in range(100):
        now = 20.0 + number
        tickets.redeem(tickets.issue(ROUTER, PEER, now), ROUTER, PEER, now)
    assert len(tickets._used) <= 2


def test_another_process_s_tickets_are_none() -> None:
    with pytest.raises(RefusedOrderError):
        Tickets(b"own").redeem(Tickets(b"its").issue(ROUTER, PEER, 1.0), ROUTER, PEER, 1.0)
