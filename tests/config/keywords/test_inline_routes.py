# SPDX-License-Identifier: Apache-2.0
"""Routes, taken and refused as keepalived 2.2.7 does."""

from __future__ import annotations

import pytest

from bascule.config.keywords.inline_routes import static_route, virtual_route
from bascule.config.schema import RefusedLineError
from bascule.config.source import Source
from bascule.config.tree import Statement


def statement(text: str) -> Statement:
    """One line as a statement."""
    return Statement(Source("k.conf", text), tuple(text.split()), 1, 0)


@pytest.mark.parametrize(
    "text",
    [
        "default via 10.0.0.1 dev lo",
        "inet 10.0.0.0/8 to 10.1.0.0/8 dev lo",
        "inet6 to fd00::/8 dev lo",
        "blackhole 10.0.0.0/8 no_track",
        "7 10.0.0.0/8 no_track",
        "local 10.0.0.0/8",
        "10.0.0.0/8 dev lo mtu lock 1400",
        "10.0.0.0/8 dev lo rtt 5ms",
        "10.0.0.0/8 dev lo rto_min 1.5s",
        "10.0.0.0/8 dev lo features ecn",
        "10.0.0.0/8 dev lo congctl lock cubic",
        "fd00::/8 dev lo pref high",
        "fd00::/8 dev lo pref 9",
        "fd00::/8 dev lo expires 5",
        "fd00::/8 from fd01::/8 src fd00::1",
        "default6 dev lo",
        "default via inet6 fd00::1 dev lo",
        "10.0.0.0/8 dev lo track_group g",
        "10.0.0.0/8 dev lo encap ip dst 10.0.0.1",
        "10.0.0.0/8 dev lo metric 5 add append prepend onlink",
        "10.0.0.0/8 dev lo scope link",
        "10.0.0.0/8 dev lo realms 5/cosmos",
        "10.0.0.0/8 dev lo table 0x5",
        "10.0.0.0/8 dev lo table 99999999999",
        "10.0.0.0/8 dev lo protocol static no_track",
        "10.0.0.0/8 nexthop via 10.0.0.1 weight 5 nexthop via 10.0.0.2",
        "10.0.0.0/8 dev lo ttl-propagate enabled",
        "10.0.0.0/8 dev lo tos AF11",
    ],
)
def test_lines_that_are_taken(text: str) -> None:
    assert static_route(statement(text)) == tuple(text.split())


@pytest.mark.parametrize(
    ("text", "code", "index"),
    [
        ("10.0.0.0/8 via", "missing-argument", 2),
        ("10.0.0.0/8 dev lo mtu lock", "missing-argument", 5),
        ("10.0.0.0/8 dev lo table foo", "bad-word", 4),
        ("via 10.0.0.1 dev lo", "incomplete", 0),
        ("10.0.0.0/8 dev lo foo", "bad-word", 3),
        ("via 10.0.0.1 default dev lo", "bad-address", 2),
        ("10.0.0.0/40 dev lo", "out-of-range", 0),
        ("10.0.0.0/8 gw 10.0.0.1", "deprecated", 1),
        ("10.0.0.0/8 via 10.0.0.1 or 10.0.0.2", "deprecated", 3),
        ("blackhole dev lo", "bad-address", 1),
        ("unicast dev lo", "bad-word", 1),
        ("local", "missing-argument", 1),
        ("10.0.0.0/8 dev lo mtu 0x5", "bad-number", 4),
        ("10.0.0.0/8 dev lo mtu -5", "out-of-range", 4),
        ("10.0.0.0/8 dev lo rtt 5x", "bad-word", 4),
        ("10.0.0.0/8 dev lo features foo", "bad-word", 4),
        ("10.0.0.0/8 dev lo quickack 2", "out-of-range", 4),
        ("10.0.0.0/8 dev lo pref high", "bad-address", 4),
        ("10.0.0.0/8 dev lo pref foo", "bad-number", 4),
        ("10.0.0.0/8 dev lo ttl-propagate foo", "bad-word", 4),
        ("10.0.0.0/8 dev lo hoplimit 256", "out-of-range", 4),
        ("10.0.0.0/8 dev lo expires 5", "bad-address", 4),
        ("10.0.0.0/8 dev lo as to 10.0.0.1", "bad-word", 5),
        ("10.0.0.0/8 dev lo encap foo", "bad-word", 4),
        ("10.0.0.0/8 dev lo scope foo", "bad-word", 4),
        ("10.0.0.0/8 dev lo scope 256", "out-of-range", 4),
        ("10.0.0.0/8 dev lo src 10.0.0.5/32", "bad-address", 4),
        ("10.0.0.0/8 dev lo src fd00::1", "bad-address", 4),
        ("10.0.0.0/8 dev lo from 10.0.0.0/8", "bad-address", 4),
        ("fd00::/8 realms 5", "bad-address", 2),
        ("inet 10.0.0.0/8 dev lo", "incomplete", 0),
        ("10.0.0.0/8 inet6 x", "bad-address", 1),
        ("10.0.0.0/8 dev lo window lock 5", "bad-number", 4),
        ("to x dev lo", "bad-address", 1),
    ],
)
def test_lines_that_are_refused(text: str, code: str, index: int) -> None:
    with pytest.raises(RefusedLineError) as caught:
        static_route(statement(text))
    assert (caught.value.code, caught.value.index) == (code, index)


def test_virtual_routes_have_no_group_and_misspelt_words_are_told() -> None:
    assert virtual_route(statement("10.0.0.0/8 dev lo")) == ("10.0.0.0/8", "dev", "lo")
    with pytest.raises(RefusedLineError, match="'track_group' is no option"):
        virtual_route(statement("10.0.0.0/8 dev lo track_group g"))
    with pytest.raises(RefusedLineError) as caught:
        virtual_route(statement("10.0.0.0/8 dve lo"))
    assert caught.value.hint == "did you mean 'dev'?"
