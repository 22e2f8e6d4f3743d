# SPDX-License-Identifier: Apache-2.0
"""The notify role: a failed server's mail from the event to a real mail server, and servers that hang or refuse."""

from __future__ import annotations

import ipaddress
import os
import pathlib
import pwd
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from bascule.daemon.context import RoleContext
from bascule.daemon.roles.notify import Runner
from bascule.lab.lone_role import LoneRole
from bascule.lab.network import Network
from bascule.lab.topologies import PAIR
from bascule.lab.waiting import wait_for
from bascule.model.base import Priority, Seconds, Vrid, pack
from bascule.model.configuration import (
    Configuration,
    GlobalDefinitions,
    MailSettings,
    RealServerConfig,
    VirtualServerConfig,
    VrrpInstance,
    VrrpState,
)
from bascule.model.messages import InstanceChanged, QuorumChanged, Role, ServerChanged, Started, Stop, StopMode
from bascule.model.scripts import Notifies, Script, ScriptSettings
from bascule.model.service import Protocol, ServerId, ServiceId
from bascule.model.status import NotifyStatus
from bascule.notify.mail import Mail
from bascule.notify.queue import Policy

if TYPE_CHECKING:
    from tests.daemon.roles.conftest import Serve

import asyncio

SERVICE = ServiceId(protocol=Protocol.TCP, address=ipaddress.ip_address("192.168.2.240"), port=80)
SERVER = ServerId(address=ipaddress.ip_address("192.168.2.212"), port=80)
POLICY = Policy(tries_max=3, first_pause=0.05, pause_max=0.1)


def server_changed(up: bool = False) -> ServerChanged:
    why = f"TCP CHECK {'succeed' if up else 'failed'} on service"
    return ServerChanged(service=SERVICE, server=SERVER, up=up, why=why, at=1795332277.0)


def configured(port: int, **changes: object) -> Configuration:
    mail = MailSettings(
        to=("admin@example.org",),
        sender="lvs@example.org",
        server="127.0.0.1",
        port=port,
        connect_timeout=Seconds(0.3),
    )
    real = RealServerConfig(address=SERVER.address, port=80)
    return Configuration(
        globals=GlobalDefinitions(router_id="LVS_DEVEL", mail=msgspec.structs.replace(mail, **changes)),
        virtual_servers=(VirtualServerConfig(id=SERVICE, real_servers=(real,)),),
        instances=(VrrpInstance(name="VI_1", interface="eth0", vrid=Vrid(51), smtp_alert=True),),
    )


def run(context: RoleContext) -> None:
    async def main() -> None:
        await Runner(context, policy=POLICY).run()

    asyncio.run(main())


class Sink:
    """A mail server's handler: keeps subjects and bodies; refuses while `refusal` is set."""

    def __init__(self) -> None:
        self.mails: list[list[str]] = []
        self.refusal: str | None = None
        self.asked = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.asked += 1
        if self.refusal is not None:
            return self.refusal
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content.decode().splitlines())
        return "250 OK"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        found: int = probe.getsockname()[1]
    return found


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def sink(port: int) -> Iterator[Sink]:
    handler = Sink()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield handler
    finally:
        controller.stop()


