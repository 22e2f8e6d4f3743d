# SPDX-License-Identifier: Apache-2.0
"""Small files on one point of the language each (probes/), with what keepalived 2.2.7 makes of them and what we do.

`better` says in one line why an outcome of ours is not keepalived's; without it the same text is in effect and the
same lines are complained of. What is understood but not acted on yet is left out here: it changes as bascule grows.
"""

from __future__ import annotations

import os
import pathlib
from typing import NamedTuple

import pytest

from bascule.config.loader import load
from bascule.model.configuration import Configuration

PROBES = pathlib.Path(__file__).parent / "probes"

Finding = tuple[str, str, int | None, str]
"""Severity, code, line, the words that the carets stand under."""


class Instance(NamedTuple):
    """What is asked of an instance."""

    name: str = "A"
    interface: str = "eth0"
    vrid: int = 1
    priority: int = 100
    addresses: tuple[str, ...] = ("10.0.0.1",)


class Probe(NamedTuple):
    """A file, what is said of it, and what stays in effect."""

    name: str
    findings: tuple[Finding, ...] = ()
    instances: tuple[Instance, ...] | None = (Instance(),)
    """None: the file is refused as a whole."""
    better: str = ""
    config_id: str = "host"


PLAIN = (Instance(priority=10),)

PROBE_TABLE = (
    Probe("01-glued-brace-open"),
    Probe("02-one-line"),
    Probe("03-brace-next-line"),
    Probe(
        "04-two-keywords-on-a-line",
        (
            ("error", "meaning/instance-incomplete", 1, "A"),
            ("warning", "meaning/extra-words", 2, "virtual_router_id"),
            ("error", "bad-word", 4, "10.0.0.2"),
        ),
        (),
        better="the lost virtual_router_id is named where it stands, not only that it is missing",
    ),
    Probe("05-comment-mid-word"),
    Probe("06-comment-in-quotes"),
    Probe("07-escaped-comment"),
    Probe("08-unknown-keyword", (("error", "unknown-keyword", 3, "no_such_word"),)),
    Probe(
        "09-unknown-block-at-top",
        (
            ("error", "unknown-keyword", 1, "no_such_block"),
            ("error", "skipped", 2, "a"),
            ("error", "skipped", 3, "priority"),
            ("error", "skipped", 4, "}"),
        ),
        PLAIN,
        better="one finding a line, where each of keepalived's processes says the same again",
    ),
    Probe(
        "10-unknown-block-inside",
        (
            ("error", "unknown-keyword", 3, "no_such_block"),
            ("error", "skipped", 4, "a"),
            ("warning", "meaning/keepalived-applies", 5, "priority"),
            ("warning", "keepalived-skips", 7, "virtual_router_id"),
            ("warning", "keepalived-skips", 8, "virtual_ipaddress"),
            ("warning", "keepalived-skips", 9, "10.0.0.1"),
            ("warning", "keepalived-skips", 10, "}"),
            ("warning", "keepalived-skips", 11, "}"),
        ),
        better="the unknown block is skipped whole: its lines are not applied to the instance, whose rest is kept",
    ),
    Probe(
        "11-missing-close",
        (("error", "missing-close", None, ""),),
        better="the finding names the block that is still open, and its line",
    ),
    Probe("12-extra-close", (("error", "extra-brace", 9, "}"),), PLAIN),
    Probe(
        "13-missing-open",
        (
            ("error", "missing-open", 2, "interface"),
            ("warning", "keepalived-skips", 3, "virtual_router_id"),
            ("warning", "keepalived-skips", 4, "virtual_ipaddress"),
            ("warning", "keepalived-skips", 5, "10.0.0.1"),
            ("warning", "keepalived-skips", 6, "}"),
            ("warning", "keepalived-skips", 7, "}"),
        ),
        better="the finding names the block that lacks its brace; each line is spoken of once",
    ),
    Probe(
        "14-missing-parameter",
        (
            ("error", "meaning/instance-incomplete", 1, "A"),
            ("error", "missing-argument", 2, "interface"),
        ),
        (),
        better="keepalived ends there and then; here only this instance is left out, and the rest of the file is read",
    ),
    Probe(
        "15-unmatched-quote",
        (
            ("error", "meaning/instance-incomplete", 1, "A"),
            ("error", "missing-argument", 2, "interface"),
            ("error", "unterminated-quote", 2, '"eth0'),
        ),
        (),
        better="keepalived ends there and then; here only this instance is left out, and the rest of the file is read",
    ),
    Probe("16-single-quotes", (), (Instance(interface="'eth0'"),)),
    Probe(
        "17-definitions",
        (
            ("error", "unknown-keyword", 2, "$V6"),
            ("error", "bad-address", 10, "$V6/24"),
            ("error", "undefined", 10, "${V6}"),
            ("error", "bad-address", 11, "$V6"),
            ("warning", "keepalived-skips", 13, "}"),
        ),
        PLAIN,
        better="an undefined ${NAME} stays a word: its braces do not open and close blocks",
    ),
    Probe(
        "18-undefined-variable",
        (
            ("error", "bad-number", 3, "$NOPE"),
            ("error", "undefined", 3, "${NOPE}"),
            ("warning", "keepalived-skips", 4, "virtual_router_id"),
            ("warning", "keepalived-skips", 5, "virtual_ipaddress"),
            ("warning", "keepalived-skips", 6, "10.0.0.1"),
            ("warning", "keepalived-skips", 7, "}"),
            ("warning", "keepalived-skips", 8, "}"),
        ),
        (Instance(interface="$NOPE"),),
        better="an undefined ${NAME} stays a word: the rest of the instance is kept",
    ),
    Probe(
        "19-seq-lst",
        (
            ("error", "bad-address", 8, "fd00::10"),
            ("error", "bad-address", 8, "fd00::8"),
            ("error", "bad-address", 8, "fd00::c"),
            ("error", "bad-address", 10, "10.0.$a.2"),
            ("error", "bad-address", 10, "10.0.$a.4"),
        ),
        (Instance(addresses=("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.7", "10.0.1.8")),),
    ),
    Probe("20-config-id", (), (Instance(priority=70),), config_id="one"),
    Probe("20-config-id", (), (Instance(priority=80, addresses=("10.0.0.2", "10.0.0.1")),), config_id="two"),
    Probe(
        "21-include",
        (
            ("error", "include", 2, "include inc/nothere.conf"),
            ("error", "include", 3, "includer inc/nothere.conf"),
            ("error", "include", 4, "includem inc/nothere.conf"),
            ("error", "include", 5, "includew inc/*.zzz"),
        ),
        (Instance(priority=10), Instance("B", vrid=2, addresses=("10.0.0.2",))),
        better="a file that includes nothing is an error with exit 1, also where keepalived ends with 0",
    ),
    Probe(
        "22-number-forms",
        (
            ("error", "meaning/instance-incomplete", 1, "A"),
            ("error", "bad-number", 3, "0x10"),
            ("warning", "meaning/advert-fraction", 5, "0.5"),
            ("warning", "rounded", 6, "1.1234567"),
            ("error", "bad-number", 7, "1.5"),
        ),
        (),
        better="version 2 cannot send half a second: said too",
    ),
    Probe(
        "23-numbers-out-of-range",
        (
            ("error", "meaning/instance-incomplete", 1, "A"),
            ("error", "out-of-range", 3, "256"),
            ("error", "out-of-range", 4, "300"),
            ("error", "out-of-range", 5, "0"),
        ),
        (),
    ),
    Probe("24-duplicate-instance", (("error", "duplicate", 9, "A"),), PLAIN),
    Probe(
        "25-case",
        (
            ("error", "wrong-case", 3, "master"),
            ("error", "wrong-case", 4, "Virtual_router_id"),
            ("error", "wrong-case", 7, "pass"),
            ("error", "wrong-case", 15, "RR"),
            ("error", "wrong-case", 16, "dr"),
        ),
        better="each finding names the right capitals, and no method of forwarding is guessed: keepalived uses NAT",
    ),
    Probe(
        "26-line-continuation",
        (
            ("error", "meaning/instance-incomplete", 1, "A"),
            ("error", "unknown-keyword", 2, "interface"),
            ("error", "unknown-keyword", 3, "eth0"),
        ),
        (),
    ),
    Probe("27-empty", (("warning", "empty-file", None, ""),), (), better="says that the file is empty"),
    Probe("28-crlf", (), PLAIN),
    Probe(
        "29-bom",
        (("warning", "byte-order-mark", None, ""),),
        PLAIN,
        better="the mark is dropped with a warning: keepalived loses the whole first block to it",
    ),
    Probe("30-bool-words", (("error", "wrong-case", 3, "ON"),), PLAIN),
    Probe(
        "31-lvs-min",
        (
            ("warning", "meaning/no-protocol", 1, "virtual_server"),
            ("warning", "meaning/no-scheduler", 1, "virtual_server"),
            ("warning", "legacy-spelling", 8, "nb_get_retry"),
            ("error", "unknown-keyword", 10, "bogus"),
        ),
        (),
        better="nb_get_retry is honoured as it was meant, and the warning says that keepalived skips it",
    ),
    Probe(
        "32-lvs-variants",
        (
            ("error", "out-of-range", 12, "0"),
            ("warning", "deprecated", 19, "nb_get_retry"),
            ("error", "bad-word", 26, "sh-port"),
            ("warning", "meaning/no-scheduler", 38, "virtual_server"),
        ),
        (),
    ),
    Probe(
        "33-undefined-trackers",
        (
            ("error", "unknown-reference", 5, "nope"),
            ("error", "out-of-range", 8, "300"),
        ),
        (Instance(interface="eth9zz"),),
        better="which interfaces this machine has is no matter of the file: a laptop may check it",
    ),
    Probe(
        "34-script-forward-reference",
        (("error", "unknown-reference", 5, "late"), ("warning", "meaning/script-user", 12, "script")),
    ),
    Probe(
        "35-same-vrid",
        (("fatal", "meaning/duplicate-router", 11, "1"), ("warning", "meaning/vip-twice", 13, "10.0.0.1")),
        None,
    ),
    Probe(
        "36-variable-in-word",
        (("error", "bad-address", 7, "10.0.$N.1"),),
        (Instance("A5", vrid=5, addresses=("10.0.0.5", "10.0.5.2")),),
    ),
    Probe(
        "37-stray-text",
        (
            ("error", "unknown-keyword", 1, "hello"),
            ("error", "extra-brace", 10, "}"),
            ("error", "unknown-keyword", 10, "trailing"),
        ),
        PLAIN,
    ),
    Probe("38-global-defs-twice", (), PLAIN),
    Probe("39-std-definitions", (("warning", "meaning/script-user", 4, "notify"),)),
)


