# SPDX-License-Identifier: Apache-2.0
"""Which version of VRRP an instance speaks: what keepalived 2.2.7 was seen to send for the same lines."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.assemble.globals import merged
from bascule.config.assemble.version import check_version, version_of
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section

Read = Callable[[str], tuple[Section, Findings]]

V4 = "virtual_ipaddress {\n192.168.2.240\n}"
V6 = "virtual_ipaddress {\nfd02::240\n}"
PEER6 = "unicast_peer {\nfd02::211\n}"


def read(read_text: Read, body: str, above: str = "") -> tuple[int, list[tuple[int, str]]]:
    """The version, and what is said, by line: the first of the block's is 2."""
    before = f"global_defs {{ {above}\n}}\n" if above else ""
    top, _ = read_text(f"{before}vrrp_instance A {{\n{body}\n}}\n")
    (section,) = top.each("vrrp_instance")
    defaults, findings = merged(top, "global_defs"), Findings()
    check_version(section, defaults, findings)
    shift = before.count("\n")
    found = [((one.line or 0) - shift, one.code) for one in findings.sorted()]
    return version_of(section, defaults), found


@pytest.mark.parametrize(
    ("body", "above", "version", "found"),
    [
        (V4, "", 2, []),
        (V4, "\nvrrp_version 3", 3, []),
        (f"version 2\n{V4}", "\nvrrp_version 3", 2, []),
        (V6, "", 3, []),
        (V6, "\nvrrp_version 2", 3, []),
        ("native_ipv6", "\nvrrp_version 2", 3, []),
        (f"{V6}\nversion 3", "", 3, []),
        (f"version 2\n{V6}", "", 2, [(2, "meaning/version-family")]),
        (f"version 2\n{PEER6}\n{V6}", "", 2, [(2, "meaning/version-family")]),
        (f"{V6}\nversion 2", "", 3, [(5, "bad-word")]),
        (f"{PEER6}\nversion 2\n{V6}", "", 3, [(5, "bad-word")]),
        (f"mcast_src_ip fe80::1\nversion 2\n{V6}", "", 3, [(3, "bad-word")]),
        (f"native_ipv6\nversion 2\n{V6}", "", 3, [(3, "bad-word")]),
        (f"version 2\nnative_ipv6\n{V6}", "", 3, [(2, "bad-word")]),
        (f"version 2\n{V6}\nnative_ipv6", "", 3, [(2, "bad-word")]),
        (f"version 3\nversion 2\n{V6}", "", 3, [(3, "bad-word")]),
        (f"version 2\nunicast_src_ip fd02::210\nversion 3\n{V6}", "", 2,
         [(2, "meaning/version-family"), (4, "bad-word")]),
        (f"{V4}\nversion 3\nversion 2", "", 3, [(6, "bad-word")]),
        (f"{V4}\nnative_ipv6\nversion 2", "", 2, []),
        (f"version 2\n{V6}", "\nvrrp_strict", 3, [(2, "meaning/strict")]),
        (f"strict_mode\nversion 2\n{V6}", "", 3, [(3, "meaning/strict")]),
        (f"version 7\nversion\n{V6}", "", 3, []),
    ],
)  # fmt: skip
def test_the_version_is_the_one_that_keepalived_speaks(
    read_text: Read, body: str, above: str, version: int, found: list[tuple[int, str]]
) -> None:
    assert read(read_text, body, above) == (version, found)
