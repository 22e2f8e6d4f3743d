# SPDX-License-Identifier: Apache-2.0
"""Renewals beside the loop: they are done, they hold up nobody, and none comes after the address was given up."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from bascule.daemon.log import Log
from bascule.daemon.roles import vrrp_renewals
from bascule.daemon.roles.vrrp_renewals import Renewals
from bascule.errors import KernelRefusedError
from bascule.lab.waiting import wait_for
from bascule.linux import scheduling
from bascule.linux.netlink import NetlinkError, NetlinkTimeoutError, Order

SECONDS = 10.0


def order(what: str) -> Order:
    return Order(20, 0, b"", what)


class Kernel:
    """One that lets everybody wait until it is `free`."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.asked = threading.Event()
        self.done: list[str] = []
        self.closed = False
        self.refuses: Exception | None = None

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def request_all(self, orders: Sequence[Order]) -> list[NetlinkError]:
        self.asked.set()
        assert self.free.wait(SECONDS)
        self.done += [each.what for each in orders]
        if self.refuses is not None:
            raise self.refuses
        return [NetlinkError(1, each.what) for each in orders if each.what == "bad"]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    found = Kernel()
    monkeypatch.setattr(vrrp_renewals, "Netlink", lambda: found)
    # The tests' processes go on after this, and are not to be realtime.
    monkeypatch.setattr(scheduling, "make_realtime", lambda _: None)
    return found


def test_who_asks_does_not_wait(kernel: Kernel) -> None:
    renewals = Renewals(Log("vrrp"))
    renewals.ask({"VI_1": [order("one")], "VI_2": [order("two")]})
    renewals.ask({"VI_3": [order("three")]})
    assert kernel.done == []
    kernel.free.set()
    wait_for(lambda: kernel.done == ["one", "two", "three"], SECONDS, "all renewals")
    renewals.close()
    assert kernel.closed


def test_what_an_owner_asked_for_before_it_gave_up_is_not_done_after(kernel: Kernel) -> None:
    renewals = Renewals(Log("vrrp"))
    renewals.ask({"VI_1": [order("begun")]})
    assert kernel.asked.wait(SECONDS)
    renewals.ask({"VI_1": [order("never")], "VI_2": [order("other")]})
    threading.Timer(0.1, kernel.free.set).start()
    with renewals.halted("VI_1"):
        # What was on its way has arrived before, and what is done now is not undone.
        assert kernel.done == ["begun"]
    wait_for(lambda: kernel.done == ["begun", "other"], SECONDS, "the other one's")
    renewals.close()
    assert "never" not in kernel.done


def test_of_two_renewals_of_an_owner_the_later_counts(kernel: Kernel) -> None:
    renewals = Renewals(Log("vrrp"))
    renewals.ask({"VI_9": [order("first of all")]})
    assert kernel.asked.wait(SECONDS)
    renewals.ask({"VI_1": [order("old")]})
    renewals.ask({"VI_1": [order("new")]})
    kernel.free.set()
    wait_for(lambda: kernel.done == ["first of all", "new"], SECONDS, "the new one")
    renewals.close()


@pytest.mark.parametrize("error", [None, NetlinkTimeoutError("no answer")])
def test_what_the_kernel_refuses_is_said_and_ends_nothing(
    kernel: Kernel, error: Exception | None, capfd: pytest.CaptureFixture[str]
) -> None:
    renewals = Renewals(Log("vrrp"))
    kernel.free.set()
    kernel.refuses = error
    renewals.ask({"VI_1": [order("bad"), order("good")]})
    wait_for(lambda: kernel.done == ["bad", "good"], SECONDS, "both")
    kernel.refuses = None
    renewals.ask({"VI_1": [order("again")]})
    wait_for(lambda: kernel.done[2:] == ["again"], SECONDS, "one more")
    renewals.close()
    assert ("address_not_renewed" if error is None else "addresses_not_renewed") in capfd.readouterr().err


def test_without_a_socket_it_is_said_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, kernel: Kernel, capfd: pytest.CaptureFixture[str]
) -> None:
    def refused() -> Kernel:
        raise KernelRefusedError("too many open files")

    renewals = Renewals(Log("vrrp"))
    monkeypatch.setattr(vrrp_renewals, "Netlink", refused)
    renewals.ask({"VI_1": [order("one")]})
    assert "too many open files" in capfd.readouterr().err
    monkeypatch.setattr(vrrp_renewals, "Netlink", lambda: kernel)
    kernel.free.set()
    renewals.ask({"VI_1": [order("two")]})
    wait_for(lambda: kernel.done == ["two"], SECONDS, "the second")
    renewals.close()
    renewals.close()
