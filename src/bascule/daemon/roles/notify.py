# SPDX-License-Identifier: Apache-2.0
"""The `notify` role: tells people. Today by mail; nobody ever waits for it, and it never waits long for anybody.

What is worth a mail is bascule.notify.letters, how long to try bascule.notify.queue, one try bascule.notify.mail.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time

from bascule.daemon import exits, memfd
from bascule.daemon.bus import BusClosedError
from bascule.daemon.context import RoleContext
from bascule.daemon.log import Log
from bascule.errors import KernelRefusedError
from bascule.linux import privileges
from bascule.model.base import to_json, unpack
from bascule.model.configuration import Configuration
from bascule.model.messages import (
    Configure,
    InstanceChanged,
    Message,
    QuorumChanged,
    Role,
    ServerChanged,
    Started,
    StatusReply,
    StatusRequest,
    Stop,
)
from bascule.model.status import NotifyStatus
from bascule.notify import mail
from bascule.notify.letters import MailEvent, letter
from bascule.notify.queue import Lost, MailQueue, Policy

FLUSH_MAX = 4.0
"""Seconds that the role takes at its end to get rid of what still waits."""

_log = Log(Role.NOTIFY.value)


def run(context: RoleContext) -> int:
    """Serve until Stop or the end of the bus; returns the exit status."""
    runner = Runner(context)
    try:
        privileges.drop()
    except KernelRefusedError as error:
        runner.note(str(error))
    asyncio.run(runner.run())
    return exits.ORDERED


class Runner:
    """The role's bus, its queue, and the one task that sends."""

    def __init__(self, context: RoleContext, *, send: mail.Send = mail.send, policy: Policy | None = None) -> None:
        """Nothing begun; `send` makes one try."""
        self._bus = context.bus
        self._configuration = context.configuration
        self._generation = context.generation
        self._send = send
        self._queue = MailQueue(policy)
        self._wake = asyncio.Event()
        self._ending = asyncio.Event()
        self._notes: tuple[str, ...] = ()
        self._sent = 0
        self._lost = 0
        self._last_error: str | None = None

    def note(self, text: str) -> None:
        """Something amiss that the log and `bascule status` are to say."""
        self._notes = (*self._notes, text)
        _log.warning("amiss", what=text)

    async def run(self) -> None:
        """Serve until Stop or the end of the bus, then send what waits, for a few seconds at the most."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._bus, self._read)
        try:
            self._configured()
        except BusClosedError:
            self._ending.set()
        sender = asyncio.create_task(self._send_all(), name="sender")
        ending = asyncio.create_task(self._ending.wait(), name="ending")
        try:
            await asyncio.wait((sender, ending), return_when=asyncio.FIRST_COMPLETED)
            self._queue.hurry()
            self._wake.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_MAX):
                    await asyncio.shield(sender)
        finally:
            loop.remove_reader(self._bus)
            loop.remove_writer(self._bus)
            sender.cancel()
            ending.cancel()
            await asyncio.wait((sender, ending))
        self._give_up("the daemon has ended")
        if not sender.cancelled():
            sender.result()

    def _read(self) -> None:
        try:
            self._bus.flush()
            for message, descriptor in self._bus.receive():
                self._take(message, descriptor)
        except BusClosedError:
            _log.warning("supervisor_gone")
            asyncio.get_running_loop().remove_reader(self._bus)
            self._ending.set()
        self._watch_writable()

    def _watch_writable(self) -> None:
        loop = asyncio.get_running_loop()
        if self._bus.wants_write and not self._ending.is_set():
            loop.add_writer(self._bus, self._read)
        else:
            loop.remove_writer(self._bus)

    def _take(self, message: Message, descriptor: int | None) -> None:
        match message:
            case ServerChanged() | QuorumChanged() | InstanceChanged():
                self._event(message)
            case Configure(generation=generation):
                assert descriptor is not None
                try:
                    self._configuration = unpack(memfd.read_all(descriptor), Configuration)
                finally:
                    os.close(descriptor)
                self._generation = generation
                self._configured()
            case StatusRequest(number=number):
                self._bus.send(StatusReply(number=number, role=Role.NOTIFY, body=to_json(self._status())))
            case Stop():
                self._ending.set()
            case _:
                _log.warning("unexpected_message", kind=type(message).__name__)

    def _configured(self) -> None:
        settings = self._configuration.globals.mail
        on = mail.is_configured(settings)
        to = ",".join(settings.to) if on else None
        _log.info("configured", generation=self._generation, mail="on" if on else "off", to=to)
        self._wake.set()
        self._bus.send(Started(role=Role.NOTIFY, generation=self._generation))

    def _event(self, event: MailEvent) -> None:
        if not mail.is_configured(self._configuration.globals.mail):
            return
        wanted = letter(event, self._configuration)
        if wanted is None:
            return
        lost = self._queue.add(wanted, time.monotonic())
        if lost is not None:
            self._count_lost(lost)
        self._wake.set()

    def _status(self) -> NotifyStatus:
        return NotifyStatus(
            mails_sent=self._sent,
            mails_lost=self._lost,
            mails_waiting=len(self._queue),
            last_error=self._last_error,
            notes=self._notes,
        )

    def _give_up(self, why: str) -> None:
        for lost in self._queue.give_up(why):
            self._count_lost(lost)

    def _count_lost(self, lost: Lost) -> None:
        self._lost += 1
        self._last_error = lost.why
        _log.error("mail_lost", subject=lost.letter.subject, why=lost.why)

    async def _send_all(self) -> None:
        """Send what is due, in order, until the end is near and nothing waits."""
        while True:
            self._wake.clear()
            if not mail.is_configured(self._configuration.globals.mail):
                self._give_up("mail is no longer configured")
            due = self._queue.due(time.monotonic())
            if due is not None:
                await self._try()
            elif self._ending.is_set() and not self._queue:
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
        self._sent += 1
        for refusal in refused:
            _log.warning("mail_recipient_refused", why=refusal, subject=current.subject)
        _log.info("mail_sent", subject=current.subject, to=",".join(composed.recipients))

    def _failed(self, subject: str, error: mail.MailFailedError) -> None:
        self._last_error = str(error)
        lost = self._queue.failed(str(error), time.monotonic(), for_good=error.for_good)
        if lost is not None:
            self._count_lost(lost)
        else:
            _log.warning("mail_failed", subject=subject, why=error, then="tried again")
