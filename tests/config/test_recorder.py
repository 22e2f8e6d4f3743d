# SPDX-License-Identifier: Apache-2.0
"""What counts as in effect: the last of what is acted on, all of what is not, and nothing that was refused."""

from __future__ import annotations

from bascule.config import tree
from bascule.config.diagnostics import Findings
from bascule.config.keywords import inline_addresses, lines
from bascule.config.keywords.top import TOP
from bascule.config.recorder import Recorder, accepted
from bascule.config.source import Source
from bascule.config.tree import Statement


def taken(text: str) -> list[str]:
    """The lines that count."""
    findings = Findings()
    statements = tree.build(Source("k.conf", text), TOP.shape, findings)
    recorder = Recorder(findings, legacy=True)
    recorder.section(TOP, None, statements)
    every = [one for statement in statements for one in (statement, *statement.walk())]
    return [" ".join(one.words) for one in every if id(one) in recorder.taken]


def line(text: str) -> Statement:
    """A line in a block of lines."""
    return Statement(Source("k.conf", text), tuple(text.split()), 1, 0)


def test_the_last_counts_of_what_is_acted_on_and_all_of_the_rest() -> None:
    text = "vrrp_instance A {\n priority 1\n priority 2\n debug 1\n debug 2\n}\n"
    assert taken(text) == ["vrrp_instance A", "priority 2", "debug 1", "debug 2"]


def test_what_is_refused_or_unknown_does_not_count() -> None:
    assert taken("vrrp_instance A {\n priority 999\n foo\n Priority 3\n}\nfoo {\n priority 3\n}\n") == [
        "vrrp_instance A"
    ]


def test_a_word_that_means_nothing_does_not_count_and_lists_grow() -> None:
    text = (
        "virtual_server 10.0.0.1 80 {\n nat_mask 255.255.255.0\n}\nbascule {\n xdp_interface a\n xdp_interface b\n}\n"
    )
    assert taken(text) == ["virtual_server 10.0.0.1 80", "bascule", "xdp_interface a", "xdp_interface b"]


def test_a_line_loses_what_is_ignored() -> None:
    kept = accepted(line("10.0.0.1/99 foo dev eth0 bar"), inline_addresses.virtual_address)
    assert kept is not None
    assert tuple(kept.words) == ("10.0.0.1", "dev", "eth0")
    assert kept.value.device == "eth0"
    assert accepted(line("nonsense"), inline_addresses.virtual_address) is None


def test_a_lone_brace_is_no_line() -> None:
    brace = Statement(Source("k.conf", "{"), ("",), 1, 0)
    brace.children = []
    assert accepted(brace, lines.words) is None