@pytest.fixture
def hanging() -> Iterator[int]:
    """The port of a mail server that accepts and never speaks."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(100)
        yield server.getsockname()[1]


def test_a_failed_server_s_mail_is_delivered_in_keepalived_s_words(serve: Serve, sink: Sink, port: int) -> None:
    desk = serve(run, configured(port))
    assert desk.expect(Started) == Started(role=Role.NOTIFY, generation=1)
    desk.bus.send(server_changed())
    (mail,) = wait_for(lambda: sink.mails, 5.0, "the mail")
    assert mail[0].startswith("Date: ")
    assert mail[1:] == [
        "From: lvs@example.org",
        "Subject: [LVS_DEVEL] Realserver [192.168.2.212]:tcp:80 of virtual server [192.168.2.240]:tcp:80 - DOWN",
        "X-Mailer: bascule",
        "To: admin@example.org",
        "",
        "=> TCP CHECK failed on service <=",
        "",
    ]
    wait_for(lambda: desk.status(NotifyStatus) == NotifyStatus(mails_sent=1), 5.0, "the status")


def test_only_what_was_asked_for_is_mailed_and_in_order(serve: Serve, sink: Sink, port: int) -> None:
    desk = serve(run, configured(port))
    desk.bus.send(QuorumChanged(service=SERVICE, up=False, why="Lost quorum 1+0=1 <= 0", at=1.0))
    desk.bus.send(server_changed(False))
    desk.bus.send(InstanceChanged(instance="VI_1", state=VrrpState.MASTER, priority=Priority(100), why="", at=1.0))
    desk.bus.send(server_changed(True))
    wait_for(lambda: len(sink.mails) == 3, 5.0, "three mails")
    desk.stop()
    assert [mail[2].rsplit(" - ", 1)[1] for mail in sink.mails] == ["DOWN", "Entering MASTER state", "UP"]


def test_without_a_mail_server_nothing_is_mailed_and_nothing_waits(serve: Serve, port: int) -> None:
    desk = serve(run, configured(port, server=None))
    desk.bus.send(server_changed())
    assert desk.status(NotifyStatus) == NotifyStatus()


def test_a_server_that_hangs_blocks_nobody_and_the_loss_is_logged(
    serve: Serve, hanging: int, capfd: pytest.CaptureFixture[str]
) -> None:
    desk = serve(run, configured(hanging))
    desk.bus.send(server_changed())
    wait_for(lambda: desk.status(NotifyStatus).last_error is not None, 5.0, "the first try's end")
    began = time.monotonic()
    assert desk.status(NotifyStatus).mails_waiting == 1
    assert time.monotonic() - began < 0.2, "the role answers while a try hangs"
    wait_for(lambda: desk.status(NotifyStatus).mails_lost, 10.0, "the loss")
    status = desk.status(NotifyStatus)
    assert status.last_error == f"[127.0.0.1]:{hanging}: no answer within 0.3 s (3 tries)"
    assert status.mails_waiting == 0
    log = capfd.readouterr().err
    assert log.count("event=mail_failed") == 2
    assert log.count("event=mail_lost") == 1


def test_a_server_that_comes_back_in_time_gets_the_mail(serve: Serve, sink: Sink, port: int) -> None:
    sink.refusal = "451 busy"
    desk = serve(run, configured(port))
    desk.bus.send(server_changed())
    wait_for(lambda: sink.asked, 5.0, "the first try")
    sink.refusal = None
    wait_for(lambda: sink.mails, 5.0, "the mail")
    assert desk.status(NotifyStatus).last_error == f"[127.0.0.1]:{port}: 451 busy"


def test_a_mail_that_is_refused_for_good_is_lost_at_once(serve: Serve, sink: Sink, port: int) -> None:
    sink.refusal = "554 no"
    desk = serve(run, configured(port))
    desk.bus.send(server_changed())
    wait_for(lambda: desk.status(NotifyStatus).mails_lost == 1, 5.0, "the loss")
    assert sink.asked == 1


def test_a_refused_recipient_is_logged_and_the_others_have_their_mail(
    serve: Serve, sink: Sink, port: int, capfd: pytest.CaptureFixture[str]
) -> None:
    desk = serve(run, configured(port, to=("admin@example.org", "bad address@example.org")))
    desk.bus.send(server_changed())
    wait_for(lambda: sink.mails, 5.0, "the mail")
    desk.stop()
    log = capfd.readouterr().err
    assert 'event=mail_recipient_refused why="bad address@example.org: not an address"' in log
    assert "event=mail_sent" in log


def test_a_reload_takes_waiting_mails_to_the_new_server(serve: Serve, sink: Sink, port: int) -> None:
    desk = serve(run, configured(free_port()))
    desk.bus.send(server_changed())
    wait_for(lambda: desk.status(NotifyStatus).last_error is not None, 5.0, "a failure")
    desk.configure(configured(port), 2)
    desk.expect(Started, lambda message: message.generation == 2)
    wait_for(lambda: sink.mails, 5.0, "the mail")


def test_a_reload_without_mail_loses_what_waits_and_says_so(serve: Serve, hanging: int) -> None:
    desk = serve(run, configured(hanging))
    desk.bus.send(server_changed())
    desk.bus.send(server_changed(True))
    wait_for(lambda: desk.status(NotifyStatus).mails_waiting == 2, 5.0, "two waiting")
    desk.configure(configured(hanging, to=()), 2)
    wait_for(lambda: desk.status(NotifyStatus).mails_lost == 2, 5.0, "the loss")
    assert desk.status(NotifyStatus).last_error == "mail is no longer configured"


def test_stop_sends_what_waits(serve: Serve, sink: Sink, port: int) -> None:
    desk = serve(run, configured(port))
    for _ in range(20):
        desk.bus.send(server_changed())
    desk.bus.send(Stop())
    desk.join()
    assert len(sink.mails) == 20


def test_stop_is_over_within_seconds_although_the_server_hangs(
    serve: Serve, hanging: int, capfd: pytest.CaptureFixture[str]
) -> None:
    desk = serve(run, configured(hanging, connect_timeout=Seconds(30.0)))
    for _ in range(3):
        desk.bus.send(server_changed())
    wait_for(lambda: desk.status(NotifyStatus).mails_waiting == 3, 5.0, "three waiting")
    began = time.monotonic()
    desk.stop()
    assert 3.5 < time.monotonic() - began < 5.5
    log = capfd.readouterr().err
    assert log.count("event=mail_lost") == 3
    assert "the daemon has ended" in log


def test_the_end_of_the_bus_is_a_stop(serve: Serve, sink: Sink, port: int) -> None:
    desk = serve(run, configured(port))
    desk.expect(Started)
    desk.bus.send(server_changed())
    desk.bus.close()
    desk.join()
    assert len(sink.mails) == 1


def test_a_supervisor_that_is_gone_at_the_start_is_a_stop(serve: Serve, port: int) -> None:
    release = threading.Event()

    def late(context: RoleContext) -> None:
        assert release.wait(5.0)
        run(context)

    desk = serve(late, configured(port))
    desk.bus.close()
    release.set()
    desk.join()


def test_a_defect_of_the_sender_ends_the_role_with_it(serve: Serve, port: int) -> None:
    async def broken(mail: Mail, settings: MailSettings) -> tuple[str, ...]:  # noqa: ARG001
        raise RuntimeError("a defect")

    def role(context: RoleContext) -> None:
        async def main() -> None:
            await Runner(context, send=broken).run()

        asyncio.run(main())

    desk = serve(role, configured(port))
    desk.bus.send(server_changed())
    with pytest.raises(RuntimeError, match="a defect"):
        desk.join()


LATE_IMPORTS = """
import pathlib, sys, threading
from bascule.daemon.bus import Bus
from bascule.daemon.context import RoleContext
from bascule.daemon.roles import notify
from bascule.linux import privileges
from bascule.model.base import unpack
from bascule.model.configuration import Configuration
from bascule.model.messages import Message, Stop

