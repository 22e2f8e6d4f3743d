# SPDX-License-Identifier: Apache-2.0
"""What instances and groups mean: when it is said, where, and when not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.diagnostics import Findings
from bascule.config.meaning_instances import check_instances
from bascule.config.reader import Section

Read = Callable[[str], tuple[Section, Findings]]

INSTANCE = "vrrp_instance %s {\ninterface eth0\nvirtual_router_id 51\n%s}\n"
AUTHENTICATION = "authentication {\nauth_type PASS\nauth_pass x\n}\n"
ADDRESS6 = "virtual_ipaddress {\nfd00::1\n}\n"


def said(read_text: Read, text: str) -> list[tuple[str, int | None]]:
    """Code and line of what is found in the instances of a text."""
    top, _ = read_text(text)
    findings = Findings()
    check_instances(top, findings)
    return [(found.code.removeprefix("meaning/"), found.line) for found in findings.sorted()]


SIGNED = f"auth_hmac {{\nkey 1 {'x' * 32}\nactive_key 1\n}}\n"


def addresses(first: str, count: int) -> str:
    """A list of so many addresses."""
    lines = "".join(f"{first}{number:x}\n" for number in range(1, count + 1))
    return f"virtual_ipaddress {{\n{lines}}}\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", []),
        (addresses("fd00::", 89), []),
        (addresses("fd00::", 90), [("vip-count", 4)]),
        ("version 3\n" + AUTHENTICATION, [("auth-version", 5)]),
        (SIGNED + addresses("fd00::", 88), []),
        (SIGNED + addresses("fd00::", 89), [("vip-count", 8)]),
        (SIGNED + AUTHENTICATION, [("auth-both", 8)]),
        ("version 3\n" + SIGNED + AUTHENTICATION, [("auth-both", 9)]),
        (SIGNED, []),
        ("version 3\n", []),
        (AUTHENTICATION, []),
        ("version 2\n" + ADDRESS6, [("version-family", 4)]),
        ("version 2\n" + AUTHENTICATION + ADDRESS6, [("version-family", 4), ("auth-family", 6)]),
        ("version 2\n" + AUTHENTICATION.replace("PASS", "AH") + ADDRESS6, [("version-family", 4), ("auth-family", 6)]),
        ("version 2\nauthentication {\nauth_pass x\n}\n" + ADDRESS6, [("version-family", 4)]),
        (ADDRESS6 + "version 2\n", [("bad-word", 7)]),
        ("version 3\nadvert_int 40.95\n", []),
        ("version 3\nadvert_int 41\n", [("advert-long", 5)]),
        ("advert_int 41\n", []),
        ("preempt_delay 5\n", []),
        ("preempt_delay 0\nstate MASTER\n", []),
        ("preempt_delay 5\nstate MASTER\n", [("preempt-delay", 4)]),
        ("preempt_delay 5\nnopreempt\n", [("preempt-delay", 4)]),
        ("unicast_src_ip 10.0.0.1\nunicast_peer {\n10.0.0.2\n10.0.0.1\n}\n", [("unicast-self", 7)]),
        ("unicast_src_ip 10.0.0.1\nunicast_peer {\n10.0.0.2\n}\n", []),
        ("unicast_peer {\n10.0.0.2\n}\n", []),
    ],
)
def test_an_instance_alone(read_text: Read, lines: str, expected: list[tuple[str, int]]) -> None:
    assert said(read_text, INSTANCE % ("A", lines)) == expected


def test_255_addresses_of_ipv4_fit(read_text: Read) -> None:
    lines = "".join(f"10.0.{number // 200}.{number % 200}\n" for number in range(256))
    text = INSTANCE % ("A", f"virtual_ipaddress {{\n{lines}}}\n")
    assert said(read_text, text) == [("vip-count", 4)]
    assert said(read_text, text.replace("10.0.0.0\n", "")) == []


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("10.0.0.1", "10.0.0.1/24", [("vip-twice", 12)]),
        ("10.0.0.1", "10.0.0.2", []),
        ("10.0.0.1", "10.0.0.1 dev eth1", []),
    ],
)
def test_an_address_in_two_instances(read_text: Read, first: str, second: str, expected: list[tuple[str, int]]) -> None:
    blocks = [f"virtual_ipaddress{end} {{\n{word}\n}}\n" for word, end in ((first, ""), (second, "_excluded"))]
    assert said(read_text, INSTANCE % ("A", blocks[0]) + INSTANCE % ("B", blocks[1])) == expected


BOTH = INSTANCE % ("A", "") + INSTANCE % ("B", "")
GROUP = "vrrp_sync_group %s {\ngroup {\n%s\n}\n}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GROUP % ("G", "A\nB") + BOTH, []),
        (GROUP % ("G", "A B") + BOTH, []),
        (GROUP % ("G", "A\nB\nC") + BOTH, [("sync-group", 5)]),
        (GROUP % ("G", "A") + BOTH, [("sync-group", 1)]),
        ("vrrp_sync_group G {\n}\n" + BOTH, [("sync-group", 1)]),
        (GROUP % ("G", "A\nB") + GROUP % ("H", "A\nB") + BOTH, [("sync-group", 9), ("sync-group", 10)]),
        (GROUP % ("G", "A\nB") + BOTH + "Vrrp_instance C {\n}\n", []),
        (GROUP % ("G", "A\nC") + "Vrrp_instance C {\n}\n" + BOTH, []),
        ("vrrp_sync_group G {\nGroup {\nA\n}\n}\n" + BOTH, []),
    ],
)
def test_groups(read_text: Read, text: str, expected: list[tuple[str, int]]) -> None:
    assert said(read_text, text) == expected
