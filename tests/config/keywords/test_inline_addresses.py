# SPDX-License-Identifier: Apache-2.0
"""Addresses with options, taken and refused as keepalived 2.2.7 does."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from bascule.config.keywords.inline_addresses import static_address, virtual_address
from bascule.config.schema import RefusedLineError
from bascule.config.source import Source
from bascule.config.tree import Statement
from bascule.model.configuration import FOREVER, VirtualAddress


def statement(text: str) -> Statement:
    """One line as a statement."""
    return Statement(Source("k.conf", text), tuple(text.split()), 1, 0)


def refused(text: str) -> RefusedLineError:
    """How a line is refused."""
    with pytest.raises(RefusedLineError) as caught:
        virtual_address(statement(text))
    return caught.value


def address(text: str, length: int, **options: Any) -> VirtualAddress:
    """What a line of `virtual_ipaddress` should say."""
    return VirtualAddress(address=ipaddress.ip_address(text), prefix_length=length, **options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1", address("10.0.0.1", 32)),
        ("10.0.0.1/24", address("10.0.0.1", 24)),
        ("fd00::1", address("fd00::1", 128)),
        (
            "10.0.0.1 dev eth1 label eth1:1 scope link",
            address("10.0.0.1", 32, device="eth1", label="eth1:1", scope=253),
        ),
        (
            "10.0.0.1/24 brd + home no_track",
            address("10.0.0.1", 24, broadcast=ipaddress.ip_address("10.0.0.255"), home=True, no_track=True),
        ),
        ("10.0.0.1/24 brd -", address("10.0.0.1", 24, broadcast=ipaddress.ip_address("10.0.0.0"))),
        (
            "10.0.0.1 preferred_lft forever peer 10.0.0.2",
            address("10.0.0.1", 32, peer=ipaddress.ip_address("10.0.0.2")),
        ),
        ("10.0.0.1 brd 10.0.0.9", address("10.0.0.1", 32, broadcast=ipaddress.ip_address("10.0.0.9"))),
        ("fd00::1 preferred_lft 5 scope 0", address("fd00::1", 128, preferred_lifetime=5)),
        (
            "fd00::1 preferred_lft forever -nodad mngtmpaddr noprefixroute autojoin",
            address(
                "fd00::1",
                128,
                preferred_lifetime=FOREVER,
                detect_duplicates=True,
                mngtmpaddr=True,
                noprefixroute=True,
                autojoin=True,
            ),
        ),
    ],
)
def test_virtual_addresses(text: str, expected: VirtualAddress) -> None:
    assert virtual_address(statement(text)) == expected


@pytest.mark.parametrize(
    ("text", "code", "index", "kept"),
    [
        ("eth0", "bad-address", 0, None),
        ("10.0.0.1 dev", "missing-argument", 2, None),
        ("10.0.0.1 label aaaaaaaaaaaaaaaa", "bad-word", 2, None),
        ("10.0.0.1 scope foo", "meaning/unlisted-name", 2, address("10.0.0.1", 32)),
        ("10.0.0.1 scope", "missing-argument", 2, None),
        ("10.0.0.1 brd x", "bad-word", 2, None),
        ("10.0.0.1 peer 10.0.0.9/24", "bad-address", 2, address("10.0.0.1", 32)),
        ("10.0.0.1 preferred_lft x", "bad-word", 2, address("10.0.0.1", 32)),
        ("10.0.0.1 preferred_lft 4294967296", "out-of-range", 2, address("10.0.0.1", 32)),
        ("10.0.0.1 scope 256", "out-of-range", 2, address("10.0.0.1", 32)),
        ("10.0.0.1 dev a dev b", "duplicate", 4, None),
        (
            "10.0.0.1 peer 10.0.0.2 brd 10.0.0.255",
            "bad-word",
            4,
            address("10.0.0.1", 32, peer=ipaddress.ip_address("10.0.0.2")),
        ),
        ("10.0.0.1/32 brd +", "bad-word", 2, address("10.0.0.1", 32)),
        ("10.0.0.1 notrack", "bad-word", 1, address("10.0.0.1", 32)),
        ("10.0.0.1 track_group g", "bad-word", 1, address("10.0.0.1", 32)),
        ("fd00::1 brd +", "bad-word", 2, None),
        ("fd00::1 scope link", "bad-word", 2, address("fd00::1", 128)),
        ("fd00::1 label x", "bad-word", 2, address("fd00::1", 128)),
        ("10.0.0.2/40", "out-of-range", 0, address("10.0.0.2", 32)),
        ("10.0.0.2/x", "out-of-range", 0, address("10.0.0.2", 32)),
        ("10.0.0.3 foo dev eth1", "bad-word", 1, address("10.0.0.3", 32, device="eth1")),
    ],
)
def test_virtual_addresses_that_are_wrong(text: str, code: str, index: int, kept: VirtualAddress | None) -> None:
    error = refused(text)
    assert (error.code, error.index, error.instead) == (code, index, kept)


def test_two_addresses_on_a_line() -> None:
    assert refused("10.0.0.1 10.0.0.2").hint == "one address to a line"
    assert refused("10.0.0.1 foo").hint is None
    assert refused("10.0.0.1 notrack").hint == "did you mean 'no_track'?"


def test_static_addresses_have_a_group_and_no_vmac() -> None:
    assert virtual_address(statement("10.0.0.1 use_vmac")) == address("10.0.0.1", 32, use_vmac=True)
    named = static_address(statement("10.0.0.1/8 dev eth1 track_group g"))
    assert named == address("10.0.0.1", 8, device="eth1", track_group="g")
    with pytest.raises(RefusedLineError, match="'use_vmac' is no option"):
        static_address(statement("10.0.0.1 dev eth1 use_vmac"))
