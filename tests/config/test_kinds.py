# SPDX-License-Identifier: Apache-2.0
"""Arguments: what keepalived 2.2.7 takes as a number, an address, a boolean, and what it does not."""

from __future__ import annotations

import contextlib
import ipaddress

import hypothesis
import pytest
from hypothesis import strategies

from bascule.config.kinds import (
    BOOL,
    GROUP,
    INTERFACE,
    IP,
    PORT,
    WORD,
    Choice,
    Decimal,
    Integer,
    Kind,
    Pattern,
    RefusedWordError,
    words,
)


def refused(kind: Kind, word: str) -> RefusedWordError:
    """How a kind refuses a word."""
    with pytest.raises(RefusedWordError) as caught:
        kind.parse(word)
    return caught.value


@pytest.mark.parametrize(("word", "number"), [("1", 1), ("010", 10), ("+7", 7), ("255", 255)])
def test_whole_numbers_are_decimal(word: str, number: int) -> None:
    assert Integer(1, 255).parse(word) == number


@pytest.mark.parametrize("word", ["0x10", "1.5", "", "a", "1a", "٣", "1 2", "--1"])
def test_what_is_no_whole_number(word: str) -> None:
    assert refused(Integer(), word).code == "bad-number"


@pytest.mark.parametrize("word", ["0", "256", "-1", "9" * 5000])
def test_numbers_outside_their_range(word: str) -> None:
    error = refused(Integer(1, 255), word)
    assert error.code == "out-of-range"
    assert "1..255" in error.message
    assert error.instead is None


def test_a_number_that_is_used_instead() -> None:
    error = refused(Integer(1, 9, instead=1), "0")
    assert error.instead == 1
    assert error.message == "0 is outside 1..9: 1 is used"


@pytest.mark.parametrize(("word", "number"), [("1", 1.0), ("0.01", 0.01), (".5", 0.5), ("5.", 5.0), ("+2.5", 2.5)])
def test_seconds(word: str, number: float) -> None:
    assert Decimal(0.01, 255).parse(word) == number


def test_what_are_no_seconds() -> None:
    for word in ("1e3", "nan", "inf", "1,5", "", ".", "-1"):
        assert refused(Decimal(), word).code == "bad-number"
    assert refused(Decimal(0.01, 255), "0").message == "0 is outside 0.01..255"
    assert refused(Decimal(0.01, 255), "256").code == "out-of-range"


def test_one_of_some_words() -> None:
    kind = words("MASTER|BACKUP")
    assert kind.parse("MASTER") == "MASTER"
    error = refused(kind, "master")
    assert (error.code, error.hint) == ("wrong-case", "write 'MASTER'")
    assert refused(kind, "SLAVE").message == "'SLAVE' is not one of MASTER, BACKUP"


def test_words_in_any_capitals() -> None:
    kind = Choice({"TCP": 6}, "TCP", any_case=True)
    assert kind.parse("tcp") == kind.parse("Tcp") == 6


def test_booleans() -> None:
    assert [BOOL.parse(word) for word in ("on", "true", "yes", "off", "false", "no")] == [True] * 3 + [False] * 3
    assert refused(BOOL, "ON").code == "wrong-case"
    assert refused(BOOL, "1").code == "bad-word"


def test_addresses() -> None:
    assert IP.parse("192.168.2.212") == ipaddress.ip_address("192.168.2.212")
    assert IP.parse("fd00::1") == ipaddress.ip_address("fd00::1")
    for word in ("192.168.2", "256.1.1.1", "eth0", ""):
        assert refused(IP, word).code == "bad-address"


@pytest.mark.parametrize("tail", ["/24", "-12"])
def test_what_follows_an_address_is_dropped_as_keepalived_does(tail: str) -> None:
    assert IP.parse(f"10.0.0.7{tail}") == ipaddress.ip_address("10.0.0.7")


def test_group_addresses() -> None:
    assert GROUP.parse("224.0.0.18") == ipaddress.ip_address("224.0.0.18")
    assert refused(GROUP, "10.0.0.1").message == "'10.0.0.1' is not a multicast address"


def test_ports_and_interfaces() -> None:
    assert PORT.parse("80") == 80
    assert refused(PORT, "0").code == "out-of-range"
    assert INTERFACE.parse("eth0") == "eth0"
    assert refused(INTERFACE, "a" * 16).code == "bad-word"


def test_patterns() -> None:
    kind = Pattern("[0-9a-f]{4}", "HEX", "four hexadecimal digits")
    assert kind.parse("12af") == "12af"
    assert refused(kind, "xyz").message == "'xyz' is not four hexadecimal digits"


@hypothesis.given(strategies.text(max_size=30))
def test_any_word_is_taken_or_refused(word: str) -> None:
    assert WORD.parse(word) == word
    for kind in (Integer(), Decimal(), IP, GROUP, BOOL, PORT):
        with contextlib.suppress(RefusedWordError):
            kind.parse(word)


@hypothesis.given(strategies.integers(0, 2**32 - 1))
def test_every_number_in_range_is_read(number: int) -> None:
    assert Integer().parse(str(number)) == number
