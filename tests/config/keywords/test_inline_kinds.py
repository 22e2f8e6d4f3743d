# SPDX-License-Identifier: Apache-2.0
"""Arguments of addresses, routes and rules: numbers for names, bounds, times."""

from __future__ import annotations

import ipaddress

import pytest

from bascule.config.keywords.inline_kinds import (
    DSFIELD,
    PROTOCOL,
    REALMS,
    SCOPE,
    TABLE,
    UNLISTED,
    Bounds,
    Fwmark,
    IpProtocol,
    Leads,
    Listed,
    Mark,
    Network,
    Peer,
    RouterPreference,
    Span,
    everything,
    fits,
    with_names,
)
from bascule.config.kinds import Kind, RefusedWordError
from bascule.model.routing import Prefix, Realms

PORTS = Bounds("ports", 16)


@pytest.mark.parametrize(
    ("kind", "word", "value"),
    [
        (TABLE, "main", 254),
        (TABLE, "0x10", 16),
        (TABLE, "4294967297", 1),
        (SCOPE, "link", 253),
        (PROTOCOL, "bird", 12),
        (DSFIELD, "AF42", 0x90),
        (DSFIELD, "CS7", 0xE0),
        (REALMS, "5", Realms(destination=5)),
        (REALMS, "5/cosmos", Realms(destination=0, source=5)),
        (Span(8), "200ms", 1600),
        (Span(8), "1600", 1600),
        (Span(4), "0.9s", 3600),
        (Span(1), ".5sec", 500),
        (Span(1), "1", 200),
        (Span(1), "100s", 100_000),
        (RouterPreference("N"), "low", 3),
        (RouterPreference("N"), "3", 3),
        (RouterPreference("N"), "17", 0),
        (PORTS, "5-6", (5, 6)),
        (PORTS, "+5-70000x", (5, 4464)),
        (Fwmark("M"), "5", Mark(5, None)),
        (Fwmark("M"), "/0xf", Mark(0, 15)),
        (IpProtocol("P"), "UDP", 17),
        (IpProtocol("P"), "0x11", 17),
        (Peer("A"), "fd00::1", ipaddress.ip_address("fd00::1")),
    ],
)
def test_values(kind: Kind, word: str, value: object) -> None:
    assert kind.parse(word) == value


@pytest.mark.parametrize(
    ("kind", "word", "code"),
    [
        (Listed("TABLE", {"main": 254}, 255, "rt_tables"), "256", "out-of-range"),
        (TABLE, "small", "meaning/unlisted-name"),
        (REALMS, "5/x", "meaning/unlisted-name"),
        (Span(8), "5x", "bad-word"),
        (Span(8), "", "bad-word"),
        (RouterPreference("N"), "x", "bad-number"),
        (PORTS, "5", "bad-word"),
        (Fwmark("M"), "x", "bad-number"),
        (IpProtocol("P"), "256", "out-of-range"),
        (IpProtocol("P"), "foo", "bad-word"),
        (Peer("A"), "10.0.0.1/8", "bad-address"),
        (Network("N"), "x", "bad-address"),
    ],
)
def test_words_that_are_refused(kind: Kind, word: str, code: str) -> None:
    with pytest.raises(RefusedWordError) as caught:
        kind.parse(word)
    assert caught.value.code == code


def test_networks_and_everything() -> None:
    ten = ipaddress.ip_address("10.0.0.0")
    assert Network("N").parse("10.0.0.0/8") == Leads(4, Prefix(address=ten, length=8))
    assert Network("N").parse("10.0.0.0/x") == Leads(4, Prefix(address=ten, length=32))
    assert Network("N").parse("default") == Leads(None, None)
    assert Leads(None, None).of(6) == everything(6) == Network("N").parse("default6").of(4)
    assert Leads(None, None).of(None) == everything(4)
    assert (fits("8", 32), fits("33", 32), fits("", 32), fits("9" * 60, 32)) == (True, False, False, False)


def test_names_are_those_of_a_machine_while_one_is_looked_at() -> None:
    with with_names({"rt_tables": {"small": 7, "main": 5, "huge": 2**40}}):
        assert (TABLE.parse("small"), TABLE.parse("main"), TABLE.parse("local")) == (7, 5, 255)
        for word in ("other", "huge"):
            with pytest.raises(RefusedWordError) as caught:
                TABLE.parse(word)
            assert (caught.value.code, caught.value.instead) == ("bad-word", None)
    with pytest.raises(RefusedWordError) as caught:
        TABLE.parse("small")
    assert (caught.value.code, caught.value.instead) == ("meaning/unlisted-name", UNLISTED)
    with pytest.raises(RefusedWordError) as caught:
        REALMS.parse("blue/5")
    assert caught.value.instead == Realms(destination=UNLISTED)
