# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import socket
import struct
import time

from bascule.lab.waiting import wait_for
from bascule.linux.stamps import STAMP_SPACE, Stamps

STAMP = struct.Struct("=qq")


def said(ago: float) -> list[tuple[int, int, bytes]]:
    """What recvmsg gives beside a packet that came so many seconds ago."""
    at = time.time_ns() - round(ago * 1e9)
    return [(socket.SOL_SOCKET, 35, STAMP.pack(at // 10**9, at % 10**9))]


def test_a_stamp_is_an_age() -> None:
    stamps = Stamps()
    wait_for(lambda: stamps.age(said(10)) > 0.02, 5, "time to pass")
    assert 0.005 <= stamps.age(said(0.005)) < 0.02
    assert stamps.age([]) == 0.0


def test_no_packet_is_older_than_the_last_empty_socket() -> None:
    stamps = Stamps()
    wait_for(lambda: stamps.age(said(10)) > 0.05, 5, "time to pass")
    stamps.emptied()
    assert stamps.age(said(10)) < 0.05


def test_a_clock_that_was_set_back_makes_no_age_below_zero() -> None:
    assert Stamps().age(said(-100)) == 0.0


def test_the_kernel_stamps_when_asked() -> None:
    receiver, sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    stamps = Stamps()
    with receiver, sender:
        stamps.ask(receiver)
        sender.send(b"x")
        _, ancillary, _, _ = receiver.recvmsg(10, STAMP_SPACE)
        assert len(ancillary) == 1
        assert stamps.age(ancillary) < 1
