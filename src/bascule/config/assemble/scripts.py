# SPDX-License-Identifier: Apache-2.0
"""Lines that name users' programs into the model. Nothing is looked up on the machine here.

keepalived 2.2.7 splits such a line twice by the same rules, as seen by running it: first into the command, a user and
a group, then the command into program and arguments. So `"/bin/prog 'a b'"` has one argument. No shell is involved,
except for a command that begins with `<`, which /bin/sh gets.
"""

from __future__ import annotations

from typing import Any

from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.config.tree import Statement
from bascule.model.base import Seconds
from bascule.model.scripts import Fifo, Notifies, Script, ScriptSettings, UpDown

SHELL = ("/bin/sh", "-c")

_BLANKS = " \t\n\v\f\r"
_CONTROLS = {"a": "\a", "b": "\b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_OCTAL, _HEX = "01234567", "0123456789abcdefABCDEF"


_NOTHING = UpDown()
"""One for all blocks without scripts: a large file has tens of thousands."""


class UnclosedError(Exception):
    """A quote is not closed."""


def split(text: str) -> list[str]:
    """Words as keepalived.conf(5) has them under "Quoted strings". Raises UnclosedError.

    Quotes of both kinds hold blanks together and vanish; a backslash counts inside them, too. What is written as a
    character 0 ends its word, as in C.
    """
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    at = 0
    while at < len(text):
        here = text[at]
        at += 1
        if here == "\\" and at < len(text):
            character, at = _escaped(text, at)
            word = [*(word or ()), character]
        elif quote:
            quote, word = ("", word or []) if here == quote else (quote, [*(word or ()), here])
        elif here in "\"'":
            quote, word = here, word or []
        elif here not in _BLANKS:
            word = [*(word or ()), here]
        elif word is not None:
            words.append(_ended("".join(word)))
            word = None
    if quote:
        raise UnclosedError
    return words if word is None else [*words, _ended("".join(word))]


def _ended(word: str) -> str:
    return word.partition("\0")[0]


def _escaped(text: str, at: int) -> tuple[str, int]:
    """What stands after a backslash, and where it ends."""
    here = text[at]
    if here in _CONTROLS:
        return _CONTROLS[here], at + 1
    if here == "c" and at + 1 < len(text):
        return chr(ord(text[at + 1]) & 0x1F), at + 2
    digits, longest, base = (_HEX, len(text), 16) if here == "x" else (_OCTAL, 3, 8)
    start = end = at + (here == "x")
    while end < len(text) and end - start < longest and text[end] in digits:
        end += 1
    if end == start:
        return here, at + 1
    return chr(int(text[start:end], base) & 0xFF), end


def script_of(section: Section, keyword: str, findings: Findings) -> Script | None:
    """The program that a keyword of a block names; None = it is not there, or has no program (which is reported)."""
    if section.values.get(keyword, True) is True:
        return None
    return _script(section.where[keyword], findings)


def _script(where: Statement, findings: Findings) -> Script | None:
    try:
        whole = split(where.rest())
        command = _command(whole[0]) if whole else ()
    except UnclosedError:
        findings.add("unterminated-quote", where, 1, "a quote in the script is not closed: there is no script")
        return None
    if not command:
        return None
    return Script(command=command, user=_word(whole, 1), group=_word(whole, 2))


def _command(text: str) -> tuple[str, ...]:
    return (*SHELL, text) if text.startswith("<") else tuple(split(text))


def _word(words: Any, index: int) -> str | None:
    return words[index] if isinstance(words, list | tuple) and len(words) > index else None


def notifies(section: Section, defaults: Section, findings: Findings) -> Notifies:
    """What an instance or a sync group runs. `defaults`: the values of `global_defs`."""
    inherited = defaults.get("vrrp_notify_priority_changes", False)
    return Notifies(
        any=script_of(section, "notify", findings),
        master=script_of(section, "notify_master", findings),
        backup=script_of(section, "notify_backup", findings),
        fault=script_of(section, "notify_fault", findings),
        stop=script_of(section, "notify_stop", findings),
        deleted=script_of(section, "notify_deleted", findings),
        master_lower=script_of(section, "notify_master_rx_lower_pri", findings),
        says_deleted="notify_deleted" in section.values,
        priority_changes=bool(section.get("notify_priority_changes", inherited)),
    )


def up_down(section: Section, up: str, down: str, findings: Findings) -> UpDown:
    """What a real server or a service runs: `notify_up` and `notify_down`, `quorum_up` and `quorum_down`."""
    if up not in section.values and down not in section.values:
        return _NOTHING
    return UpDown(up=script_of(section, up, findings), down=script_of(section, down, findings))


def settings(section: Section, options: Section, findings: Findings) -> ScriptSettings:
    """What `global_defs` and the `bascule` block say of scripts."""
    user = section.get("script_user")
    return ScriptSettings(
        user=_word(user, 0),
        group=_word(user, 1),
        security="enable_script_security" in section.values,
        notify_timeout=Seconds(float(options.get("notify_timeout", 60.0))),
        fifo=_fifo(section, "notify_fifo", findings),
        vrrp_fifo=_fifo(section, "vrrp_notify_fifo", findings),
        lvs_fifo=_fifo(section, "lvs_notify_fifo", findings),
    )


def _fifo(section: Section, keyword: str, findings: Findings) -> Fifo | None:
    words = section.get(keyword)
    if words is None:
        return None
    reader = script_of(section, f"{keyword}_script", findings)
    return Fifo(path=words[0], user=_word(words, 1), group=_word(words, 2), reader=reader)
