# SPDX-License-Identifier: Apache-2.0
"""The notify role's mail: the one task that sends, and what it counts.

What is worth a mail is bascule.notify.letters, how long to try bascule.notify.queue, one try bascule.notify.mail.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from bascule.daemon.log import Log
from bascule.model.configuration import Configuration
from bascule.notify import mail
from bascule.notify.letters import Letter, MailEvent, letter
from bascule.notify.queue import Lost, MailQueue, Policy
from bascule.notify.spool import Spool


class Postman:
    """The letters of one director."""

    def __init__(
        self,
        configuration: Configuration,
        log: Log,
        send: mail.Send,
        policy: Policy | None,
        spool: Spool | None = None,
    ) -> None:
        """Nothing begun; `send` makes one try. `spool` keeps what waits, and has what a predecessor left."""
        self._configuration = configuration
        self._log = log
        self._send = send
        self._spool = spool
        self._queue = MailQueue(policy)
        self._wake = asyncio.Event()
        self._ending = False
        self.sent = 0
        self.lost = 0
        self.last_error: str | None = None
        for left in spool.load() if spool is not None else ():
            log.info("mail_found", subject=left.subject)
            self._wait(left)

    def __len__(self) -> int:
        """How many letters wait."""
        return len(self._queue)

    def configure(self, configuration: Configuration) -> None:
        """What waits goes to the server that is named now."""
        self._configuration = configuration
        self._wake.set()

    def take(self, event: MailEvent) -> None:
        """Write the letter that an event is worth."""
        if not mail.is_configured(self._configuration.globals.mail):
            return
        wanted = letter(event, self._configuration)
        if wanted is None:
            return
        if self._spool is not None:
            self._spool.put(wanted)
        self._wait(wanted)

    def _wait(self, wanted: Letter) -> None:
        lost = self._queue.add(wanted, time.monotonic())
        if lost is not None:
            self._count_lost(lost)
        self._wake.set()

    def hurry(self) -> None:
        """The end is near: one more try for each letter, then `run` ends."""
        self._queue.hurry()
        self._ending = True
        self._wake.set()

    def give_up(self, why: str) -> None:
        """Lose what waits."""
        for lost in self._queue.give_up(why):
            self._count_lost(lost)

    def _count_lost(self, lost: Lost) -> None:
        self._drop(lost.letter)
        self.lost += 1
        self.last_error = lost.why
        self._log.error("mail_lost", subject=lost.letter.subject, why=lost.why)

    def _drop(self, done: Letter) -> None:
        if self._spool is not None:
            self._spool.drop(done)

    async def run(self) -> None:
        """Send what is due, in order, until the end is near and nothing waits."""
        while True:
            self._wake.clear()
            if not mail.is_configured(self._configuration.globals.mail):
                self.give_up("mail is no longer configured")
            due = self._queue.due(time.monotonic())
            if due is not None:
                await self._try()
            elif self._ending and not self._queue:
                return
            else:
                await self._pause()

    async def _pause(self) -> None:
        deadline = self._queue.deadline()
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await self._wake.wait()

    async def _try(self) -> None:
        """One try of the letter that is due."""
        current = self._queue.due(time.monotonic())
        assert current is not None
        composed = mail.compose(current, self._configuration.globals)
        try:
            refused = await self._send(composed, self._configuration.globals.mail)
        except mail.MailFailedError as error:
            self._failed(current.subject, error)
            return
        self._queue.sent()
        self._drop(current)
        self.sent += 1
        for refusal in refused:
            self._log.warning("mail_recipient_refused", why=refusal, subject=current.subject)
        self._log.info("mail_sent", subject=current.subject, to=",".join(composed.recipients))

    def _failed(self, subject: str, error: mail.MailFailedError) -> None:
        self.last_error = str(error)
        lost = self._queue.failed(str(error), time.monotonic(), for_good=error.for_good)
        if lost is not None:
            self._count_lost(lost)
        else:
            self._log.warning("mail_failed", subject=subject, why=error, then="tried again")
