# SPDX-License-Identifier: Apache-2.0
"""Scripts of a file into the model; each example of quoting is what keepalived 2.2.7 gave its script."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.config.assemble import globals as global_settings
from bascule.config.assemble.scripts import UnclosedError, notifies, script_of, settings, split, up_down
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.model.scripts import Fifo, Notifies, Script, ScriptSettings, UpDown

Read = Callable[[str], tuple[Section, Findings]]

INSTANCE = "vrrp_instance A {{\n interface eth0\n virtual_router_id 5\n{}\n}}\n"


def instance(read_text: Read, lines: str) -> tuple[Section, Findings]:
    top, findings = read_text(INSTANCE.format(lines))
    return top.each("vrrp_instance")[0], findings


@pytest.mark.parametrize(
    ("written", "arguments"),
    [
        (r'''"/bin/x A 'b c' d\"e\"f"''', ("A", "b c", "def")),
        ("'/bin/x B x y'", ("B", "x", "y")),
        ('/bin/x" C x"', ("C", "x")),
        (r'"/bin/x D \x41\n\t\101 \cA \e \E \q"', ("D", "A", "A", "\x01", "e", "\x1b", "q")),
        (r'''"/bin/x F \\x41 \\\\ '\\n'"''', ("F", "A", "\\", "\n")),
        (r'''"/bin/x G '' \"\" z"''', ("G", "", "", "z")),
        ('"/bin/x\tH\ttab  two"', ("H", "tab", "two")),
        ('"/bin/x I" "x y" z', ("I",)),
        ('"  /bin/x J"', ("J",)),
        ('"/bin/x K é ü"', ("K", "é", "ü")),
        ('"/bin/x L # ! { }"', ("L", "#", "!", "{", "}")),
        (r'"/bin/x O \\\"q r\\\""', ("O", '"q', 'r"')),
        (r'"/bin/x P \"a b\"c\"d e\""', ("P", "a bcd e")),
        (r'"/bin/x Q \x4142 \x4 \1012 \8 \09"', ("Q", "B", "\x04", "A2", "8")),
        ("/bin/x", ()),
    ],
)
def test_quoting_is_keepalived_s(read_text: Read, written: str, arguments: tuple[str, ...]) -> None:
    section, findings = instance(read_text, f" notify {written}")
    found = script_of(section, "notify", findings)
    assert found is not None
    assert found.command == ("/bin/x", *arguments)


@pytest.mark.parametrize("written", [r'''"/bin/x 'it\'s'"''', '''"/bin/x 'unclosed x"''', r'''"/bin/x c\'d"'''])
def test_an_open_quote_leaves_no_script(read_text: Read, written: str) -> None:
    section, findings = instance(read_text, f" notify {written}")
    assert script_of(section, "notify", findings) is None
    assert [found.code for found in findings.sorted()] == ["unterminated-quote"]


def test_user_and_group_stand_after_the_command(read_text: Read) -> None:
    section, findings = instance(read_text, ' notify "/bin/x a" nobody games')
    assert script_of(section, "notify", findings) == Script(command=("/bin/x", "a"), user="nobody", group="games")


def test_only_what_begins_with_a_redirection_is_the_shell_s(read_text: Read) -> None:
    section, findings = instance(read_text, ' notify "</dev/tcp/127.0.0.1/80"\n notify_stop "/bin/x && /bin/y > z"')
    found = script_of(section, "notify", findings)
    assert found == Script(command=("/bin/sh", "-c", "</dev/tcp/127.0.0.1/80"))
    assert script_of(section, "notify_stop", findings) == Script(command=("/bin/x", "&&", "/bin/y", ">", "z"))


@pytest.mark.parametrize("written", ['""', '"  "', "''"])
def test_nothing_is_no_script(read_text: Read, written: str) -> None:
    section, findings = instance(read_text, f" notify {written}")
    assert script_of(section, "notify", findings) is None


def test_what_an_instance_runs(read_text: Read) -> None:
    names = ("", "_master", "_backup", "_fault", "_stop", "_deleted", "_master_rx_lower_pri")
    section, findings = instance(read_text, "".join(f" notify{name} /bin/n{name}\n" for name in names))
    defaults = global_settings.merged(read_text("global_defs {\n vrrp_notify_priority_changes\n}")[0], "global_defs")
    scripts = [Script(command=(f"/bin/n{name}",)) for name in names]
    assert notifies(section, defaults, findings) == Notifies(
        any=scripts[0],
        master=scripts[1],
        backup=scripts[2],
        fault=scripts[3],
        stop=scripts[4],
        deleted=scripts[5],
        master_lower=scripts[6],
        says_deleted=True,
        priority_changes=True,
    )
    assert findings.sorted() == ()


def test_notify_deleted_needs_no_script(read_text: Read) -> None:
    section, findings = instance(read_text, " notify_deleted\n notify_priority_changes off")
    found = notifies(section, global_settings.merged(read_text("")[0], "global_defs"), findings)
    assert found == Notifies(says_deleted=True)
    assert findings.sorted() == ()


def test_what_services_and_servers_run(read_text: Read) -> None:
    top, findings = read_text(
        'virtual_server 10.0.0.1 80 {\n protocol TCP\n quorum_up "/bin/q up"\n real_server 10.0.0.2 80 {\n'
        ' notify_down "/bin/r down"\n}\n}\n'
    )
    service = top.each("virtual_server")[0]
    assert up_down(service, "quorum_up", "quorum_down", findings) == UpDown(up=Script(command=("/bin/q", "up")))
    server = service.each("real_server")[0]
    assert up_down(server, "notify_up", "notify_down", findings) == UpDown(down=Script(command=("/bin/r", "down")))


def test_what_all_scripts_have_in_common(read_text: Read) -> None:
    top, findings = read_text(
        "global_defs {\n script_user daemon games\n enable_script_security\n notify_fifo /run/a nobody nogroup\n"
        ' notify_fifo_script "/bin/read it" daemon\n vrrp_notify_fifo /run/b\n lvs_notify_fifo /run/c\n}\n'
        "bascule {\n notify_timeout 5\n}\n"
    )
    found = settings(global_settings.merged(top, "global_defs"), global_settings.merged(top, "bascule"), findings)
    reader = Script(command=("/bin/read", "it"), user="daemon")
    assert found == ScriptSettings(
        user="daemon",
        group="games",
        security=True,
        notify_timeout=found.notify_timeout,
        fifo=Fifo(path="/run/a", user="nobody", group="nogroup", reader=reader),
        vrrp_fifo=Fifo(path="/run/b"),
        lvs_fifo=Fifo(path="/run/c"),
    )
    assert found.notify_timeout == 5.0
    assert findings.sorted() == ()


@given(st.text(alphabet="ab \"'\\x0\t{", max_size=30))
def test_any_text_is_split_or_refused(text: str) -> None:
    try:
        words = split(text)
    except UnclosedError:
        return
    if not set(text) & set("\"'\\"):
        assert words == text.split()


@given(st.lists(st.text(alphabet=st.characters(codec="ascii", exclude_characters="'\\\0"), min_size=1)))
def test_single_quotes_hold_anything_but_quotes_and_backslashes(words: list[str]) -> None:
    assert split(" ".join(f"'{word}'" for word in words)) == words
