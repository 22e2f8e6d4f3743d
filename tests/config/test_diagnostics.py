# SPDX-License-Identifier: Apache-2.0
"""Findings: each once, in order, with their severity and source line."""

from __future__ import annotations

from bascule.config.diagnostics import Findings
from bascule.config.source import Origin, Source, Span
from bascule.config.tree import Statement
from bascule.model.diagnostic import Severity


def test_a_finding_knows_its_place_and_its_line() -> None:
    findings = Findings()
    source = Source("k.conf", "a\n  b c\r\n")
    findings.add("unknown-keyword", Statement(source, ("b", "c"), 2, 0), 1, "message", "hint")
    (found,) = findings.sorted()
    assert (found.line, found.column, found.end_column) == (2, 5, 6)
    assert (found.file, found.source) == ("k.conf", "  b c")
    assert (found.severity, found.message, found.hint) == (Severity.ERROR, "message", "hint")


def test_a_severity_of_its_own() -> None:
    findings = Findings()
    findings.add_at("not-acted-on", Source("k.conf", "a"), Span(1, 1, 2), "m", severity=Severity.ERROR)
    assert findings.sorted()[0].severity is Severity.ERROR


def test_each_once_and_in_the_order_of_files_and_places() -> None:
    findings = Findings()
    first, second = Source("z.conf", "a b"), Source("a.conf", "a b")
    findings.add_at("extra-brace", first, Span(1, 3, 4), "later")
    findings.add_at("extra-brace", second, Span(1, 1, 2), "second file")
    findings.add_at("extra-brace", first, Span(1, 1, 2), "earlier")
    findings.add_at("extra-brace", first, Span(1, 1, 2), "earlier")
    findings.add_file("missing-close", first, "whole file")
    findings.add_file("unreadable-file", "gone.conf", "gone")
    assert len(findings) == 5
    assert [found.message for found in findings.sorted()] == ["whole file", "earlier", "later", "second file", "gone"]


def test_a_generated_line_is_quoted_under_the_place_that_it_comes_from() -> None:
    findings = Findings()
    file = Source("inc.conf", "a\n$X")
    made = Source.generated(Source("k.conf", ""), ["priority 300"], [Origin(file, 2)])
    findings.add_at("out-of-range", made, Span(1, 10, 13), "m")
    (found,) = findings.sorted()
    assert (found.file, found.line, found.column, found.source) == ("inc.conf", 2, 10, "priority 300")


def test_places_by_code_or_of_what_is_wrong() -> None:
    findings = Findings()
    source = Source("k.conf", "a b")
    for line, code in enumerate(
        ("unknown-keyword", "not-acted-on", "meaning/vip-unheld", "undefined", "deprecated"), 1
    ):
        findings.add_at(code, source, Span(line, 1, 2), "m")
    findings.add_file("missing-close", source, "m")
    assert findings.places() == {("k.conf", 1), ("k.conf", 4), ("k.conf", 5)}
    assert findings.places({"not-acted-on", "missing-close"}) == {("k.conf", 2)}


def test_what_keepalived_reads_elsewhere_is_said_so() -> None:
    findings = Findings()
    source = Source("k.conf", "a b")
    for line, code in enumerate(("skipped", "unknown-keyword", "skipped", "bad-number"), 1):
        findings.add_at(code, source, Span(line, 1, 2), "m")
    findings.correct({("k.conf", 3)})
    changed = "meaning/keepalived-applies"
    assert [(found.code, found.severity) for found in findings.sorted()] == [
        (changed, Severity.WARNING),
        (changed, Severity.ERROR),
        ("skipped", Severity.ERROR),
        ("bad-number", Severity.ERROR),
    ]
    assert findings.sorted()[0].message.startswith("m; keepalived")


def test_what_keepalived_never_reads_is_said_so() -> None:
    findings = Findings()
    source = Source("k.conf", "a b")
    codes = ("missing-argument", "unknown-keyword", "keepalived-skips", "not-acted-on", "unknown-keyword")
    for line, code in enumerate(codes, 1):
        findings.add_at(code, source, Span(line, 1, 2), "m")
    findings.unread({("k.conf", line) for line in range(2, 5)}, "keepalived ends at line 1")
    assert [(found.line, found.code) for found in findings.sorted()] == [
        (1, "missing-argument"),
        (2, "meaning/unread"),
        (4, "not-acted-on"),
        (5, "unknown-keyword"),
    ]
    assert findings.sorted()[1].message == "m; keepalived ends at line 1 and never reads this"


def test_a_code_gives_way_to_what_says_that_the_line_is_wrong() -> None:
    findings = Findings()
    source = Source("k.conf", "a b")
    findings.add_at("keepalived-skips", source, Span(1, 1, 2), "m")
    findings.add_at("keepalived-skips", source, Span(2, 1, 2), "m")
    findings.add_at("bad-number", source, Span(1, 1, 2), "m")
    findings.settle("keepalived-skips")
    assert [(found.line, found.code) for found in findings.sorted()] == [(1, "bad-number")]


def test_a_finding_at_the_end_of_a_block_is_at_its_closing_brace_if_it_has_one() -> None:
    source = Source("k.conf", "a {\n}\n")
    for closing, line in ((2 << 32, 2), (None, 1)):
        findings = Findings()
        findings.add_at_end("incomplete", Statement(source, ("a",), 1, 0, closing=closing), "m")
        assert [found.line for found in findings.sorted()] == [line]
