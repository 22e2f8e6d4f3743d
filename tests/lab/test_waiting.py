# SPDX-License-Identifier: Apache-2.0
"""Waiting ends with the condition, or at its deadline with the evidence."""

from __future__ import annotations

import asyncio
import time

import pytest

from bascule.lab.waiting import WaitedTooLongError, come, stays, wait_for


def test_the_first_true_value_comes_back() -> None:
    values = iter([0, "", None, "there"])
    assert wait_for(lambda: next(values), 5, "a value") == "there"


def test_the_deadline_names_what_was_waited_for_and_shows_evidence() -> None:
    start = time.monotonic()
    with pytest.raises(WaitedTooLongError, match=r"waited 0.05 s for the moon\nclouds"):
        wait_for(lambda: False, 0.05, "the moon", evidence=lambda: "clouds")
    assert 0.05 <= time.monotonic() - start < 2


def test_a_condition_is_asked_once_even_without_time() -> None:
    assert wait_for(lambda: True, 0, "nothing")


def test_stays_sees_a_break() -> None:
    values = iter([True, True, False])
    with pytest.raises(WaitedTooLongError, match="no longer so: the light is on"):
        stays(lambda: next(values), 5, "the light is on")


def test_stays_lasts_its_time() -> None:
    start = time.monotonic()
    stays(lambda: True, 0.05, "the light is on")
    assert time.monotonic() - start >= 0.05


def test_waiting_inside_a_loop_lets_it_go_on() -> None:
    async def main() -> None:
        flag: list[bool] = []
        asyncio.get_running_loop().call_later(0.02, flag.append, True)
        await come(lambda: flag, 5, "the flag")
        with pytest.raises(WaitedTooLongError, match=r"waited 0.02 s for the moon"):
            await come(lambda: False, 0.02, "the moon")

    asyncio.run(main())
