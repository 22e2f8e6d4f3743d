# SPDX-License-Identifier: Apache-2.0
"""No text makes the reader raise, hang, or do more than a linear amount of work; what has no end gets an error.

Work is counted in Python calls, which are the same at each run, not in time.
"""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Callable
from types import FrameType

import hypothesis
import pytest
from hypothesis import strategies

from bascule.config.diagnostics import Findings
from bascule.config.loader import Loaded, load, load_sources
from bascule.config.reader import SAID_OF_A_LINE
from bascule.config.render import as_text
from bascule.config.source import Source
from bascule.model.diagnostic import Severity
from tests.config.files_from_declarations import files

SEEDS = sorted((pathlib.Path(__file__).parents[1] / "fuzz" / "seeds").iterdir())
LINE_WORDS = (
    "vrrp_instance A {", "virtual_server 10.0.0.1 80 {", "real_server 10.0.0.2 80 {", "TCP_CHECK {", "}", "{", "}}",
    "virtual_ipaddress {", "10.0.0.1", "global_defs", "state MASTER", "Priority 3", "priority", "foo {", '"', '"a',
    "# c \\", "\\", "$A=$A", "$A=x ${A}", "$A", "${A}", "${B}", "~SEQ(i, 3) $i", "~SEQ(i, 1, 0, 3) x",
    "~LST({a,b},{1},{})", "~SEQ(", "@x y", "@^x priority 7", "include nothere", "includea {a,b}",
    "track_script {", "interface eth0!c",
    "\x00", "\ufeff", "\u2028priority 3", "\x1cpriority", "a" * 70_000, "bascule {", "legacy skip", "net_namespace $X",
)  # fmt: skip


def sound(loaded: Loaded) -> None:
    """What holds of every answer, whatever the question."""
    text = as_text(loaded.diagnostics, colour=False)
    assert bool(text) == bool(loaded.diagnostics)
    fatal = any(found.severity is Severity.FATAL for found in loaded.diagnostics)
    assert (loaded.configuration is None) == fatal
    assert len(set(loaded.diagnostics)) == len(loaded.diagnostics)
    for found in loaded.diagnostics:
        if found.line is not None:
            assert found.column is not None
            assert found.end_column is not None
            assert 1 <= found.column < found.end_column <= len(found.source) + 2


ANY_TEXT = strategies.text(max_size=200) | strategies.text(strategies.sampled_from('{}"#!$~@\\ \n\tab0'), max_size=80)


def read_text(text: str) -> Loaded:
    """Text as if it stood in `k.conf`."""
    return load_sources([Source("k.conf", text)], Findings())


@hypothesis.given(strategies.lists(strategies.sampled_from(LINE_WORDS), max_size=25))
def test_any_row_of_odd_lines(lines: list[str]) -> None:
    sound(read_text("\n".join(lines)))


@hypothesis.given(ANY_TEXT)
def test_any_text(text: str) -> None:
    sound(read_text(text))


@hypothesis.given(strategies.binary(max_size=120))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.conf"
    path.write_bytes(data)
    sound(load([path]))


@hypothesis.given(files(noise=True), strategies.data())
def test_files_of_declared_keywords_with_pieces_cut_out(text: str, data: strategies.DataObject) -> None:
    first = data.draw(strategies.integers(0, len(text)))
    last = data.draw(strategies.integers(first, min(first + 12, len(text))))
    piece = data.draw(strategies.sampled_from(("", "{", "}", '"', "\n", " \\\n", "$", "#", "\x00", f" {'9' * 30} ")))
    sound(read_text(text[:first] + piece + text[last:]))


@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: path.name)
def test_every_seed_of_the_fuzzer(seed: pathlib.Path) -> None:
    sound(load([seed]))


def calls(text: str) -> int:
    """How many Python functions are entered to read a text, built-in ones included."""
    count = 0

    def counting(frame: FrameType, event: str, argument: object) -> None:  # noqa: ARG001
        nonlocal count
        count += event in ("call", "c_call")

    read_text(text)
    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        read_text(text)
    finally:
        sys.setprofile(before)
    return count


