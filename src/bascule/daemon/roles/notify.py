# SPDX-License-Identifier: Apache-2.0
"""The `notify` role: tells people and programs. Nobody ever waits for it, and it never waits long for anybody.

Mail is in notify_mail, scripts and FIFOs in notify_scripts, track scripts in notify_trackers; here are the bus, the
role's beginning and its end. It acts as nobody. Where users' programs are configured it keeps root at hand, for the
moments in which it starts one as its user (bascule.linux.privileges); else root is given up for good.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import pathlib
import threading

from bascule.daemon import exits, memfd
from bascule.daemon.bus import BusClosedError
from bascule.daemon.context import RoleContext
from bascule.daemon.log import Log
from bascule.daemon.roles.notify_mail import Postman
from bascule.daemon.roles.notify_scripts import Scripts
from bascule.daemon.roles.notify_trackers import Trackers
from bascule.errors import KernelRefusedError
from bascule.linux import privileges
from bascule.model.base import to_json, unpack
from bascule.model.configuration import Configuration
from bascule.model.messages import (
    Configure,
    GroupChanged,
    InstanceChanged,
    InstanceState,
    LowerPriorityHeard,
    Message,
    QuorumChanged,
    Role,
    ServerChanged,
    Started,
    StatusReply,
    StatusRequest,
    Stop,
    StopMode,
)
from bascule.model.status import NotifyStatus
from bascule.notify import changes, mail, tasks
from bascule.notify.queue import Policy
from bascule.notify.spool import Spool
from bascule.notify.tasks import Tasks

FLUSH_MAX = 4.0
"""Seconds that the role takes at its end to get rid of what still waits."""

RESOLVER = "resolver"
RESOLVERS = 4
"""Names that are resolved at a time: several may hang."""

RESOLVER_PATIENCE = 0.2
"""Seconds that the end waits for a look-up that is under way."""

_log = Log(Role.NOTIFY.value)


def run(context: RoleContext) -> int:
    """Serve until Stop or the end of the bus; returns the exit status."""
    runner = Runner(context)
    runs_programs = changes.is_wanted(context.configuration)
    try:
        (privileges.lower if runs_programs else privileges.drop)()
    except KernelRefusedError as error:
        runner.note(str(error))
    _serve(runner)
    return exits.ORDERED


def _serve(runner: Runner) -> None:
    """asyncio.run, but for a name that nobody resolves: the look-up cannot be ended, and is not waited for."""
    loop = asyncio.new_event_loop()
    resolver = concurrent.futures.ThreadPoolExecutor(RESOLVERS, RESOLVER)
    loop.set_default_executor(resolver)
    try:
        loop.run_until_complete(runner.run())
    finally:
        resolver.shutdown(wait=False, cancel_futures=True)
        loop.close()
    for thread in threading.enumerate():
        if thread.name.startswith(RESOLVER):
            thread.join(RESOLVER_PATIENCE)
            if thread.is_alive():
                _log.warning("look_up_left", why="the name of the mail server is still being resolved")
                os._exit(exits.ORDERED)


class Runner:
    """The role's bus, and what its messages are passed on to."""

    def __init__(self, context: RoleContext, *, send: mail.Send = mail.send, policy: Policy | None = None) -> None:
        """Nothing begun; `send` makes one try at sending a mail."""
        self._bus = context.bus
        self._configuration = context.configuration
        self._generation = context.generation
        self._root_at_hand = changes.is_wanted(context.configuration) or os.geteuid() != 0
        self._ending = asyncio.Event()
        self._mode = StopMode.STOP
        self._notes: tuple[str, ...] = ()
        self._tasks = Tasks()
        self._postman = Postman(context.configuration, _log, send, policy, self._spool(context.run_dir / "state"))
        self._scripts = Scripts(context.run_dir / "state", self._tasks, _log, restarted=context.restarted)
        self._trackers = Trackers(self._tasks, self._tell, _log)

    def _spool(self, folder: pathlib.Path) -> Spool | None:
        try:
            return Spool(folder)
        except (OSError, KeyError) as error:
            self.note(f"mails that wait are lost if this role dies: {error}")
            return None

    def note(self, text: str) -> None:
        """Something amiss that the log and `bascule status` are to say."""
        self._notes = (*self._notes, text)
        _log.warning("amiss", what=text)

    async def run(self) -> None:
        """Serve until Stop or the end of the bus, then finish what waits, for a few seconds at the most."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._bus, self._read)
        try:
            self._configured()
        except BusClosedError:
            self._ending.set()
        sender = asyncio.create_task(self._postman.run(), name="sender")
        ending = asyncio.create_task(self._ending.wait(), name="ending")
        failed = asyncio.create_task(self._tasks.failed.wait(), name="failed")
        try:
            await asyncio.wait((sender, ending, failed), return_when=asyncio.FIRST_COMPLETED)
            self._trackers.close()
            if self._mode is StopMode.STOP:
                self._postman.hurry()
                await asyncio.gather(self._flush(sender), self._scripts.finish(FLUSH_MAX))
            else:  # The successor has the mails that wait.
                await self._scripts.finish(FLUSH_MAX)
        finally:
            loop.remove_reader(self._bus)
            loop.remove_writer(self._bus)
            await tasks.end((sender, ending, failed))
            self._scripts.fifos.close(remove=self._mode is StopMode.STOP)
        if self._mode is StopMode.STOP:
            self._postman.give_up("the daemon has ended")
        await self._tasks.close()
        if not sender.cancelled():
            sender.result()

    async def _flush(self, sender: asyncio.Task[None]) -> None:
        await asyncio.wait((sender,), timeout=FLUSH_MAX)

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

    def _tell(self, message: Message) -> None:
        with contextlib.suppress(BusClosedError):  # The reader learns of it, too, and ends the role.
            self._bus.send(message)
        self._watch_writable()

    def _take(self, message: Message, descriptor: int | None) -> None:
        match message:
            case InstanceChanged():
                self._postman.take(message)
                self._scripts.instance(message)
            case InstanceState():
                self._scripts.state(message)
            case LowerPriorityHeard():
                self._scripts.lower_priority(message)
            case GroupChanged():
                self._postman.take(message)
                self._scripts.group(message)
            case ServerChanged() | QuorumChanged():
                self._postman.take(message)
                self._scripts.check(message)
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
            case Stop(mode=mode):
                self._mode = mode
                self._ending.set()
            case _:
                _log.warning("unexpected_message", kind=type(message).__name__)

    def _configured(self) -> None:
        runs_programs = changes.is_wanted(self._configuration)
        if runs_programs and not self._root_at_hand:
            _log.notice("starts_anew", why="scripts are configured, and root has been given up for good")
            self._mode = StopMode.RESTART
            self._ending.set()
            return
        settings = self._configuration.globals.mail
        on = mail.is_configured(settings)
        to = ",".join(settings.to) if on else None
        _log.info("configured", generation=self._generation, mail="on" if on else "off", to=to, scripts=runs_programs)
        self._postman.configure(self._configuration)
        programs = self._scripts.configure(self._configuration)
        self._trackers.configure(self._configuration.track_scripts, programs)
        self._bus.send(Started(role=Role.NOTIFY, generation=self._generation))

    def _status(self) -> NotifyStatus:
        return NotifyStatus(
            mails_sent=self._postman.sent,
            mails_lost=self._postman.lost,
            mails_waiting=len(self._postman),
            last_error=self._postman.last_error,
            scripts=self._trackers.status(),
            scripts_running=self._scripts.running,
            scripts_failed=self._scripts.failed,
            scripts_skipped=self._scripts.skipped,
            fifos=self._scripts.fifos.status(),
            notes=(*self._notes, *self._scripts.notes, *self._scripts.fifos.notes, *self._trackers.notes),
        )
