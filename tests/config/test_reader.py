# SPDX-License-Identifier: Apache-2.0
"""What is taken, what is skipped, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config import tree
from bascule.config.diagnostics import Findings
from bascule.config.keywords.top import TOP
from bascule.config.keywords.vrrp_instance import VRRP_INSTANCE
from bascule.config.kinds import NAME, Integer
from bascule.config.reader import Reader, Section, describe
from bascule.config.schema import Block, Keyword
from bascule.config.source import Source
from bascule.model.diagnostic import Diagnostic

Read = Callable[[str], tuple[Section, Findings]]


def only(findings: Findings) -> Diagnostic:
    """The one finding that there is."""
    (found,) = findings.sorted()
    return found


def codes(findings: Findings) -> list[tuple[int | None, str]]:
    """Line and code of each finding."""
    return [(found.line, found.code) for found in findings.sorted()]


def test_values_are_read_by_their_kinds(read_text: Read) -> None:
    top, findings = read_text("vrrp_instance A {\n priority 90\n advert_int 2.5\n nopreempt\n smtp_alert off\n}")
    (instance,) = top.each("vrrp_instance")
    assert instance.title == "A"
    assert instance.values == {"priority": 90, "advert_int": 2.5, "nopreempt": True, "smtp_alert": False}
    assert instance.where["priority"].line == 2
    assert len(findings) == 0


def test_the_later_value_counts_and_lists_grow(read_text: Read) -> None:
    top, _ = read_text(
        "global_defs {\n router_id A\n router_id B\n"
        " notification_email {\n a b\n c\n }\n notification_email {\n d\n }\n}"
    )
    (section,) = top.each("global_defs")
    assert section.get("router_id") == "B"
    assert section.get("notification_email") == ["a", "b", "c", "d"]


def test_places_are_those_of_the_values_that_count(read_text: Read) -> None:
    top, _ = read_text(
        "global_defs {\n foo\n router_id A\n notification_email {\n a\n}\n router_id B\n enable_traps\n"
        " notification_email {\n b\n}\n}"
    )
    (section,) = top.each("global_defs")
    assert {name: place.line for name, place in section.where.items()} == {
        "router_id": 7,
        "notification_email": 4,
        "enable_traps": 8,
    }
    assert len(section.where) == 3
    assert section.where.get("smtp_server") is None
    with pytest.raises(KeyError):
        section.where["smtp_server"]
    assert top.sections[0] == ("global_defs", section)
    assert section.sections == []


def test_the_same_line_is_read_once_and_placed_where_it_stands(read_text: Read) -> None:
    block = "vrrp_instance {} {{\n priority 90\n state BACKUP\n prioirty 9\n weight 5\n}}\n"
    top, findings = read_text("".join(block.format(name) for name in "AB"))
    assert [instance.where["priority"].line for instance in top.each("vrrp_instance")] == [2, 8]
    assert [line for line, code in codes(findings) if code == "unknown-keyword"] == [4, 5, 10, 11]


def test_a_line_with_something_to_say_of_it_is_said_each_time(read_text: Read) -> None:
    block = "vrrp_instance {} {{\n priority 90 more\n advert_int 0.0000001\n nopreempt {{\n}}\n}}\n"
    _, findings = read_text("".join(block.format(name) for name in "AB"))
    said = codes(findings)
    assert said[len(said) // 2 :] == [((line or 0) + 6, code) for line, code in said[: len(said) // 2]]


def test_other_spellings_share_a_value(read_text: Read) -> None:
    top, _ = read_text("virtual_server 10.0.0.1 80 {\n lvs_sched rr\n lvs_method DR\n}")
    (service,) = top.each("virtual_server")
    assert set(service.values) == {"lb_algo", "lb_kind"}


def test_an_unknown_keyword_is_named_with_the_nearest_one(read_text: Read) -> None:
    top, findings = read_text("vrrp_instance A {\n prioirty 90\n interface eth0\n}")
    found = only(findings)
    assert (found.code, found.line, found.column, found.end_column) == ("unknown-keyword", 2, 2, 10)
    assert found.message == "unknown keyword 'prioirty' in 'vrrp_instance'"
    assert found.hint == "did you mean 'priority'?"
    (instance,) = top.each("vrrp_instance")
    assert instance.values == {"interface": "eth0"}
    assert instance.lacks("priority")
    assert instance.lacks("virtual_router_id")


def test_wrong_capitals_are_named_and_not_applied(read_text: Read) -> None:
    top, findings = read_text("vrrp_instance A {\n Priority 90\n}")
    found = only(findings)
    assert found.code == "wrong-case"
    assert "'priority'" in found.message
    (instance,) = top.each("vrrp_instance")
    assert instance.values == {}
    assert instance.misspelt == {"priority"}


def test_a_block_in_wrong_capitals_is_looked_through_for_wrong_words_only(read_text: Read) -> None:
    text = "vrrp_instance A {\n Authentication {\n Auth_type pass\n auth_pass 1 2\n foo 1\n }\n}\nSsl {\n key x\n}"
    _, findings = read_text(text)
    assert codes(findings) == [
        (2, "wrong-case"),
        (3, "wrong-case"),
        (3, "wrong-case"),
        (5, "unknown-keyword"),
        (8, "wrong-case"),
    ]
    assert "must be written 'SSL'; it is not applied" in findings.sorted()[-1].message


def test_refused_arguments_leave_the_value_out(read_text: Read) -> None:
    top, findings = read_text("vrrp_instance A {\n priority 300\n state master\n advert_int x\n interface\n}")
    (instance,) = top.each("vrrp_instance")
    assert instance.values == {}
    assert instance.refused == {"priority", "state", "advert_int", "interface"}
    assert codes(findings) == [(2, "out-of-range"), (3, "wrong-case"), (4, "bad-number"), (5, "missing-argument")]
    assert findings.sorted()[0].message == "300 is outside 1..255 ('priority')"
    assert findings.sorted()[3].hint == "write 'interface INTERFACE'"


def test_a_number_used_instead_is_a_value(read_text: Read) -> None:
    top, findings = read_text("virtual_server 10.0.0.1 80 {\n quorum 0\n}")
    assert top.each("virtual_server")[0].get("quorum") == 1
    assert only(findings).code == "out-of-range"


def test_lines_of_a_block_are_refused_one_by_one(read_text: Read) -> None:
    text = "vrrp_instance A {\n virtual_ipaddress {\n 10.0.0.1\n foo\n 10.0.0.2/99\n }\n}"
    top, findings = read_text(text)
    addresses = top.each("vrrp_instance")[0].get("virtual_ipaddress")
    assert [str(address.address) for address in addresses] == ["10.0.0.1", "10.0.0.2"]
    assert codes(findings) == [(4, "bad-address"), (5, "out-of-range")]


def test_words_too_many_are_named(read_text: Read) -> None:
    _, findings = read_text("vrrp_instance A {\n interface eth0 virtual_router_id 51\n}")
    found = only(findings)
    assert (found.code, found.column) == ("meaning/extra-words", 17)
    assert found.message == "'virtual_router_id 51' after 'interface eth0' is ignored"


def test_a_block_without_its_name_is_skipped(read_text: Read) -> None:
    top, findings = read_text("vrrp_instance {\n foo\n}")
    assert top.sections == []
    assert only(findings).code == "missing-name"


def test_an_unknown_block_at_the_top_is_skipped_whole(read_text: Read) -> None:
    top, findings = read_text("foo {\n a\n bar {\n }\n}\nglobal_defs {\n}")
    assert [name for name, _ in top.sections] == ["global_defs"]
    assert codes(findings) == [
        (1, "unknown-keyword"),
        (2, "skipped"),
        (3, "skipped"),
        (4, "skipped"),
        (5, "skipped"),
    ]


def test_an_unknown_block_inside_says_what_keepalived_would_apply(read_text: Read) -> None:
    top, findings = read_text("vrrp_instance A {\n foo {\n a\n priority 7\n }\n priority 90\n}")
    assert top.each("vrrp_instance")[0].get("priority") == 90
    assert codes(findings) == [(2, "unknown-keyword"), (3, "skipped"), (4, "meaning/keepalived-applies")]
    assert "end that at this one's '}'" in findings.sorted()[0].message


def test_braces_where_none_belong(read_text: Read) -> None:
    top, findings = read_text("vrrp_instance A {\n priority 9 {\n a\n }\n}\n{\n}")
    assert top.each("vrrp_instance")[0].get("priority") == 9
    assert codes(findings) == [(2, "unexpected-brace"), (3, "skipped"), (6, "unexpected-brace")]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("vrrp_instance A {\n lvs_sync_daemon_inteface eth0\n}", "legacy-spelling"),
        ("vrrp_instance A {\n lvs_sync_daemon_interface eth0\n}", "not-acted-on"),
        ("global_defs {\n vrrp_garp_extra_if 5\n vrrp_vmac_garp_intvl 5\n}", "deprecated"),
        ("global_defs {\n json_version 2\n}", "unknown-to-keepalived"),
    ],
)
def test_remarks_on_what_is_understood(read_text: Read, text: str, code: str) -> None:
    _, findings = read_text(text)
    assert findings.sorted()[-1].code == code


def test_a_legacy_spelling_does_not_override_the_right_one(read_text: Read) -> None:
    for lines in ("router_id a\n lvs_id b", "lvs_id b\n router_id a"):
        top, findings = read_text(f"global_defs {{\n {lines}\n}}")
        assert top.each("global_defs")[0].get("router_id") == "a"
        assert [code for _, code in codes(findings)] == ["legacy-spelling"]


def test_a_legacy_spelling_that_means_nothing_is_to_be_dropped(read_text: Read) -> None:
    _, findings = read_text("virtual_server 10.0.0.1 80 {\n nat_mask 255.255.255.0\n}")
    assert [(found.code, found.hint) for found in findings.sorted()] == [("legacy-spelling", "drop it")]


def test_legacy_spellings_can_be_skipped() -> None:
    findings = Findings()
    statements = tree.build(Source("k.conf", "global_defs {\n lvs_id b\n}"), TOP.shape, findings)
    top = Reader(findings, legacy=False).section(TOP, None, statements)
    assert top.each("global_defs")[0].get("router_id") is None
    assert [(found.code, found.hint) for found in findings.sorted()] == [("unknown-keyword", "write 'router_id'")]


def test_a_block_that_is_not_acted_on_is_one_remark() -> None:
    inner = Block("box", Keyword("lid"), Keyword("weight", Integer(1, 9)))
    findings = Findings()
    top = Block("", Keyword("box", NAME, block=inner))
    statements = tree.build(Source("k.conf", "box a {\n lid\n weight 300\n}"), top.shape, findings)
    Reader(findings).section(top, None, statements)
    assert codes(findings) == [(1, "not-acted-on"), (3, "out-of-range")]


def test_what_may_stand_once_keeps_its_first_value(read_text: Read) -> None:
    top, findings = read_text("track_file f {\n file /a\n file /b\n}")
    assert top.each("track_file")[0].get("file") == "/a"
    assert codes(findings) == [(3, "duplicate")]


def test_words_that_are_no_keywords() -> None:
    assert describe("x", TOP) == ("unknown-keyword", "unknown keyword 'x' at the top of a file", None)
    assert describe("x", VRRP_INSTANCE)[1] == "unknown keyword 'x' in 'vrrp_instance'"
