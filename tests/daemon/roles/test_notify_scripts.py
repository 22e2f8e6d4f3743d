# SPDX-License-Identifier: Apache-2.0
"""The notify role with real scripts and FIFOs: from messages to what programs were called with."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import pathlib
import select
import stat
from typing import TYPE_CHECKING

import pytest

from bascule.daemon.context import RoleContext
from bascule.daemon.roles.notify import Runner
from bascule.lab.waiting import wait_for
from bascule.model.base import Priority, Seconds, Vrid
from bascule.model.configuration import (
    Configuration,
    GlobalDefinitions,
    RealServerConfig,
    VirtualServerConfig,
    VrrpInstance,
    VrrpState,
)
from bascule.model.messages import (
    GroupChanged,
    InstanceChanged,
    InstanceState,
    LowerPriorityHeard,
    QuorumChanged,
    ServerChanged,
    Started,
    Stop,
    StopMode,
)
from bascule.model.scripts import Fifo, Notifies, Script, ScriptSettings, UpDown
from bascule.model.service import Protocol, ServerId, ServiceId
from bascule.model.status import FifoStatus, NotifyStatus
from bascule.model.tracking import SyncGroup

if TYPE_CHECKING:
    from tests.daemon.roles.conftest import Desk, Serve

SERVICE = ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("192.168.2.240"), port=80)
SERVER = ServerId(address=ipaddress.ip_address("192.168.2.212"), port=80)
MASTER, BACKUP, FAULT, INIT = VrrpState.MASTER, VrrpState.BACKUP, VrrpState.FAULT, VrrpState.INIT
ME = "root" if os.geteuid() == 0 else str(os.geteuid())


class Book:
    """A script that writes down its arguments, and waits first where it is told to."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._lines = folder / "book"
        self._lines.touch()
        self.path = folder / "write"
        self.path.write_text(
            f'#!/bin/sh\nwhile [ -e {folder}/hold-"$1" ]; do sleep 0.05; done\necho "$@" >> {self._lines}\n'
            f"[ ! -e {folder}/fail ] || exit 9\n"
        )
        self.path.chmod(0o755)

    def script(self, *arguments: str) -> Script:
        return Script(command=(str(self.path), *arguments))

    def hold(self, word: str) -> None:
        (self._folder / f"hold-{word}").touch()

    def release(self, word: str) -> None:
        (self._folder / f"hold-{word}").unlink()

    def fail(self) -> None:
        (self._folder / "fail").touch()

    def lines(self) -> list[str]:
        return self._lines.read_text().splitlines()

    def until(self, *lines: str) -> None:
        wait_for(lambda: self.lines() == list(lines), 20, f"{lines}", evidence=lambda: str(self.lines()))


@pytest.fixture
def book(tmp_path: pathlib.Path) -> Book:
    return Book(tmp_path)


def configured(book: Book, *names: str, settings: ScriptSettings | None = None, **notify: object) -> Configuration:
    values: dict[str, object] = {"any": book.script("any"), "master": book.script("master"), **notify}
    notifies = Notifies(**values)  # type: ignore[arg-type]
    server = RealServerConfig(address=SERVER.address, port=80, notify=UpDown(down=book.script("server")))
    service = VirtualServerConfig(id=SERVICE, real_servers=(server,), notify=UpDown(up=book.script("quorum")))
    return Configuration(
        globals=GlobalDefinitions(scripts=settings or ScriptSettings(user=ME)),
        instances=tuple(
            VrrpInstance(name=name, interface="eth0", vrid=Vrid(51 + number), notify=notifies)
            for number, name in enumerate(names or ("VI_1",))
        ),
        sync_groups=(SyncGroup(name="G", members=("VI_1",), notify=Notifies(backup=book.script("group"))),),
        virtual_servers=(service,),
    )


def run(context: RoleContext) -> None:
    async def main() -> None:
        await Runner(context).run()

    asyncio.run(main())


def changed(state: VrrpState, name: str = "VI_1", priority: int = 100) -> InstanceChanged:
    return InstanceChanged(instance=name, state=state, priority=Priority(priority), why="", at=1.0)


def is_now(state: VrrpState, name: str = "VI_1", priority: int = 100) -> InstanceState:
    return InstanceState(instance=name, state=state, priority=Priority(priority), since=1.0, reason="")


def status(desk: Desk) -> NotifyStatus:
    return desk.status(NotifyStatus)


def test_scripts_get_keepalived_s_arguments_in_its_order(serve: Serve, book: Book) -> None:
    desk = serve(run, configured(book))
    desk.bus.send(changed(BACKUP))
    book.until("any INSTANCE VI_1 BACKUP 100")
    desk.bus.send(changed(MASTER, priority=110))
    book.until("any INSTANCE VI_1 BACKUP 100", "master", "any INSTANCE VI_1 MASTER 110")
    assert status(desk).scripts_failed == 0


