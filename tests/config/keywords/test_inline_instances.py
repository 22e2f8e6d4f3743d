# SPDX-License-Identifier: Apache-2.0
"""Trackers and peers, taken and refused as keepalived 2.2.7 does."""

from __future__ import annotations

import ipaddress

import pytest

from bascule.config.keywords.inline_instances import TRACK_INTERFACE, TRACK_SCRIPT, peer, tracked
from bascule.config.schema import RefusedLineError
from bascule.config.source import Source
from bascule.config.tree import Statement


def statement(text: str) -> Statement:
    """One line as a statement."""
    return Statement(Source("k.conf", text), tuple(text.split()), 1, 0)


script = tracked(TRACK_SCRIPT)
interface = tracked(TRACK_INTERFACE)


def test_lines_that_are_taken() -> None:
    assert peer(statement("10.0.0.1 min_ttl 3 max_ttl 3")) == ipaddress.ip_address("10.0.0.1")
    assert script(statement("chk")) == ("chk", None, None)
    assert script(statement("chk weight -10 reverse")) == ("chk", -10, True)
    assert script(statement("chk weight 5 noreverse and more")) == ("chk", 5, False)
    assert interface(statement("eth0 weight 5 reverse")) == ("eth0", 5, True)


@pytest.mark.parametrize(
    ("text", "code", "index"),
    [
        ("host", "bad-address", 0),
        ("10.0.0.1 foo 3", "bad-word", 1),
        ("10.0.0.1 min_ttl 300", "out-of-range", 2),
        ("10.0.0.1 max_ttl", "missing-argument", 2),
        ("10.0.0.1 max_ttl 3 min_ttl 5", "out-of-range", 4),
    ],
)
def test_peer_refused(text: str, code: str, index: int) -> None:
    with pytest.raises(RefusedLineError) as caught:
        peer(statement(text))
    assert (caught.value.code, caught.value.index) == (code, index)


@pytest.mark.parametrize(
    ("text", "code", "index"),
    [
        ("chk weight 254", "out-of-range", 2),
        ("chk weight", "missing-argument", 2),
        ("chk weight x", "bad-number", 2),
        ("chk heavy", "bad-word", 1),
        ("chk reverse", "bad-word", 1),
        ("chk weight 5 foo", "bad-word", 3),
        ("chk weight 5 weight 6", "bad-word", 3),
    ],
)
def test_script_refused(text: str, code: str, index: int) -> None:
    with pytest.raises(RefusedLineError) as caught:
        script(statement(text))
    assert (caught.value.code, caught.value.index) == (code, index)


@pytest.mark.parametrize(
    ("text", "code", "index"),
    [
        ("eth0 weight 5 noreverse", "bad-word", 3),
    ],
)
def test_interface_refused(text: str, code: str, index: int) -> None:
    with pytest.raises(RefusedLineError) as caught:
        interface(statement(text))
    assert (caught.value.code, caught.value.index) == (code, index)