known = set()
privileges.drop = lambda: known.update(sys.modules)
ours, theirs = Bus.pair()
ours.send(unpack(bytes.fromhex(sys.argv[2]), Message))
ours.send(Stop())
configuration = unpack(bytes.fromhex(sys.argv[1]), Configuration)
notify.run(RoleContext(bus=Bus(theirs), configuration=configuration, generation=1, run_dir=pathlib.Path(sys.argv[3])))
assert known
print(*sorted(set(sys.modules) - known))
"""


def test_all_that_a_mail_needs_is_loaded_before_the_files_are_out_of_reach(
    sink: Sink, port: int, tmp_path: pathlib.Path
) -> None:
    arguments = [pack(configured(port, server="localhost")).hex(), pack(server_changed()).hex(), str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", LATE_IMPORTS, *arguments], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.split() == []
    assert len(sink.mails) == 1, done.stderr


@pytest.mark.root
@pytest.mark.lab
def test_the_process_has_no_privileges_and_mails_from_its_own_network() -> None:
    with Network(PAIR) as network:
        director = network.host("d1")
        handler = Sink()
        with director.entered():
            controller = Controller(handler, hostname="127.0.0.1", port=25)
            controller.start()
        try:
            with LoneRole(director, Role.NOTIFY, configured(25, server="localhost")) as role:
                status = pathlib.Path(f"/proc/{role.process.pid}/status").read_text()
                uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
                assert set(uids) == {str(pwd.getpwnam("nobody").pw_uid)}
                role.send(server_changed())
                wait_for(lambda: handler.mails, 10.0, "the mail", evidence=role.log)
                assert role.stop() == 0
                assert "event=mail_sent" in role.log()
        finally:
            controller.stop()


def with_script(path: pathlib.Path, user: str) -> Configuration:
    notify = Notifies(any=Script(command=("/usr/bin/env", "-i", "/bin/sh", "-c", f'echo "$(id -u) $*" > {path}', "x")))
    instance = VrrpInstance(name="VI_1", interface="eth0", vrid=Vrid(51), notify=notify)
    return Configuration(globals=GlobalDefinitions(scripts=ScriptSettings(user=user)), instances=(instance,))


MASTER = InstanceChanged(instance="VI_1", state=VrrpState.MASTER, priority=Priority(100), why="", at=1.0)


@pytest.mark.root
@pytest.mark.lab
@pytest.mark.parametrize("user", ["daemon", "root"])
def test_the_process_acts_as_nobody_and_scripts_run_as_their_user(user: str) -> None:
    entry, nobody = pwd.getpwnam(user), pwd.getpwnam("nobody")
    with Network(PAIR) as network:
        director = network.host("d1")
        folder = director.folder / "scripts"
        folder.mkdir()
        for parent in (folder, *folder.parents):
            if parent.stat().st_mode & 0o005 != 0o005:
                pytest.fail(f"{parent} cannot be entered by everybody")
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        out = folder / "out"
        with LoneRole(director, Role.NOTIFY, with_script(out, user)) as role:
            status = pathlib.Path(f"/proc/{role.process.pid}/status").read_text()
            fields = dict(line.split(":", 1) for line in status.splitlines())
            assert fields["Uid"].split() == ["0", str(nobody.pw_uid), "0", str(nobody.pw_uid)]
            assert int(fields["CapEff"], 16) == 0
            role.send(MASTER)
            wait_for(lambda: out.exists() and out.read_text(), 20, "the script", evidence=role.log)
            assert out.read_text() == f"{entry.pw_uid} INSTANCE VI_1 MASTER 100\n"
            assert role.stop() == 0


@pytest.mark.root
@pytest.mark.lab
def test_scripts_that_come_with_a_reload_make_a_role_without_root_end_to_be_started_anew(port: int) -> None:
    with Network(PAIR) as network:
        director = network.host("d1")
        with LoneRole(director, Role.NOTIFY, configured(port)) as role:
            role.configure(with_script(director.folder / "out", "daemon"))
            role.until(lambda: not role.pump(10.0), 20.0, "the end of the bus")
            assert role.process.wait(10.0) == 0
            assert "event=starts_anew" in role.log()


def test_mails_of_a_role_that_was_killed_are_sent_by_its_successor(
    serve: Serve, sink: Sink, port: int, hanging: int, tmp_path: pathlib.Path
) -> None:
    """What waits stands in files at once: the end of the process plays no part."""
    first = serve(run, configured(hanging, connect_timeout=Seconds(30.0)))
    for up in (False, True, False):
        first.bus.send(server_changed(up))
    wait_for(lambda: first.status(NotifyStatus).mails_waiting == 3, 20, "three waiting")
    left = {path.name: path.read_bytes() for path in (tmp_path / "state" / "mail").iterdir()}
    first.stop()
    for name, data in left.items():
        (tmp_path / "state" / "mail" / name).write_bytes(data)
    second = serve(run, configured(port), restarted=True)
    wait_for(lambda: len(sink.mails) == 3, 20, "the mails")
    assert [mail[2].rsplit(" - ", 1)[1] for mail in sink.mails] == ["DOWN", "UP", "DOWN"]
    wait_for(lambda: second.status(NotifyStatus).mails_sent == 3, 20, "the count")
    assert list((tmp_path / "state" / "mail").iterdir()) == []


def test_a_restart_leaves_what_waits_to_the_successor(serve: Serve, sink: Sink, port: int, hanging: int) -> None:
    first = serve(run, configured(hanging, connect_timeout=Seconds(30.0)))
    first.bus.send(server_changed())
    wait_for(lambda: first.status(NotifyStatus).mails_waiting == 1, 20, "one waiting")
    began = time.monotonic()
    first.bus.send(Stop(mode=StopMode.RESTART))
    first.join()
    assert time.monotonic() - began < 3.0, "nobody waits for the mail server"
    serve(run, configured(port), restarted=True)
    wait_for(lambda: len(sink.mails) == 1, 20, "the mail")


NO_ANSWER = """
import pathlib, socket, sys, threading
from bascule.daemon.bus import Bus
from bascule.daemon.context import RoleContext
from bascule.daemon.roles import notify
from bascule.linux import privileges
from bascule.model.base import unpack
from bascule.model.configuration import Configuration
from bascule.model.messages import Message, Stop

privileges.drop = lambda: None
socket.getaddrinfo = lambda *_, **__: threading.Event().wait(60)
ours, theirs = Bus.pair()
ours.send(unpack(bytes.fromhex(sys.argv[2]), Message))
ours.send(Stop())
configuration = unpack(bytes.fromhex(sys.argv[1]), Configuration)
notify.run(RoleContext(bus=Bus(theirs), configuration=configuration, generation=1, run_dir=pathlib.Path(sys.argv[3])))
"""


def test_a_name_that_nobody_resolves_does_not_hold_up_the_end(port: int, tmp_path: pathlib.Path) -> None:
    arguments = [pack(configured(port, server="relay.example")).hex(), pack(server_changed()).hex(), str(tmp_path)]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", NO_ANSWER, *arguments], capture_output=True, text=True, timeout=50, check=True
    )
    assert time.monotonic() - began < 30.0, "the look-up takes 60"
    assert "event=look_up_left" in done.stderr
    assert "event=mail_lost" in done.stderr
