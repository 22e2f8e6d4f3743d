# SPDX-License-Identifier: Apache-2.0
"""Lines with a grammar of their own: addresses with options, names of services, forwarding methods, trackers."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

import pytest

from bascule.config.keywords import lines
from bascule.config.schema import RefusedLineError
from bascule.config.source import Source
from bascule.config.tree import Statement
from bascule.model.configuration import VirtualAddress
from bascule.model.service import ForwardingMethod

Reader = Callable[[Statement], Any]


def statement(text: str) -> Statement:
    """One line as a statement."""
    return Statement(Source("k.conf", text), tuple(text.split()), 1, 0)


def refused(reader: Reader, text: str) -> RefusedLineError:
    """How a reader refuses a line."""
    with pytest.raises(RefusedLineError) as caught:
        reader(statement(text))
    return caught.value


def test_words_and_whole_lines() -> None:
    assert lines.words(statement("a b")) == ["a", "b"]
    assert lines.anything(statement("a b")) == ("a", "b")


def address(text: str, length: int, **options: str) -> VirtualAddress:
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
            address("10.0.0.1", 32, device="eth1", label="eth1:1", scope="link"),
        ),
        ("10.0.0.1 brd + home no_track", address("10.0.0.1", 32)),
    ],
)
def test_virtual_addresses(text: str, expected: VirtualAddress) -> None:
    assert lines.virtual_address(statement(text)) == expected


@pytest.mark.parametrize(
    ("text", "code", "index", "kept"),
    [
        ("eth0", "bad-address", 0, None),
        ("10.0.0.1 dev", "missing-argument", 2, None),
        ("10.0.0.1 label aaaaaaaaaaaaaaaa", "bad-word", 2, None),
        ("10.0.0.1 scope foo", "bad-word", 2, address("10.0.0.1", 32)),
        ("10.0.0.1 scope", "bad-word", 2, address("10.0.0.1", 32)),
        ("10.0.0.1 brd x", "bad-word", 2, None),
        ("10.0.0.1 peer 10.0.0.9/24", "bad-word", 2, None),
        ("10.0.0.2/40", "out-of-range", 0, address("10.0.0.2", 32)),
        ("10.0.0.2/x", "out-of-range", 0, address("10.0.0.2", 32)),
        ("10.0.0.3 foo dev eth1", "bad-word", 1, address("10.0.0.3", 32, device="eth1")),
    ],
)
def test_virtual_addresses_that_are_wrong(text: str, code: str, index: int, kept: VirtualAddress | None) -> None:
    error = refused(lines.virtual_address, text)
    assert (error.code, error.index, error.instead) == (code, index, kept)


def test_two_addresses_on_a_line() -> None:
    assert refused(lines.virtual_address, "10.0.0.1 10.0.0.2").hint == "one address to a line"
    assert refused(lines.virtual_address, "10.0.0.1 foo").hint is None


def test_names_of_services() -> None:
    read = lines.virtual_server_name
    assert read(statement("virtual_server 10.0.0.1 80")) == ("address", ipaddress.ip_address("10.0.0.1"), 80)
    assert read(statement("virtual_server 10.0.0.1"))[2] == 0
    assert read(statement("virtual_server fwmark 7")) == ("fwmark", 7, 0)
    assert read(statement("virtual_server group G")) == ("group", "G", 0)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("virtual_server", "missing-name"),
        ("virtual_server host 80", "bad-address"),
        ("virtual_server 10.0.0.1 70000", "out-of-range"),
        ("virtual_server fwmark", "missing-argument"),
        ("virtual_server fwmark 0", "out-of-range"),
        ("virtual_server group", "missing-argument"),
    ],
)
def test_names_of_services_that_are_wrong(text: str, code: str) -> None:
    assert refused(lines.virtual_server_name, text).code == code


def test_forwarding_methods() -> None:
    assert lines.forwarding(statement("lb_kind DR")) is ForwardingMethod.DR
    assert lines.forwarding(statement("lb_kind TUN type gue port 5")) is ForwardingMethod.TUN
    assert refused(lines.forwarding, "lb_kind").code == "missing-argument"
    assert refused(lines.forwarding, "lb_kind Dr").hint == "write 'DR'"
    assert refused(lines.forwarding, "lb_kind DRR").code == "bad-word"


def test_tracked_things() -> None:
    read = lines.tracked(253)
    assert read(statement("chk")) == ("chk", None)
    assert read(statement("chk weight -10 reverse")) == ("chk", -10)
    assert refused(read, "chk weight 254").code == "out-of-range"
    assert refused(read, "chk weight").code == "missing-argument"
    assert refused(read, "chk heavy").code == "bad-word"


def test_peers() -> None:
    assert lines.peer(statement("10.0.0.1 min_ttl 3")) == ipaddress.ip_address("10.0.0.1")
    assert refused(lines.peer, "host").code == "bad-address"
    assert refused(lines.peer, "10.0.0.1 foo 3").code == "bad-word"
    assert refused(lines.peer, "10.0.0.1 min_ttl 300").code == "out-of-range"
    assert refused(lines.peer, "10.0.0.1 max_ttl").code == "missing-argument"


def test_mail_servers() -> None:
    assert lines.mail_server(statement("smtp_server 127.0.0.1")) == ("127.0.0.1", 25)
    assert lines.mail_server(statement("smtp_server smtp.example.com 587")) == ("smtp.example.com", 587)
    assert lines.mail_server(statement("smtp_server fd00::1")) == ("fd00::1", 25)
    assert refused(lines.mail_server, "smtp_server").code == "missing-argument"
    assert refused(lines.mail_server, "smtp_server **").code == "bad-word"
    assert refused(lines.mail_server, "smtp_server h 0").code == "out-of-range"


def test_initial_values_of_tracked_files() -> None:
    assert lines.initial_value(statement("init_file")) == (None, False)
    assert lines.initial_value(statement("init_file 5")) == (5, False)
    assert lines.initial_value(statement("init_file -5 overwrite")) == (-5, True)
    assert refused(lines.initial_value, "init_file x").code == "bad-word"
    assert refused(lines.initial_value, "init_file 1 2").index == 2
    assert refused(lines.initial_value, "init_file 255").code == "out-of-range"


def test_members_of_a_group_of_services() -> None:
    read = lines.group_member
    assert read(statement("10.0.0.1 80")) == (ipaddress.ip_address("10.0.0.1"), 80)
    assert read(statement("10.0.0.2-9")) == (ipaddress.ip_address("10.0.0.2"), 0)
    assert read(statement("10.0.0.2-10.0.0.5 80"))[1] == 80
    assert read(statement("fwmark 5 inet6")) == ("fwmark", 5)
    assert refused(read, "fwmark x").code == "bad-number"
    assert refused(read, "10.0.0.300 80").code == "bad-address"
    assert refused(read, "10.0.0.1 99999").code == "out-of-range"
