# SPDX-License-Identifier: Apache-2.0
"""How ipvsadm writes addresses and ports: as numbers (--numeric), or by the names that the system's databases know.

A name server that does not answer must not keep an operator from seeing the table, so all look-ups together have a
deadline; what is not found by then stays a number.
"""

from __future__ import annotations

import functools
import queue
import socket
import threading
import time

from bascule.model.base import IPAddress
from bascule.model.service import Protocol

LOOKUP_SECONDS = 3.0


def numeric(address: IPAddress, port: int, protocol: Protocol) -> str:  # noqa: ARG001
    """`192.168.2.240:80`, `[fd00::1]:443`."""
    return f"{_bracketed(address)}:{port}"


class Names:
    """Names instead of numbers, as far as they are found in time."""

    def __init__(self, seconds: float = LOOKUP_SECONDS) -> None:
        """Give all look-ups together so many seconds from the first one."""
        self._left = seconds
        self._known: dict[IPAddress, str] = {}

    def __call__(self, address: IPAddress, port: int, protocol: Protocol) -> str:
        """`localhost:http`, `192.168.2.240:http`."""
        return f"{self._host(address)}:{_service_name(port, protocol)}"

    def _host(self, address: IPAddress) -> str:
        if address not in self._known:
            self._known[address] = self._look_up(address) or _bracketed(address)
        return self._known[address]

    def _look_up(self, address: IPAddress) -> str | None:
        if self._left <= 0:
            return None
        answer: queue.Queue[str | None] = queue.Queue(1)
        began = time.monotonic()
        threading.Thread(target=_ask, args=(str(address), answer), daemon=True).start()
        try:
            return answer.get(timeout=self._left)
        except queue.Empty:
            return None
        finally:
            self._left -= time.monotonic() - began


def _ask(address: str, answer: queue.Queue[str | None]) -> None:
    try:
        answer.put(socket.gethostbyaddr(address)[0])
    except OSError:
        answer.put(None)


@functools.cache
def _service_name(port: int, protocol: Protocol) -> str:
    try:
        return socket.getservbyport(port, protocol.value)
    except OSError:
        return str(port)


def _bracketed(address: IPAddress) -> str:
    return f"[{address}]" if address.version == 6 else str(address)
