# SPDX-License-Identifier: Apache-2.0
"""Definitions, sequences, conditions and included files, as keepalived 2.2.7 expands them; and what is bounded."""

from __future__ import annotations

import pathlib

import hypothesis
import pytest
from hypothesis import strategies

from bascule.config.diagnostics import Findings
from bascule.config.expand import DEPTH_MAX, Expander
from bascule.config.source import Source


class Expanded:
    """What a text stands for, and what is said about it."""

    def __init__(self, text: str, name: str = "k.conf", config_id: str = "one") -> None:
        findings = Findings()
        self.source = Expander(findings, config_id).expand(Source(name, text))
        self.lines = [line for line in self.source.lines if line.strip()]
        self.found = findings.sorted()
        self.codes = [found.code for found in self.found]


def test_a_text_without_anything_to_expand_is_itself() -> None:
    source = Source("k.conf", "a\n b # x@y ~\n")
    assert Expander(Findings(), "one").expand(source) is source


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("$A=1\npriority $A", ["priority 1"]),
        ("  $A= 1 2  # c\nx $A", ["x 1 2"]),
        ("$A=1\n$A=2\nx $A", ["x 2"]),
        ("$A=$B\n$B=7\nx $A", ["x 7"]),
        ("$N=5\n10.0.0.$N\n10.0.$N.1\n10.0.${N}.2", ["10.0.0.5", "10.0.$N.1", "10.0.5.2"]),
        ("$A=1\nf($A) $A,$A", ["f(1) 1,1"]),
        ('$A=1\nx "$A ${A}"', ['x "1 1"']),
        ("x $NOPE y", ["x $NOPE y"]),
        ("$V = x", ["$V = x"]),
        ("$A=1\nx # $A ${B}", ["x # $A ${B}"]),
        ("x ${_INSTANCE} ${_HASH} ${_BANG} ${NOBODY}", ["x one "]),
        ("$A=${_BANG}\nx $A ${NOBODY}", ["x "]),
        ("$A=\\#\n$A x", []),
        ("$_INSTANCE=z\nx ${_INSTANCE}", ["x z"]),
        ("x ${_ENV BASCULE_NOT_SET}.", ["x ."]),
        ("x ${_PWD}", ["x ."]),
    ],
)
def test_definitions(text: str, lines: list[str]) -> None:
    expanded = Expanded(text)
    assert expanded.lines == lines
    assert expanded.found == ()


def test_definitions_of_several_lines() -> None:
    text = "$B=interface $I \\\n priority 1 \\\n#  hidden { \\\n last\n$I=eth0\nvrrp_instance A {\n  $B\n}\n$B x"
    assert Expanded(text).lines == ["vrrp_instance A {", "  interface eth0", "priority 1", "last", "}", "$B x"]


def test_a_definition_goes_on_behind_a_comment() -> None:
    assert Expanded("$B=a \\  # one\n b \\\n c\n$B").lines == ["a", "b", "c"]


def test_a_definition_that_the_file_ends_in() -> None:
    assert Expanded("$B=a \\").lines == []


def test_sequences_and_lists() -> None:
    assert Expanded("~SEQ(n, 1, 3) 10.0.0.$n\n~SEQx(h, 8, 4, 16) fd00::$h").lines == [
        "10.0.0.1",
        "10.0.0.2",
        "10.0.0.3",
        "fd00::8",
        "fd00::c",
        "fd00::10",
    ]
    assert Expanded("~LST({a,b}, {1,2}, {3,4}) ${a}-$b").lines == ["1-2", "3-4"]
    assert Expanded("$E=2\n~SEQ(i, $E) ~SEQ(j, 2) $i $j").lines == ["1 1", "1 2", "2 1", "2 2"]
    assert Expanded("$B=a $n \\\n b\n~SEQ(n, 2) $B").lines == ["a 1", "b", "a 2", "b"]


def test_a_sequence_s_variable_is_gone_after_it() -> None:
    assert Expanded("$n=9\n~SEQ(n, 1) x $n\nx $n\n~SEQ(m, 1) x\ny $m").lines == ["x 1", "x 9", "x", "y $m"]


def test_sequences_can_make_definitions() -> None:
    assert Expanded("~SEQ(i, 3) $A=$i\nx $A")  # the last round counts
    assert Expanded("$A=0\n~SEQ(i, 3) $A=7\nx $A").lines == ["x 7"]


@pytest.mark.parametrize(
    ("config_id", "lines"), [("one", ["priority 70", "x 50"]), ("two", ["priority 80", "10.0.0.2", "x 60"])]
)
def test_conditions(config_id: str, lines: list[str]) -> None:
    text = "@one $P=50\n@^one $P=60\n @one priority 70\n @^one priority 80\n @two 10.0.0.2\nx $P"
    assert [line.strip() for line in Expanded(text, config_id=config_id).lines] == lines


