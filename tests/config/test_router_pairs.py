# SPDX-License-Identifier: Apache-2.0
"""One router as two directors describe it: what is said, where, and when nothing is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bascule.config.assemble.globals import merged
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.config.router_pairs import Router, check_pair, check_priorities

Read = Callable[[str], tuple[Section, Findings]]

BASE = "interface eth0\nvirtual_router_id 51\n"


@pytest.fixture
def router(read_text: Read) -> Callable[..., Router]:
    """The router of a text: the lines of the instance, and those of global_defs."""

    def made(lines: str = BASE, defaults: str = "") -> Router:
        top, _ = read_text(f"vrrp_instance A {{\n{lines}}}\nglobal_defs {{\n{defaults}}}\n")
        return Router("k.conf", top.each("vrrp_instance")[0], merged(top, "global_defs"))

    return made


Made = Callable[..., Router]


def said(mine: Router, other: Router) -> Iterator[tuple[str, int | None, str]]:
    """Code, line and word of what two routers do not agree on."""
    findings = Findings()
    check_pair(mine, other, findings)
    for found in findings.sorted():
        assert found.column is not None
        assert found.end_column is not None
        yield found.code, found.line, found.source[found.column - 1 : found.end_column - 1]


PASS = "authentication {\nauth_type %s\nauth_pass %s\n}\n"
KEY, NEW = "x" * 32, "y" * 32
HMAC = "auth_hmac {\nkey %d %s\nactive_key %d\nmode %s\n}\n"
SIGNED = HMAC % (1, KEY, 1, "enforce")


@pytest.mark.parametrize(
    ("mine", "other", "expected"),
    [
        ("virtual_router_id 52\n", BASE, [("meaning/peer-vrid", 2, "52")]),
        (BASE + "version 3\n", BASE, [("meaning/peer-version", 4, "3")]),
        (BASE + "advert_int 2\n", BASE, [("meaning/peer-interval", 4, "2")]),
        (BASE, BASE + "advert_int 2\n", [("meaning/peer-interval", 1, "A")]),
        (BASE + "version 3\nadvert_int 0.5\n", BASE + "version 3\n", [("meaning/peer-interval", 5, "0.5")]),
        (BASE + PASS % ("PASS", "a"), BASE + PASS % ("PASS", "b"), [("meaning/peer-auth", 6, "a")]),
        (BASE + PASS % ("AH", "a"), BASE + PASS % ("PASS", "a"), [("meaning/peer-auth", 5, "AH")]),
        (BASE, BASE + PASS % ("PASS", "a"), [("meaning/peer-auth", 1, "A")]),
        (BASE + PASS % ("PASS", "a") + SIGNED, BASE + SIGNED, []),
        (BASE, BASE + SIGNED, [("meaning/peer-auth", 1, "A")]),
        (BASE + SIGNED, BASE, [("meaning/peer-auth", 4, "auth_hmac")]),
        (BASE + SIGNED, BASE + HMAC % (2, KEY, 2, "permissive"), [("meaning/peer-auth", 4, "auth_hmac")]),
        (BASE + SIGNED, BASE + HMAC % (1, NEW, 1, "enforce"), [("meaning/peer-auth", 4, "auth_hmac")]),
        (BASE + SIGNED, BASE + HMAC % (1, "file:x", 1, "permissive"), []),
        (BASE + SIGNED, BASE + HMAC % (1, KEY, 1, "receive-only"), [("meaning/peer-auth", 4, "auth_hmac")]),
        (BASE, BASE + HMAC % (1, KEY, 1, "receive-only"), []),
        (BASE + HMAC % (1, KEY, 1, "permissive"), BASE + HMAC % (1, KEY, 1, "receive-only"), []),
        (
            BASE + "virtual_ipaddress {\n10.0.0.1\n}\n",
            BASE + "virtual_ipaddress {\n10.0.0.2\n}\n",
            [("meaning/peer-addresses", 4, "virtual_ipaddress")],
        ),
        (
            BASE + "virtual_ipaddress_excluded {\n10.0.0.1\n}\n",
            BASE,
            [("meaning/peer-addresses", 4, "virtual_ipaddress_excluded")],
        ),
        (BASE + "unicast_peer {\n10.0.0.9\n}\n", BASE, [("meaning/peer-unicast", 4, "unicast_peer")]),
        (
            BASE + "unicast_src_ip 10.0.0.1\nunicast_peer {\n10.0.0.2\n}\n",
            BASE + "unicast_src_ip 10.0.0.3\nunicast_peer {\n10.0.0.1\n}\n",
            [("meaning/peer-unicast", 5, "unicast_peer")],
        ),
        (
            BASE + "mcast_src_ip 10.0.0.1\n",
            BASE + "mcast_src_ip 10.0.0.1\n",
            [("meaning/peer-source", 4, "10.0.0.1")],
        ),
    ],
)
def test_what_two_directors_do_not_agree_on(
    router: Made, mine: str, other: str, expected: list[tuple[str, int, str]]
) -> None:
    assert list(said(router(mine), router(other))) == expected


@pytest.mark.parametrize(
    ("mine", "other"),
    [
        (BASE, BASE),
        (BASE + "advert_int 1.2\n", BASE),  # Version 2 sends both as 1.
        (BASE + "advert_int 2\n", BASE + "version 3\n"),  # Only the version is told, below.
        (BASE + PASS % ("PASS", "12345678"), BASE + PASS % ("PASS", "12345678x")),
        (
            BASE + "virtual_ipaddress {\n10.0.0.1\n10.0.0.2/24\n}\n",
            BASE + "virtual_ipaddress {\n10.0.0.2\n10.0.0.1\n}\n",
        ),
        (BASE + "mcast_src_ip 10.0.0.1\n", BASE + "mcast_src_ip 10.0.0.2\n"),
        (BASE + "state MASTER\npriority 1\ninterface eth9\n", BASE),
    ],
)
def test_what_may_differ(router: Made, mine: str, other: str) -> None:
    assert [code for code, _, _ in said(router(mine), router(other)) if code != "meaning/peer-version"] == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("virtual_router_id many\n", "vrid"),
        ("Version 3\n", "version"),
        ("advert_int long\n", "interval"),
        ("Authentication {\n}\n", "auth"),
        ("authentication {\nAuth_pass x\n}\n", "auth"),
        ("Virtual_ipaddress {\n10.0.0.9\n}\n", "addresses"),
        ("Unicast_peer {\n10.0.0.9\n}\n", "unicast"),
    ],
)
def test_what_was_refused_or_misspelt_is_not_compared(router: Made, line: str, code: str) -> None:
    whole = (
        BASE
        + "version 2\nadvert_int 3\nvirtual_ipaddress {\n10.0.0.1\n}\nunicast_peer {\n10.0.0.7\n}\n"
        + PASS % ("PASS", "a")
    )
    assert f"meaning/peer-{code}" not in [found for found, _, _ in said(router(line), router(whole))]


def test_defaults_come_from_global_defs_and_from_the_family(router: Made) -> None:
    assert router(BASE, "vrrp_version 3\n").version == 3
    assert router(BASE).version == 2
    six = router(BASE + "virtual_ipaddress {\nfd00::1\n}\n")
    assert (six.family, six.version) == (6, 3)
    assert router(BASE + "native_ipv6\n").family == 6


def test_the_priority_of_an_instance_that_says_none(router: Made) -> None:
    assert router(BASE).priority == 100
    assert router(BASE + "state MASTER\n").priority == 255
    assert router(BASE + "state MASTER\npriority 9\n").priority == 9
    assert router(BASE + "priority 999\n").priority is None


def test_equal_priorities_are_said_once_for_each_later_director(router: Made) -> None:
    findings = Findings()
    lines = ("priority 90\n", "", "priority 100\n", "priority 999\n", "priority 999\n")
    check_priorities([router(BASE + line) for line in lines], findings)
    assert [(found.code, found.line) for found in findings.sorted()] == [("meaning/peer-priority", 4)]
