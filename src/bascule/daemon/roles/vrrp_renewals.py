# SPDX-License-Identifier: Apache-2.0
"""Renewing addresses beside the loop, in a thread of its own, as realtime as the loop.

Who changes an address waits in the kernel for whoever changes anything about interfaces, in all network namespaces of
the machine: tens to hundreds of milliseconds where containers come and go and the processors are busy. An active that
waits sends no adverts, and its backup takes over. What is asked for here waits alone.

An address that was just taken off must not be put on again by a renewal that was on its way. So who changes addresses
halts the thread: it ends what it has begun, and nothing that was asked for an owner before is done after.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence

from bascule.daemon.log import Log
from bascule.errors import KernelRefusedError
from bascule.linux import scheduling
from bascule.linux.netlink import Netlink, Order


class Renewals:
    """What is asked for, in its order."""

    def __init__(self, log: Log) -> None:
        """Nothing is asked for yet, and there is no thread."""
        self._log = log
        self._queue = queue.SimpleQueue[Mapping[str, Sequence[Order]] | None]()
        self._thread: threading.Thread | None = None
        self._asked: dict[str, Sequence[Order]] = {}
        """What is not yet begun, by owner."""
        self._working = threading.Lock()
        self._may_work = threading.Event()
        self._may_work.set()

    def ask(self, orders: Mapping[str, Sequence[Order]]) -> None:
        """Have the orders of some owners carried out soon."""
        if self._thread is None or not self._thread.is_alive():
            try:
                netlink = Netlink()  # of the network namespace of who asks
            except KernelRefusedError as error:
                self._log.error("addresses_not_renewed", error=error)
                return
            self._thread = threading.Thread(target=self._serve, args=(netlink,), name="renewals", daemon=True)
            self._thread.start()
        self._asked.update(orders)
        self._queue.put(orders)

    @contextlib.contextmanager
    def halted(self, owner: str) -> Iterator[None]:
        """Nothing is renewed during the block, and what was asked for `owner` is forgotten."""
        self._asked.pop(owner, None)
        self._may_work.clear()
        try:
            with self._working:
                yield
        finally:
            self._may_work.set()

    def close(self) -> None:
        """Forget what was asked for, and end."""
        self._asked.clear()
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _serve(self, netlink: Netlink) -> None:
        scheduling.make_realtime(scheduling.PRIORITY_VRRP)
        with netlink:
            while (orders := self._queue.get()) is not None:
                # Else the one who waits for the lock could wait for all that is in the queue.
                self._may_work.wait()
                with self._working:
                    self._carry_out(netlink, orders)

    def _carry_out(self, netlink: Netlink, orders: Mapping[str, Sequence[Order]]) -> None:
        """Those that still count: an owner that was halted, or has asked anew, has others."""
        wanted: list[Order] = []
        for owner, its in orders.items():
            if self._asked.get(owner) is its:
                self._asked.pop(owner, None)
                wanted += its
        try:
            for error in netlink.request_all(wanted):
                self._log.error("address_not_renewed", error=error)
        except KernelRefusedError as error:
            self._log.error("addresses_not_renewed", error=error)
