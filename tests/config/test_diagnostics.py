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
