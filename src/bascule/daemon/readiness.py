# SPDX-License-Identifier: Apache-2.0
"""Telling systemd how the daemon is: sd_notify(3)'s protocol, one datagram a statement."""

from __future__ import annotations

import os
import socket
import time


def tell(*assignments: str) -> None:
    """Send `READY=1` and the like to the service manager; without one, nothing."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        try:
            sock.sendto("\n".join(assignments).encode(), address)
        except OSError:
            # A service manager that does not listen must not stop a director; systemd then acts on its own time-out.
            return


def ready(status: str) -> None:
    """The daemon is up (or done with its reload)."""
    tell("READY=1", f"STATUS={status}", f"MAINPID={os.getpid()}")


def reloading() -> None:
    """A reload begins; `ready` ends it."""
    tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def stopping() -> None:
    """The end begins."""
    tell("STOPPING=1")
