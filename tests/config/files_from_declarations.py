# SPDX-License-Identifier: Apache-2.0
"""Hypothesis: configuration files made from the keywords' own declarations, right ones and wrong ones.

Every keyword that is declared comes up, whatever it is; so does text that no reader takes.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies

from bascule.config.keywords.top import TOP
from bascule.config.kinds import Choice, Decimal, Integer, IPAddressKind, Kind, Pattern
from bascule.config.schema import Block, Keyword
from bascule.config.spelling import line_of

_WORDS = (
    "eth0", "10.0.0.1", "10.0.0.2/24", "2001:db8::1", "80", "0", "1", "a b", "x#y", "", "DR", "NAT", "TUN", "dev",
    "label", "weight", "reverse", "overwrite", "fwmark", "group", "VI_1", "on", "{", "@low", "~", "include",
)  # fmt: skip
_NOISE = (
    "foo", "foo {", "}", "Priority 3", "priority 3 4", '"', "$A=b c", "interface $A", "state ${A}", "@low weight 5",
    "~SEQ(i, 2) delay_loop $i", "real_server 10.0.0.$A 80 {", "\\", "priority \\", "{", "state ${B}", "lvs_id x",
    "lvs_sync_daemon_inteface eth0", "weight 010",
)  # fmt: skip

_ANY = strategies.sampled_from(_WORDS)


def words_of(kind: Kind) -> strategies.SearchStrategy[str]:
    """Words that a kind takes, in all their spellings."""
    if isinstance(kind, Integer):
        return strategies.integers(kind.low, kind.high).map(str) | strategies.integers(0, 20).map("{:03}".format)
    if isinstance(kind, Decimal):
        return strategies.floats(kind.low, kind.high).map("{:.6f}".format)
    if isinstance(kind, Choice):
        return strategies.sampled_from([*kind.values, *(word.lower() for word in kind.values)])
    if isinstance(kind, IPAddressKind):
        return strategies.sampled_from(["10.0.0.1", "10.0.0.2/24", "2001:DB8::1", "224.0.0.18", "ff02::12"])
    if isinstance(kind, Pattern):
        return strategies.from_regex(kind.pattern, fullmatch=True)
    return _ANY


@strategies.composite
def statements(draw: strategies.DrawFn, block: Block, depth: int = 0, noise: bool = False) -> list[str]:
    """The lines of a block."""
    names = draw(strategies.lists(strategies.sampled_from(sorted(block.table)), max_size=6 if depth else 3))
    lines: list[str] = []
    for name in names:
        lines += draw(_statement(block.table[name], depth, noise))
        if noise and draw(strategies.integers(0, 3)) == 0:
            lines.append(draw(strategies.sampled_from(_NOISE)))
    return lines


@strategies.composite
def _statement(draw: strategies.DrawFn, keyword: Keyword, depth: int, noise: bool) -> list[str]:
    if keyword.reader is not None:
        words = draw(strategies.lists(_ANY, max_size=4))
    else:
        count = len(keyword.arguments) - draw(strategies.integers(0, keyword.optional))
        words = [draw(words_of(kind)) for kind in keyword.arguments[:count]]
        if keyword.rest is not None and count == len(keyword.arguments):
            words += draw(strategies.lists(words_of(keyword.rest), max_size=2))
    lines = [line_of(words, keyword.name)]
    if keyword.braced:
        lines[0] += " {"
        inside = (
            draw(statements(keyword.block, depth + 1, noise))
            if keyword.block is not None
            else draw(strategies.lists(strategies.lists(_ANY, min_size=1, max_size=4).map(line_of), max_size=3))
        )
        lines += [*inside, "}"]
    return lines


def files(noise: bool) -> strategies.SearchStrategy[str]:
    """Whole files; with `noise`, text in them that is wrong."""

    def joined(lines: Sequence[str]) -> str:
        return "".join(f"{line}\n" for line in lines)

    return statements(TOP, noise=noise).map(joined)