def test_groups_services_and_servers_have_theirs(serve: Serve, book: Book) -> None:
    desk = serve(run, configured(book))
    desk.bus.send(GroupChanged(group="G", state=BACKUP, priority=Priority(0), why="", at=1.0))
    book.until("group")
    desk.bus.send(ServerChanged(service=SERVICE, server=SERVER, up=False, why="", at=1.0))
    book.until("group", "server")
    desk.bus.send(QuorumChanged(service=SERVICE, up=True, why="", at=1.0))
    book.until("group", "server", "quorum")


def test_a_hanging_script_delays_nobody_else_and_its_instance_gets_the_newest(
    serve: Serve, book: Book, capfd: pytest.CaptureFixture[str]
) -> None:
    desk = serve(run, configured(book, "VI_1", "VI_2", master=None))
    book.hold("any")
    desk.bus.send(changed(BACKUP))
    wait_for(lambda: status(desk).scripts_running == ("INSTANCE VI_1 BACKUP",), 20, "the first script")
    for state in (MASTER, BACKUP, MASTER):
        desk.bus.send(changed(state))
    desk.bus.send(GroupChanged(group="G", state=BACKUP, priority=Priority(0), why="", at=1.0))
    book.until("group")
    book.release("any")
    book.until("group", "any INSTANCE VI_1 BACKUP 100", "any INSTANCE VI_1 MASTER 100")
    assert status(desk).scripts_skipped == 2
    assert capfd.readouterr().err.count("event=scripts_skipped") == 2


