# SPDX-License-Identifier: Apache-2.0
"""Rules, taken and refused as keepalived 2.2.7 does."""

from __future__ import annotations

import pytest

from bascule.config.keywords.inline_rules import static_rule, virtual_rule
from bascule.config.schema import RefusedLineError
from bascule.config.source import Source
from bascule.config.tree import Statement


def statement(text: str) -> Statement:
    """One line as a statement."""
    return Statement(Source("k.conf", text), tuple(text.split()), 1, 0)


@pytest.mark.parametrize(
    "text",
    [
        "from 10.0.0.0/8 table 100 priority 5",
        "from default table 5 priority 5",
        "sport 5-6 table 5",
        "uidrange 5-6 table 5",
        "to 10.0.0.0/8 goto 5 priority 3",
        "to 10.0.0.0/8 blackhole priority 9",
        "type blackhole",
        "type goto 5 priority 3",
        "type nop",
        "7 priority 9",
        "nop",
        "l3mdev",
        "from 10.0.0.0/8 lookup main order 0x10",
        "from 10.0.0.0/8 table 5 priority 9 track_group g",
        "from 10.0.0.0/8 table 5 priority 9 protocol 18",
        "from 10.0.0.0/8 table 5 priority 9 ipproto tcp",
        "from 10.0.0.0/8 table 5 priority 9 suppress_prefixlength 33",
        "from 10.0.0.0/8 table 5 priority 9 fwmark 0x5/0xff",
        "from 10.0.0.0/8 table 5 priority 9 fwmark 5/",
        "from 10.0.0.0/8 table 5 priority 9 realms 5/6",
        "from 10.0.0.0/8 table 5 priority 9 tos 0x10",
        "from 10.0.0.0/8 table 5 priority 9 sup_group default",
        "not table 5",
        "inet6 fwmark 5 table 28 no-track",
    ],
)
def test_lines_that_are_taken(text: str) -> None:
    assert static_rule(statement(text)) == tuple(text.split())


@pytest.mark.parametrize(
    ("text", "code", "index"),
    [
        ("from 10.0.0.0/8", "incomplete", 0),
        ("inet6 x fd00::/8 table 5", "bad-word", 2),
        ("from 10.0.0.0/8 table foo", "bad-word", 3),
        ("table 5 priority", "missing-argument", 3),
        ("inet6 to 10.0.0.0/8 table 28", "bad-address", 2),
        ("inet fwmark foo", "bad-number", 2),
        ("sport 5 table 5", "bad-word", 1),
        ("uidrange 5 table 5", "bad-word", 1),
        ("goto 5 priority 9", "out-of-range", 1),
        ("goto 5", "out-of-range", 1),
        ("throw", "bad-word", 0),
        ("type throw", "bad-word", 1),
        ("l3mdev table 5", "bad-word", 2),
        ("nop type nop", "bad-word", 2),
        ("table 5 priority -1", "out-of-range", 3),
        ("table 5 priority x", "bad-number", 3),
        ("table 0", "out-of-range", 1),
        ("table unspec", "out-of-range", 1),
        ("from 10.0.0.0/8 to fd00::/8 table 5", "bad-address", 3),
        ("from 10.0.0.0/8 to default table 5", "bad-address", 3),
        ("from 10.0.0.0/40 table 5", "out-of-range", 1),
        ("from 10.0.0.0/8 table 5 priority 9 tunnel-id 0x5", "bad-number", 7),
        ("from 10.0.0.0/8 table 5 priority 9 fwmark 5/x", "bad-number", 7),
        ("from 10.0.0.0/8 table 5 priority 9 realms foo", "bad-word", 7),
        ("from 10.0.0.0/8 table 5 priority 9 sup_group foo", "bad-word", 7),
        ("from 10.0.0.0/8 table 5 priority 9 dsfield foo", "bad-word", 7),
        ("from 10.0.0.0/8 table 5 priority 9 ipproto 256", "out-of-range", 7),
        ("realms 5 nop", "bad-word", 1),
    ],
)
def test_lines_that_are_refused(text: str, code: str, index: int) -> None:
    with pytest.raises(RefusedLineError) as caught:
        static_rule(statement(text))
    assert (caught.value.code, caught.value.index) == (code, index)


def test_virtual_rules_have_no_group_and_misspelt_words_are_told() -> None:
    assert virtual_rule(statement("table 5")) == ("table", "5")
    with pytest.raises(RefusedLineError, match="'track_group' is no option"):
        virtual_rule(statement("table 5 track_group g"))
    with pytest.raises(RefusedLineError) as caught:
        virtual_rule(statement("tabel 5"))
    assert caught.value.hint == "did you mean 'table'?"
