# SPDX-License-Identifier: Apache-2.0
"""A whole director over real servers: one fails, leaves the table in time, its mail arrives, and it returns.

And what must not disturb that: a mail server that hangs, and roles that are killed meanwhile.
"""

from __future__ import annotations

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from bascule.daemon.client import NotRunningError, ask
from bascule.lab.mail_sink import MailSink
from bascule.lab.network import LabHost, Network
from bascule.lab.servers import Nginx
from bascule.lab.topologies import SEED
from bascule.lab.waiting import stays, wait_for
from bascule.model.control import Verb
from bascule.model.messages import Role
from bascule.model.status import DirectorStatus

pytestmark = [pytest.mark.root, pytest.mark.lab]

TEXT = """
global_defs {
    notification_email {
        admin@example.com
        second@example.com
    }
    notification_email_from lvs@example.com
    smtp_server 127.0.0.1
    smtp_connect_timeout 2
    router_id LVS_DEVEL
}
virtual_server 192.168.2.240 80 {
    delay_loop 1
    lb_algo wlc
    lb_kind DR
    protocol TCP
    warmup 0.2
    smtp_alert
    quorum 4
    real_server 192.168.2.212 80 {
        weight 3
        TCP_CHECK {
            connect_timeout 1
            retry 2
            delay_before_retry 0.5
        }
    }
    real_server 192.168.2.213 80 {
        weight 3
        TCP_CHECK {
            connect_timeout 1
            retry 2
            delay_before_retry 0.5
        }
    }
}
"""

REMOVAL_MAX = 1.0 + 2 * 0.5
"""Seconds from a server's end to its removal: delay_loop and the retries' delays; a refusal takes no time."""

ONE_DOWN = "Realserver [192.168.2.212]:tcp:80 of virtual server [192.168.2.240]:tcp:80 - DOWN"
ONE_UP = "Realserver [192.168.2.212]:tcp:80 of virtual server [192.168.2.240]:tcp:80 - UP"
SERVICE_DOWN = "Virtualserver [192.168.2.240]:tcp:80 - DOWN"
SERVICE_UP = "Virtualserver [192.168.2.240]:tcp:80 - UP"


class Director:
    """`bascule run` on a host of the lab."""

    def __init__(self, host: LabHost, text: str = TEXT) -> None:
        self.host = host
        self.run_dir = host.folder / "run"
        self.file = host.folder / "bascule.conf"
        self.file.write_text(text)
        command = [
            sys.executable,
            "-c",
            "from bascule.cli import main; main()",
            "run",
            "-f",
            str(self.file),
            "--run-dir",
            str(self.run_dir),
        ]
        self.process: subprocess.Popen[bytes] = host.popen(command, log="bascule")

    @property
    def log(self) -> str:
        return self.host.log_file("bascule").read_text()

    def status(self) -> DirectorStatus | None:
        try:
            return ask(self.run_dir, Verb.STATUS).status
        except NotRunningError:
            return None

    def servers(self) -> list[str] | None:
        """The addresses in the plane's table."""
        status = self.status()
        if status is None or status.plane is None:
            return None
        return sorted(str(view.server.address) for service in status.plane.services for view in service.servers)

    def checked(self) -> bool:
        status = self.status()
        return bool(status and status.checks and all(check.attempts for check in status.checks.checks))

    def pid(self, role: Role) -> int | None:
        status = self.status()
        return next((entry.pid for entry in status.roles if entry.role is role), None) if status else None

    def kill(self, role: Role) -> None:
        """SIGKILL a role and wait for its successor."""
        victim = self.pid(role)
        assert victim is not None
        os.kill(victim, signal.SIGKILL)
        wait_for(
            lambda: self.pid(role) not in (None, victim) and self.answers(role),
            10.0,
            "its successor",
            evidence=self.all,
        )

    def answers(self, role: Role) -> bool:
        status = self.status()
        return status is not None and getattr(status, role.value) is not None

    def all(self) -> str:
        return self.log

    def until_servers(self, wanted: list[str], seconds: float) -> float:
        """Wait until these are in the table; how long it took."""
        began = time.monotonic()
        wait_for(lambda: self.servers() == wanted, seconds, f"{wanted} in the table", evidence=self.all, pause_max=0.02)
        return time.monotonic() - began


BOTH = ["192.168.2.212", "192.168.2.213"]


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(SEED) as net:
        yield net


@pytest.fixture
def one(network: Network) -> Nginx:
    servers = [Nginx(network.host(name)) for name in ("rs1", "rs2")]
    for server in servers:
        server.start()
    return servers[0]


@pytest.fixture
def director(network: Network, one: Nginx) -> Iterator[Director]:  # noqa: ARG001
    running = Director(network.host("d1"))
    yield running
    running.process.terminate()
    assert running.process.wait(15.0) == 0


@pytest.fixture
def sink(network: Network) -> Iterator[MailSink]:
    relay = MailSink(network.host("d1"))
    relay.start()
    yield relay
    relay.stop()