def test_a_script_that_takes_too_long_is_ended_and_the_next_runs(
    serve: Serve, book: Book, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = ScriptSettings(user=ME, notify_timeout=Seconds(0.5))
    desk = serve(run, configured(book, settings=settings))
    book.hold("master")
    desk.bus.send(changed(MASTER))
    book.until("any INSTANCE VI_1 MASTER 100")
    assert status(desk).scripts_failed == 1
    assert 'how="timed out after 0.5 s"' in capfd.readouterr().err


def test_failures_and_output_are_in_the_log(serve: Serve, book: Book, capfd: pytest.CaptureFixture[str]) -> None:
    book.fail()
    gone = Script(command=("/no/such/program",))
    talks = Script(command=("/bin/sh", "-c", "echo some words; echo more >&2"))
    desk = serve(run, configured(book, fault=gone, stop=talks))
    assert status(desk).notes == ("/no/such/program cannot be run: No such file or directory",)
    desk.bus.send(changed(FAULT))
    wait_for(lambda: status(desk).scripts_failed == 2, 20, "two failures")
    desk.bus.send(changed(INIT))
    desk.stop()
    log = capfd.readouterr().err
    assert 'how="exited with status 9"' in log
    assert 'event=script_not_run of="INSTANCE VI_1 FAULT"' in log
    assert r'output="some words\nmore"' in log


def test_the_end_waits_for_stop_scripts(serve: Serve, book: Book) -> None:
    desk = serve(run, configured(book, stop=book.script("stop")))
    desk.bus.send(changed(MASTER))
    desk.bus.send(changed(INIT))
    desk.stop()
    assert book.lines()[-2:] == ["stop", "any INSTANCE VI_1 STOP 100"]


def test_an_instance_that_the_file_loses_says_fault_or_deleted(serve: Serve, book: Book) -> None:
    desk = serve(run, configured(book, "VI_1", "VI_2", says_deleted=True))
    desk.configure(configured(book, "VI_2"), 2)
    desk.bus.send(changed(INIT))
    book.until("any INSTANCE VI_1 DELETED 100")
    desk.configure(configured(book, "VI_3"), 3)
    desk.bus.send(changed(INIT, "VI_2"))
    book.until("any INSTANCE VI_1 DELETED 100", "any INSTANCE VI_2 FAULT 100")


def test_a_role_that_was_killed_makes_up_for_what_its_scripts_have_missed(serve: Serve, book: Book) -> None:
    first = serve(run, configured(book))
    first.bus.send(changed(BACKUP))
    book.until("any INSTANCE VI_1 BACKUP 100")
    first.stop()
    serve(run, configured(book), restarted=True, first=(is_now(MASTER),))
    book.until("any INSTANCE VI_1 BACKUP 100", "master", "any INSTANCE VI_1 MASTER 100")


def test_a_restart_runs_nothing_twice(serve: Serve, book: Book) -> None:
    first = serve(run, configured(book))
    first.bus.send(changed(MASTER))
    book.until("master", "any INSTANCE VI_1 MASTER 100")
    first.stop()
    second = serve(run, configured(book), restarted=True, first=(is_now(MASTER),))
    second.bus.send(is_now(MASTER))
    second.bus.send(changed(BACKUP))
    book.until("master", "any INSTANCE VI_1 MASTER 100", "any INSTANCE VI_1 BACKUP 100")


def test_a_role_that_is_new_to_a_running_director_runs_nothing(serve: Serve, book: Book) -> None:
    desk = serve(run, configured(book), first=(is_now(MASTER),))
    desk.bus.send(changed(BACKUP))
    book.until("any INSTANCE VI_1 BACKUP 100")


def test_lower_priorities_have_a_script_of_their_own(serve: Serve, book: Book) -> None:
    desk = serve(run, configured(book, master_lower=book.script("lower")))
    heard = LowerPriorityHeard(
        instance="VI_1", priority=Priority(100), heard=Priority(50), source=SERVER.address, at=1.0
    )
    desk.bus.send(heard)
    book.until("lower")


class Reader:
    """The reading end of a FIFO that is there already."""

    def __init__(self, path: pathlib.Path) -> None:
        wait_for(lambda: path.exists() and stat.S_ISFIFO(path.stat().st_mode), 20, f"{path}")
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self._read = b""

    def until(self, *lines: str) -> None:
        wait_for(lambda: self._lines() == list(lines), 20, f"{lines}", evidence=lambda: str(self._lines()))
        os.close(self._descriptor)

    def _lines(self) -> list[str]:
        if select.select([self._descriptor], [], [], 0)[0]:
            self._read += os.read(self._descriptor, 65536)
        return self._read.decode().splitlines()


def test_fifos_get_a_line_an_event(serve: Serve, book: Book, tmp_path: pathlib.Path) -> None:
    paths = [tmp_path / name for name in ("all", "vrrp", "lvs")]
    fifos = [Fifo(path=str(path)) for path in paths]
    settings = ScriptSettings(user=ME, fifo=fifos[0], vrrp_fifo=fifos[1], lvs_fifo=fifos[2])
    desk = serve(run, configured(book, settings=settings, priority_changes=True))
    readers = [Reader(path) for path in paths]
    desk.bus.send(changed(BACKUP))
    desk.bus.send(is_now(BACKUP))
    desk.bus.send(is_now(BACKUP, priority=110))
    desk.bus.send(GroupChanged(group="G", state=BACKUP, priority=Priority(0), why="", at=1.0))
    desk.bus.send(changed(MASTER, priority=110))
    desk.bus.send(
        LowerPriorityHeard(instance="VI_1", priority=Priority(110), heard=Priority(50), source=SERVER.address, at=1.0)
    )
    desk.bus.send(ServerChanged(service=SERVICE, server=SERVER, up=False, why="", at=1.0))
    desk.bus.send(QuorumChanged(service=SERVICE, up=False, why="", at=1.0))
    vrrp = (
        'INSTANCE "VI_1" BACKUP 100',
        'INSTANCE "VI_1" BACKUP_PRIORITY 110',
        'GROUP "G" BACKUP 0',
        'INSTANCE "VI_1" MASTER 110',
        'INSTANCE "VI_1" MASTER_RX_LOWER_PRI 110',
    )
    lvs = ("RS [192.168.2.212]:tcp:80 [192.168.2.240]:tcp:80 DOWN", "VS [192.168.2.240]:tcp:80 DOWN")
    readers[0].until(*vrrp, *lvs)
    readers[1].until(*vrrp)
    readers[2].until(*lvs)
    assert [(found.written, found.lost) for found in status(desk).fifos] == [(7, 0), (5, 0), (2, 0)]


@pytest.mark.parametrize(("mode", "stays"), [(StopMode.STOP, False), (StopMode.RESTART, True)])
def test_a_pipe_goes_with_the_director_but_not_at_a_restart(
    serve: Serve, book: Book, tmp_path: pathlib.Path, mode: StopMode, stays: bool
) -> None:
    path = tmp_path / "fifo"
    desk = serve(run, configured(book, settings=ScriptSettings(user=ME, vrrp_fifo=Fifo(path=str(path)))))
    desk.expect(Started)
    desk.bus.send(Stop(mode=mode))
    desk.join()
    assert path.exists() is stays


def test_status_names_fifos(serve: Serve, book: Book, tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "fifo")
    desk = serve(run, configured(book, settings=ScriptSettings(user=ME, fifo=Fifo(path=path))))
    assert status(desk).fifos == (FifoStatus(path=path, written=0, lost=0),)