@pytest.mark.parametrize("probe", PROBE_TABLE, ids=lambda probe: f"{probe.name}-{probe.config_id}")
def test_probe(probe: Probe) -> None:
    loaded = load([PROBES / f"{probe.name}.conf"], config_id=probe.config_id)
    found = [
        (finding.severity.value, finding.code, finding.line, under(finding.source, finding.column, finding.end_column))
        for finding in loaded.diagnostics
        if finding.code != "not-acted-on"
    ]
    assert sorted(found, key=str) == sorted(probe.findings, key=str)
    assert instances(loaded.configuration) == probe.instances


def under(source: str, column: int | None, end_column: int | None) -> str:
    """What the carets stand under."""
    return source[column - 1 : end_column - 1] if column is not None and end_column is not None else ""


def instances(configuration: Configuration | None) -> tuple[Instance, ...] | None:
    """What is asked of each instance; None when there is no configuration."""
    if configuration is None:
        return None
    return tuple(
        Instance(
            instance.name,
            instance.interface,
            instance.vrid,
            instance.priority,
            tuple(str(line.address) for line in instance.virtual_addresses),
        )
        for instance in configuration.instances
    )


def test_every_probe_is_in_the_table() -> None:
    assert {f"{probe.name}.conf" for probe in PROBE_TABLE} == {path.name for path in PROBES.glob("*.conf")}


def test_quoted_and_escaped_comment_characters_are_text() -> None:
    for name in ("06-comment-in-quotes", "07-escaped-comment"):
        configuration = load([PROBES / f"{name}.conf"]).configuration
        assert configuration is not None
        assert configuration.instances[0].auth_pass == b"a#b!c"


def test_later_values_of_global_definitions_count() -> None:
    configuration = load([PROBES / "38-global-defs-twice.conf"]).configuration
    assert configuration is not None
    assert configuration.globals.router_id == "B"


def test_included_findings_name_their_own_file(tmp_path: pathlib.Path) -> None:
    (tmp_path / "outer.conf").write_text("include inner.conf\n")
    (tmp_path / "inner.conf").write_text("\nno_such_word\n")
    (finding,) = load([tmp_path / "outer.conf"]).diagnostics
    assert (os.path.basename(finding.file), finding.line, finding.code) == ("inner.conf", 2, "unknown-keyword")