GROWING: dict[str, Callable[[int], str]] = {
    "services": lambda n: "".join(
        f"virtual_server 10.0.{i // 250}.{i % 250} 80 {{\n protocol TCP\n lb_kind DR\n"
        f" real_server 10.1.0.{i % 250} 80 {{\n }}\n}}\n"
        for i in range(n)
    ),
    "instances": lambda n: "".join(
        f"vrrp_instance A{i} {{\n interface e{i}\n virtual_router_id 1\n"
        f" virtual_ipaddress {{\n 10.{i // 250}.0.{i % 250}\n }}\n}}\n"
        for i in range(n)
    ),
    "servers of one service": lambda n: (
        "virtual_server 10.0.0.1 80 {\n"
        + "".join(f" real_server 10.1.{i // 250}.{i % 250} 80 {{\n }}\n" for i in range(n))
        + "}\n"
    ),
    "addresses of one instance": lambda n: (
        "vrrp_instance A {\n virtual_ipaddress {\n"
        + "".join(f"  10.0.{i // 250}.{i % 250}\n" for i in range(n))
        + " }\n}\n"
    ),
    "unknown words": lambda n: "".join(f"word{i}\n" for i in range(n)),
    "unknown blocks in a block": lambda n: "vrrp_instance A {\n" + "foo {\n priority 1\n}\n" * n + "}\n",
    "open braces": lambda n: "foo {\n" * n,
    "closing braces": lambda n: "}\n" * n,
    "nested known blocks": lambda n: "vrrp_instance A {\n" * n,
    "braces in one line": lambda n: "{}" * n,
    "one long line": lambda n: "priority " + "x " * n,
    "quotes": lambda n: '"" ' * n + '"',
    "definitions": lambda n: "".join(f"$A{i}=${{A{i - 1}}}x\n" for i in range(n)),
    "uses of a definition": lambda n: "$A=interface eth0\n" + "$A\n" * n,
    "undefined names": lambda n: "".join(f"state ${{A{i}}}\n" for i in range(n)),
    "tracked names": lambda n: (
        "".join(f"vrrp_script s{i} {{\n script x\n}}\n" for i in range(n))
        + "vrrp_instance A {\n track_script {\n"
        + "".join(f"  s{i}\n" for i in range(n))
        + " }\n}\n"
    ),
    "addresses of two families": lambda n: (
        "vrrp_instance A {\n interface a\n virtual_router_id 1\n virtual_ipaddress {\n"
        + "".join(f"  10.0.{i // 250}.{i % 250}\n  fd00::{i:x}\n" for i in range(n))
        + " }\n}\n"
    ),
    "wrong options of an address": lambda n: "static_ipaddress {\n 10.0.0.1" + " foo" * n + "\n}\n",
    "wrong options of the sync daemon": lambda n: "global_defs {\n lvs_sync_daemon a A" + " foo id x" * n + "\n}\n",
    "next hops": lambda n: "static_routes {\n 10.0.0.0/8" + " nexthop via fd00::1 dev a weight x" * n + "\n}\n",
    "sequences": lambda n: f"~SEQ(i, {n}) foo$i\n",
    "comments": lambda n: "# x \\\n" * n,
}
"""Texts that grow with a number, each in another direction."""


@pytest.mark.parametrize("name", sorted(GROWING))
def test_twice_the_text_is_no_more_than_about_twice_the_work(name: str) -> None:
    few, many = (calls(GROWING[name](n)) for n in (150, 300))
    assert many <= 2.6 * few + 500, (few, many)


def test_of_one_line_so_much_is_said() -> None:
    loaded = read_text(GROWING["wrong options of an address"](1000))
    assert len([each for each in loaded.diagnostics if each.code == "bad-word"]) == SAID_OF_A_LINE


ENDLESS = {
    "a definition of itself": "$A=$A x\nfoo $A\n",
    "a definition of itself in braces": "$A=x ${A}${A}\nfoo ${A}\n",
    "two definitions of each other": "$A=${B} x\n$B=${A} y\nfoo ${A}\n",
    "doubling": "".join(f"$A{i}=${{A{i - 1}}}${{A{i - 1}}}\n" for i in range(1, 80)) + "$A0=xy\nfoo ${A79}\n",
    "doubling lines": "$A0=a \\\nb\n" + "".join(f"$A{i}=$A{i - 1} \\\n$A{i - 1}\n" for i in range(1, 40)) + "$A39\n",
    "sequences in sequences": "".join(f"~SEQ(a{i}, 1000) " for i in range(8)) + "foo\n",
    "a sequence of its own text": "$B=~SEQ(i, 9) $B\n$B\n",
    "a long sequence": "~SEQ(i, 1, 1, 4000000000) foo\n",
}
"""Texts that stand for more than there is room for."""


@pytest.mark.parametrize("name", sorted(ENDLESS))
def test_what_has_no_end_is_an_error(name: str) -> None:
    loaded = read_text(ENDLESS[name])
    assert {"expansion-limit", "bad-definition"} & {found.code for found in loaded.diagnostics}


def test_files_that_include_each_other(tmp_path: pathlib.Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.conf").write_text(f"include {other}.conf\ninclude {name}.conf\n")
    loaded = load([tmp_path / "a.conf"])
    assert {found.code for found in loaded.diagnostics} == {"include"}


def test_many_files_that_include_many(tmp_path: pathlib.Path) -> None:
    for level in range(12):
        (tmp_path / f"{level}.conf").write_text(f"include {level + 1}.conf\n" * 10)
    (tmp_path / "12.conf").write_text("foo\n" * 100)
    loaded = load([tmp_path / "0.conf"])
    assert "expansion-limit" in {found.code for found in loaded.diagnostics}


@pytest.mark.parametrize(
    "data", [b"\xff\xfe{\n", b"priority \xe9\n", b"\x00\n", b"\xef\xbb\xbf", b"a\r\rb\r\n", b"\x80" * 5000]
)
def test_bytes_that_are_no_text(tmp_path: pathlib.Path, data: bytes) -> None:
    path = tmp_path / "k.conf"
    path.write_bytes(data)
    sound(load([path]))
