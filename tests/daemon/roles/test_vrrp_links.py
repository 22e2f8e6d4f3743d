# SPDX-License-Identifier: Apache-2.0
"""Tracked interfaces by their link messages."""

from __future__ import annotations

import struct

import pytest

from bascule.daemon.roles.vrrp_links import Links, words_for
from bascule.linux.interfaces import DELETE_LINK, NEW_LINK, Interface
from bascule.linux.netlink import Netlink, NetlinkMessage, attribute

UP, RUNNING = 0x1, 0x40


def link(name: str, flags: int, kind: int = NEW_LINK) -> NetlinkMessage:
    return NetlinkMessage(kind, struct.pack("=BxHiII", 0, 1, 7, flags, 0) + attribute(3, name.encode() + b"\0"))


@pytest.mark.parametrize(
    ("up", "running", "words"),
    [(True, True, "is up"), (True, False, "has no carrier"), (False, False, "is set down")],
)
def test_words(up: bool, running: bool, words: str) -> None:
    assert words_for(Interface(index=1, name="eth1", hardware_address=b"", up=up, running=running)) == words
    assert words_for(None) == "does not exist"


def test_what_is_tracked_is_looked_at_and_followed() -> None:
    seen: list[tuple[str, bool, str]] = []
    with Netlink() as netlink:
        links = Links(netlink, lambda name, up, why: seen.append((name, up, why)))
        links.configure(("lo", "none0"))
        assert seen == [("lo", True, "is up"), ("none0", False, "does not exist")]
        seen.clear()
        links.update((link("none0", UP | RUNNING), link("other", UP), link("none0", UP)), True)
        links.update((link("none0", UP | RUNNING, DELETE_LINK),), True)
        assert seen == [
            ("none0", True, "is up"),
            ("none0", False, "has no carrier"),
            ("none0", False, "does not exist"),
        ]
        seen.clear()
        links.update((), False)
        assert seen == [("lo", True, "is up"), ("none0", False, "does not exist")]