def test_a_condition_leaves_its_line_in_place() -> None:
    assert Expanded("@one  a").lines == ["      a"]
    assert Expanded("@vip\r").lines == []


def test_generated_lines_name_the_line_that_generated_them() -> None:
    expanded = Expanded("$B=a \\\n b\n\nx\n$B")
    assert [expanded.source.origin(number).line for number in range(1, len(expanded.source.lines) + 1)] == [3, 4, 5, 5]


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ("x ${NOPE} y", "undefined", 3),
        ('x "${NOPE}"', "meaning/undefined-in-quotes", 4),
        (" ~SEQ(n, x) y", "bad-definition", 2),
        ("~SEQ(n, 1", "bad-definition", 1),
        ("$A=$A\nx $A", "expansion-limit", 1),
        ("$A=x $A \\\n y\n$A", "expansion-limit", 1),
        ("include nothere.conf", "include", 1),
    ],
)
def test_what_is_wrong_is_said_at_its_line(text: str, code: str, column: int) -> None:
    expanded = Expanded(text)
    assert expanded.codes == [code]
    assert expanded.found[0].column == column


def test_an_undefined_name_does_not_take_its_braces_along() -> None:
    assert Expanded("x ${NOPE} y").lines == ["x $NOPE y"]


def test_nested_sequences_stop_at_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bascule.config.expand.GENERATED_LINES_MAX", 1000)
    expanded = Expanded("~SEQ(a, 100) ~SEQ(b, 100) ~SEQ(c, 100) x\ny")
    assert expanded.codes == ["expansion-limit"]
    assert len(expanded.lines) <= 1001


def test_sequences_that_make_nothing_stop_at_a_depth() -> None:
    expanded = Expanded("~SEQ(a, 1) " * (DEPTH_MAX + 5) + "x")
    assert expanded.codes == ["expansion-limit"]


def test_a_line_that_grows_without_end_is_left_out() -> None:
    text = "$A=" + "x" * 1000 + "\n" + "".join(f"$A{n}=${{A}}${{A}}\n" for n in range(3)) + "y " + "${A} " * 100
    expanded = Expanded(text)
    assert expanded.codes == ["expansion-limit"]
    assert expanded.lines == []


def test_random_numbers_are_in_their_bounds_and_the_same_each_time() -> None:
    text = "\n".join(["${_RANDOM 1 5}"] * 50) + "\n${_RANDOM}\n${_RANDOM 9}\n${_RANDOM 9 1}"
    lines = Expanded(text).lines
    assert lines == Expanded(text).lines
    assert {int(line) for line in lines[:50]} == {1, 2, 3, 4, 5}
    assert 0 <= int(lines[50]) <= 32767
    assert int(lines[51]) >= 9
    assert lines[52] == "9"


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASCULE_TEST", "v")
    assert Expanded("x ${_ENV BASCULE_TEST}").lines == ["x v"]


def test_included_files_stand_in_their_place(tmp_path: pathlib.Path) -> None:
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc" / "a.conf").write_text("a ${_PWD}\n$X=2\ninclude b.inc\n")
    (tmp_path / "inc" / "b.inc").write_text("b $X\n")
    expanded = Expanded("before\ninclude inc/*.conf\nafter $X ${_PWD}\n", str(tmp_path / "k.conf"))
    assert expanded.lines == ["before", f"a {tmp_path}/inc", "b 2", f"after 2 {tmp_path}"]
    origin = expanded.source.origin(expanded.source.lines.index("b 2") + 1)
    assert (origin.source.name, origin.line) == (f"{tmp_path}/inc/b.inc", 1)


def test_files_that_include_themselves(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "k.conf"
    path.write_text("x\ninclude k.conf\n")
    expanded = Expanded(path.read_text(), str(path))
    assert expanded.codes == ["include"]
    assert "includes itself" in expanded.found[0].message
    assert expanded.lines == ["x"]


def test_files_that_include_each_other_too_deep(tmp_path: pathlib.Path) -> None:
    for number in range(DEPTH_MAX + 3):
        (tmp_path / f"{number}.conf").write_text(f"x\ninclude {number + 1}.conf\n")
    expanded = Expanded("include 0.conf\n", str(tmp_path / "k.conf"))
    assert expanded.codes == ["include"]
    assert "too deep" in expanded.found[0].message


@hypothesis.given(strategies.text(strategies.sampled_from('$AB={}~SEQLT(),12@^one \\\n#"x'), max_size=120))
@hypothesis.settings(deadline=None)
def test_any_text_expands_and_every_line_has_its_origin(text: str) -> None:
    source = Source("k.conf", text)
    expanded = Expander(Findings(), "one").expand(source)
    for number in range(1, len(expanded.lines) + 1):
        assert 1 <= expanded.origin(number).line <= len(source.lines)
