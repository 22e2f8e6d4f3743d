# SPDX-License-Identifier: Apache-2.0
"""Asks an address by ICMP echo 1,000 times a second, until it is ended; who answers is seen by others."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import time

PERIOD = 0.001
ECHO_REQUEST = 8


def request(number: int) -> bytes:
    """An echo request without data (RFC 792); its checksum is the complement of its one's complement sum."""
    total = (ECHO_REQUEST << 8) + (number & 0xFFFF)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return struct.pack("!BBHHH", ECHO_REQUEST, 0, checksum, 0, number & 0xFFFF)


def ask(address: str) -> None:
    """Ask, and go on when nobody can be asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as asking:
        due, number = time.monotonic(), 0
        while True:
            # Nobody answers ARP, or the queue is full: that is what is measured.
            with contextlib.suppress(OSError):
                asking.sendto(request(number), socket.MSG_DONTWAIT, (address, 0))
            number += 1
            due = max(due + PERIOD, time.monotonic() - PERIOD)
            time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    ask(sys.argv[1])
