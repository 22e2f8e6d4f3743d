# SPDX-License-Identifier: Apache-2.0
"""Reload, restart and stop, asked for by signal and by control socket, of a real supervisor over doubles."""

from __future__ import annotations

import os
import pathlib
import signal
import threading

import pytest

from bascule.daemon.client import ask
from bascule.lab.waiting import wait_for
from bascule.model.control import ControlReply, Verb
from bascule.model.messages import Role
from tests.daemon.conftest import CLASHING, INSTANCE, MAIL, SERVICE, WHOLE, Director, alive

pytestmark = pytest.mark.root

ROLES = (Role.VRRP, Role.PLANE, Role.CHECKS, Role.NOTIFY)


def test_sighup_puts_a_new_file_into_effect_in_the_same_processes(director: Director) -> None:
    before = director.pids()
    director.file.write_text(WHOLE.replace("weight 3", "weight 7"))
    os.kill(director.process.pid, signal.SIGHUP)
    director.wait_for_log("event=reload_done")
    assert director.pids() == before
    assert director.status().generation == 2
    for role in ROLES:
        assert director.record(role)[-1].endswith("Configure(generation=2)") or role in (Role.PLANE, Role.VRRP)
        assert any("Configure(generation=2)" in line for line in director.record(role))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (CLASHING, "bascule.conf:"),
        (WHOLE.replace("interface lo", "interface missing0"), "interface missing0 does not exist"),
        (WHOLE.rstrip().removesuffix("}"), "1 closing brace is missing"),
    ],
)
def test_a_file_that_cannot_be_run_changes_nothing_and_says_so(director: Director, text: str, says: str) -> None:
    before = director.pids()
    director.file.write_text(text)
    reply = director.ask(Verb.RELOAD)
    assert not reply.ok
    assert reply.text.startswith("nothing is changed: ")
    assert says in reply.text
    os.kill(director.process.pid, signal.SIGHUP)
    director.wait_for_log("event=reload_failed", times=2)
    status = director.status()
    assert status.generation == 1
    assert director.pids() == before
    assert any("last reload failed" in note for note in status.notes)
    assert not any("Configure" in line for role in ROLES for line in director.record(role))


def test_a_file_that_is_gone_changes_nothing(director: Director) -> None:
    director.file.unlink()
    assert not director.ask(Verb.RELOAD).ok
    assert director.status().generation == 1


def test_a_reload_stops_and_starts_roles_as_the_file_needs_them(director: Director) -> None:
    director.file.write_text(INSTANCE)
    assert director.ask(Verb.RELOAD).ok
    wait_for(lambda: set(director.pids()) == {Role.SUPERVISOR, Role.VRRP}, 10.0, "only vrrp to run")
    director.file.write_text(MAIL + SERVICE)
    assert director.ask(Verb.RELOAD).ok
    wait_for(
        lambda: set(director.pids()) == {Role.SUPERVISOR, Role.PLANE, Role.CHECKS, Role.NOTIFY}, 10.0, "all but vrrp"
    )


def test_a_reload_is_not_begun_while_another_is_under_way(director: Director) -> None:
    answers: list[ControlReply] = []
    os.kill(director.pid(Role.NOTIFY), signal.SIGSTOP)
    first = threading.Thread(target=lambda: answers.append(director.ask(Verb.RELOAD)))
    first.start()
    wait_for(lambda: director.status().generation == 2, 10.0, "the first reload to be under way")
    second = director.ask(Verb.RELOAD)
    os.kill(director.pid(Role.NOTIFY), signal.SIGCONT)
    first.join(20)
    assert not second.ok
    assert second.text == "a reload is under way"
    assert answers
    assert answers[0].ok


def test_restart_replaces_every_role_and_keeps_the_process_and_the_locks(director: Director) -> None:
    before = director.pids()
    reply = director.ask(Verb.RESTART)
    assert reply == ControlReply(ok=True, text="all roles are replaced")
    after = director.pids()
    assert after[Role.SUPERVISOR] == before[Role.SUPERVISOR] == director.process.pid
    assert all(after[role] != before[role] for role in ROLES)
    assert not any(alive(pid) for role, pid in before.items() if pid is not None and role is not Role.SUPERVISOR)
    status = director.status()
    assert status.generation == 2
    assert all(entry.restarts == 0 for entry in status.roles)
    second = director.launch(beside=True)
    assert second.wait(20) == 4


def test_restart_hands_the_instances_over_and_gives_successors_the_state(director: Director) -> None:
    old = {role: director.pid(role) for role in ROLES}
    assert director.ask(Verb.RESTART).ok
    for role in ROLES:
        assert any(line == f"{old[role]} Stop(mode=<StopMode.RESTART: 'restart'>)" for line in director.record(role))
    new = director.pid(Role.VRRP)
    lines = [line.split(" ", 1)[1] for line in director.record(Role.VRRP) if line.startswith(f"{new} ")]
    assert lines[0] == "start generation=2 restarted=True"
    assert lines[1].startswith("Handover(active=('VI_1',), at=2.0, crash_hold=0.0")
    assert lines[2].startswith("Ready(ready=True")
    assert "event=last_will" not in director.log


def test_restart_twice_and_then_an_ordered_end(director: Director) -> None:
    for _ in range(2):
        assert director.ask(Verb.RESTART).ok
    assert director.status().generation == 3
    assert director.end() == 0


def test_restart_with_a_broken_file_changes_nothing(director: Director) -> None:
    before = director.pids()
    director.file.write_text(CLASHING)
    reply = director.ask(Verb.RESTART)
    assert not reply.ok
    assert reply.diagnostics
    assert director.pids() == before


def test_stop_by_the_control_socket_answers_when_all_is_over(director: Director) -> None:
    pids = [director.pid(role) for role in ROLES]
    assert ask(director.run_dir, Verb.STOP) == ControlReply(ok=True, text="stopped")
    assert not any(alive(pid) for pid in pids)
    assert director.process.wait(10) == 0


def test_a_stop_during_a_reload_waits_for_it(director: Director) -> None:
    os.kill(director.process.pid, signal.SIGHUP)
    director.wait_for_log("signal=SIGHUP")
    os.kill(director.process.pid, signal.SIGTERM)
    assert director.process.wait(20) == 0
    assert director.log.index("event=reload_done") < director.log.index("event=stopped")


def test_a_stop_that_comes_during_a_restart_waits_for_it_and_is_an_ordered_end(director: Director) -> None:
    pids = [director.pid(role) for role in ROLES]
    asking = threading.Thread(target=lambda: director.ask(Verb.RESTART))
    asking.start()
    director.wait_for_log("event=restart ")
    os.kill(director.process.pid, signal.SIGTERM)
    assert director.process.wait(30) == 0
    asking.join(10)
    assert director.log.index("event=restart_done") < director.log.index("event=stopped")
    assert not any(alive(pid) for pid in pids)


def test_systemd_is_told(tmp_path: pathlib.Path, starting: type[Director], monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service_manager:
        service_manager.bind(str(address))
        service_manager.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        one = starting(tmp_path, WHOLE)
        assert service_manager.recv(4096).startswith(b"READY=1\nSTATUS=all roles run\n")
        os.kill(one.process.pid, signal.SIGHUP)
        assert service_manager.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert service_manager.recv(4096).startswith(b"READY=1\n")
        one.process.terminate()
        assert service_manager.recv(4096) == b"STOPPING=1"