def subjects(sink: MailSink) -> list[str]:
    return [re.sub(r"^\[LVS_DEVEL\] ", "", mail.subject) for mail in sink.mails()]


def test_a_server_leaves_and_returns_within_the_computed_time_and_mails_say_so(
    sink: MailSink, director: Director, one: Nginx
) -> None:
    director.until_servers(BOTH, 20.0)
    wait_for(director.checked, 10.0, "a first attempt of every check", evidence=director.all)
    wait_for(lambda: subjects(sink) == [SERVICE_UP], 5.0, "the first mail")
    assert sink.mails()[0].body.strip() == "=> Starting with quorum up 4+0=4 <= 6 <="
    one.stop()
    took = director.until_servers(BOTH[1:], 10.0)
    assert 2 * 0.5 - 0.05 < took < REMOVAL_MAX + 0.5
    wait_for(lambda: sorted(subjects(sink)[1:]) == [ONE_DOWN, SERVICE_DOWN], 5.0, "the mails of the loss")
    one.start()
    took = director.until_servers(BOTH, 10.0)
    assert took < 1.0 + 0.5
    wait_for(lambda: sorted(subjects(sink)[3:]) == [ONE_UP, SERVICE_UP], 5.0, "the mails of the return")
    mail = next(mail for mail in sink.mails() if mail.subject.endswith(ONE_DOWN))
    assert mail.subject == f"[LVS_DEVEL] {ONE_DOWN}"
    assert mail.to == ("admin@example.com", "second@example.com")
    assert mail.sender == "lvs@example.com"
    assert mail.body.strip() == "=> TCP CHECK failed on service <="


def test_roles_that_are_killed_put_nothing_back_and_repeat_no_mail(
    sink: MailSink, director: Director, one: Nginx
) -> None:
    director.until_servers(BOTH, 20.0)
    wait_for(director.checked, 10.0, "a first attempt of every check", evidence=director.all)
    one.stop()
    director.until_servers(BOTH[1:], 10.0)
    wait_for(lambda: len(sink.mails()) == 3, 5.0, "the mails of the loss")
    for role in (Role.CHECKS, Role.PLANE, Role.NOTIFY):
        director.kill(role)
        stays(lambda: director.servers() in (BOTH[1:], None), 1.5, f"the table after {role.value} was killed")
    assert sorted(subjects(sink)) == sorted([SERVICE_UP, ONE_DOWN, SERVICE_DOWN])
    one.start()
    director.until_servers(BOTH, 10.0)
    wait_for(lambda: sorted(subjects(sink)[3:]) == [ONE_UP, SERVICE_UP], 5.0, "the mails of the return")


def test_a_mail_server_that_hangs_delays_nothing_but_mail(network: Network, director: Director, one: Nginx) -> None:
    with network.host("d1").entered():
        silent = socket.create_server(("127.0.0.1", 25))
    with silent:
        director.until_servers(BOTH, 20.0)
        wait_for(director.checked, 10.0, "a first attempt of every check", evidence=director.all)
        one.stop()
        assert director.until_servers(BOTH[1:], 10.0) < REMOVAL_MAX + 0.5
        wait_for(
            lambda: "no answer within 2 s" in director.log, 10.0, "the failed try in the log", evidence=director.all
        )
        status = director.status()
        assert status is not None
        assert status.notify is not None
        assert status.notify.mails_waiting >= 2
        began = time.monotonic()
        director.process.terminate()
        assert director.process.wait(15.0) == 0
        assert time.monotonic() - began < 8.0
    assert director.log.count("event=mail_lost") == 3


def test_ha_suspend_pauses_the_checks_until_the_address_is_here(network: Network, one: Nginx) -> None:
    running = Director(network.host("d1"), TEXT.replace("smtp_alert", "ha_suspend"))
    running.until_servers(BOTH, 20.0)
    one.stop()

    def suspended() -> list[bool]:
        status = running.status()
        assert status is not None
        assert status.checks is not None
        return [check.suspended for check in status.checks.checks]

    assert suspended() == [True, True]
    status = running.status()
    assert status is not None
    assert status.plane is not None
    assert status.plane.ready, "checks that pause are not waited for"
    network.host("d1").run(["ip", "address", "add", "192.168.2.240/32", "dev", "eth0"])
    running.until_servers(BOTH[1:], 10.0)
    network.host("d1").run(["ip", "address", "del", "192.168.2.240/32", "dev", "eth0"])
    wait_for(lambda: suspended() == [True, True], 5.0, "suspension", evidence=running.all)
    one.start()
    stays(lambda: running.servers() == BOTH[1:], 1.5, "the last verdict while suspended")
    running.process.terminate()
    assert running.process.wait(15.0) == 0


def test_the_run_leaves_no_file_of_its_own_behind(director: Director) -> None:
    director.until_servers(BOTH, 20.0)
    director.process.terminate()
    assert director.process.wait(15.0) == 0
    assert not pathlib.Path(director.run_dir / "state" / "pool").exists()
