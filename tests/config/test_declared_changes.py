# SPDX-License-Identifier: Apache-2.0
"""Differences in what is not acted on: one line each, and none between equals."""

from __future__ import annotations

import hypothesis
import pytest

from bascule.config.changes import changes
from bascule.config.declared_changes import NOTE, compare_declared, in_words
from bascule.config.diagnostics import Findings
from bascule.config.loader import load_sources
from bascule.config.source import Source
from bascule.model.configuration import Configuration
from bascule.model.declared import Declared
from bascule.model.diagnostic import Severity
from tests.config.files_from_declarations import files

SCRIPT = "vrrp_script s {\n script /bin/a\n interval 2\n}\n"


def loaded(text: str) -> Configuration:
    """What a text means."""
    configuration = load_sources([Source("k.conf", text)], Findings(), "low").configuration
    assert configuration is not None
    return configuration


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (SCRIPT, SCRIPT, []),
        ("use_pid_dir\n" + SCRIPT, SCRIPT + "use_pid_dir\n", []),
        ("", "use_pid_dir\nchild_wait_time 5\n", ["use_pid_dir added", "child_wait_time 5 added"]),
        ("child_wait_time 5\n", "child_wait_time 6\n", ["child_wait_time 5 -> 6"]),
        ("child_wait_time 5\n", "", ["child_wait_time 5 removed"]),
        (SCRIPT, SCRIPT.replace("2", "3"), ["vrrp_script s: interval 2 -> 3"]),
        (SCRIPT, SCRIPT.replace("/bin/a", "'/bin/a b'"), ["vrrp_script s: script /bin/a -> /bin/a b"]),
        (
            SCRIPT,
            SCRIPT.replace(" s ", " t "),
            [
                "vrrp_script s { script /bin/a, interval 2 } removed",
                "vrrp_script t { script /bin/a, interval 2 } added",
            ],
        ),
        (
            "SSL {\n password a\n}\n",
            "SSL {\n password b\n}\n",
            ["SSL: password changed (it is not shown)"],
        ),
        (
            "vrrp_instance A {\n track_interface {\n a\n}\n}\n",
            "vrrp_instance A {\n track_interface {\n a weight 5\n}\n priority 5\n}\n",
            ["vrrp_instance A: track_interface a -> a weight 5", "vrrp_instance A: priority 5 added"],
        ),
        (
            "vrrp_instance A {\n interface x\n owner_ignore_adverts\n}\n",
            "vrrp_instance A {\n interface x\n virtual_router_id 1\n owner_ignore_adverts off\n}\n",
            [
                "vrrp_instance A is acted on, but for this",
                "vrrp_instance A: interface x removed",
                "vrrp_instance A: owner_ignore_adverts on -> off",
            ],
        ),
        (
            "use_pid_dir\nvirtual_server fwmark 1 {\n sh-port\n}\n",
            "use_pid_dir\nvirtual_server fwmark 1 {\n sh-port\n}\nvirtual_server fwmark 1 {\n ops\n}\n",
            ["virtual_server fwmark 1 sh-port -> sh-port, ops"],
        ),
    ],
)
def test_each_change_is_one_line(before: str, after: str, lines: list[str]) -> None:
    found = compare_declared(loaded(before).declared, loaded(after).declared)
    assert [change.text for change in found] == [f"{line}{NOTE}" for line in lines]


@hypothesis.given(files(noise=False), files(noise=False))
def test_there_is_a_change_exactly_where_two_differ(before: str, after: str) -> None:
    old, new = (load_sources([Source("k.conf", text)], Findings(), "low") for text in (before, after))
    for one in (old, new):
        fatal = any(found.severity is Severity.FATAL for found in one.diagnostics)
        assert fatal is (one.configuration is None)
    if old.configuration is not None and new.configuration is not None:  # Else there is nothing to compare.
        _compared(old.configuration, new.configuration)


def _compared(old: Configuration, new: Configuration) -> None:
    assert tuple(compare_declared(old.declared, old.declared)) == ()
    found = list(compare_declared(old.declared, new.declared))
    if old.declared == new.declared:
        assert found == []
    assert not any("\n" in change.text for change in found)
    assert set(found) <= set(changes(old, new))


def test_a_change_of_any_value_is_told() -> None:
    one = Declared(keyword="k", values=(1, 2.0, True, "w"))
    for other in (
        Declared(keyword="k", values=(2, 2.0, True, "w")),
        Declared(keyword="k", values=(1, 2.5, True, "w")),
        Declared(keyword="k", values=(1, 2.0, False, "w")),
        Declared(keyword="k", values=(1, 2.0, True, "v")),
        Declared(keyword="k", lines=(("w",),)),
    ):
        assert list(compare_declared((one,), (other,)))


def test_a_statement_is_told_on_one_line() -> None:
    inner = Declared(keyword="auth_pass", values=("secret",))
    assert in_words(Declared(keyword="b", values=("n",), inside=(inner,))) == "b n { auth_pass (not shown) }"
    assert in_words(Declared(keyword="b", lines=(("a b", 1), ("c",)))) == 'b { "a b" 1, c }'
