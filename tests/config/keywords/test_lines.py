# SPDX-License-Identifier: Apache-2.0
"""Lines with a grammar of their own: names of services, mail servers, first values of tracked files."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

import pytest

from bascule.config.keywords import lines
from bascule.config.schema import RefusedLineError
from bascule.config.source import Source
from bascule.config.tree import Statement

Reader = Callable[[Statement], Any]


def statement(text: str) -> Statement:
    """One line as a statement."""
    return Statement(Source("k.conf", text), tuple(text.split()), 1, 0)


def refused(reader: Reader, text: str) -> RefusedLineError:
    """How a reader refuses a line."""
    with pytest.raises(RefusedLineError) as caught:
        reader(statement(text))
    return caught.value


def test_words_and_whole_lines() -> None:
    assert lines.words(statement("a b")) == ["a", "b"]
    assert lines.anything(statement("a b")) == ("a", "b")


def test_names_of_services() -> None:
    read = lines.virtual_server_name
    assert read(statement("virtual_server 10.0.0.1 80")) == ("address", ipaddress.ip_address("10.0.0.1"), 80)
    assert read(statement("virtual_server 10.0.0.1"))[2] == 0
    assert read(statement("virtual_server fwmark 7")) == ("fwmark", 7, 0)
    assert read(statement("virtual_server group G")) == ("group", "G", 0)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("virtual_server", "missing-name"),
        ("virtual_server host 80", "bad-address"),
        ("virtual_server 10.0.0.1 70000", "out-of-range"),
        ("virtual_server fwmark", "missing-argument"),
        ("virtual_server fwmark 0", "out-of-range"),
        ("virtual_server group", "missing-argument"),
    ],
)
def test_names_of_services_that_are_wrong(text: str, code: str) -> None:
    assert refused(lines.virtual_server_name, text).code == code


def test_mail_servers() -> None:
    assert lines.mail_server(statement("smtp_server 127.0.0.1")) == ("127.0.0.1", 25)
    assert lines.mail_server(statement("smtp_server smtp.example.com 587")) == ("smtp.example.com", 587)
    assert lines.mail_server(statement("smtp_server fd00::1")) == ("fd00::1", 25)
    assert refused(lines.mail_server, "smtp_server").code == "missing-argument"
    assert refused(lines.mail_server, "smtp_server **").code == "bad-word"
    assert refused(lines.mail_server, "smtp_server h 0").code == "out-of-range"


def test_initial_values_of_tracked_files() -> None:
    assert lines.initial_value(statement("init_file")) == (None, False)
    assert lines.initial_value(statement("init_file 5")) == (5, False)
    assert lines.initial_value(statement("init_file -5 overwrite")) == (-5, True)
    assert refused(lines.initial_value, "init_file x").code == "bad-word"
    assert refused(lines.initial_value, "init_file 1 2").index == 2
    assert refused(lines.initial_value, "init_file 255").code == "out-of-range"
