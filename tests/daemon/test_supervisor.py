# SPDX-License-Identifier: Apache-2.0
"""The supervisor as a whole: real processes, doubles of the roles."""

from __future__ import annotations

import os
import pathlib
import signal
import time

import pytest

from bascule.lab.waiting import wait_for
from bascule.model.base import from_json, to_json
from bascule.model.control import Verb
from bascule.model.messages import Role
from bascule.model.status import DirectorStatus
from tests.daemon.conftest import INSTANCE, WHOLE, Director, alive

pytestmark = pytest.mark.root

ROLES = (Role.VRRP, Role.PLANE, Role.CHECKS, Role.NOTIFY)


def test_all_roles_run_and_answer(director: Director) -> None:
    status = director.status()
    assert {entry.role for entry in status.roles if entry.running and entry.responsive} == {Role.SUPERVISOR, *ROLES}
    assert status.vrrp is not None
    assert status.plane is not None
    assert status.checks is not None
    assert status.notify is not None
    assert from_json(to_json(status), DirectorStatus) == status


@pytest.mark.parametrize("role", ROLES)
def test_a_killed_role_is_back_within_a_second(director: Director, role: Role) -> None:
    before = director.pids()
    killed = director.pid(role)
    os.kill(killed, signal.SIGKILL)
    begun = time.monotonic()
    wait_for(lambda: director.role(role).pid not in (None, killed), 5.0, "the role's new process")
    assert time.monotonic() - begun < 1.0
    after = director.pids()
    assert {k: v for k, v in after.items() if k is not role} == {k: v for k, v in before.items() if k is not role}
    assert director.role(role).restarts == 1
    wait_for(lambda: any("restarted=True" in line for line in director.record(role)), 5.0, "its start")


def _wait_for_successor(director: Director, killed: int) -> None:
    wait_for(lambda: director.role(Role.VRRP).pid not in (None, killed), 5.0, "the new process")


def test_a_killed_vrrp_hears_how_long_to_hold_and_the_latest_ready_first(director: Director) -> None:
    for hold in ("30.0", "60.0"):
        killed = director.pid(Role.VRRP)
        os.kill(killed, signal.SIGKILL)
        _wait_for_successor(director, killed)
        pid = director.pid(Role.VRRP)

        def heard(pid: int = pid) -> list[str]:
            lines = [line.split(" ", 1)[1] for line in director.record(Role.VRRP) if line.startswith(f"{pid} ")]
            return lines if len(lines) >= 3 else []

        lines = wait_for(heard, 5.0, "its first messages")
        assert lines[1].startswith("Handover(active=(),")
        assert f"crash_hold={hold}" in lines[1]
        assert lines[2].startswith("Ready(ready=True")


def test_a_restarted_plane_hears_the_state_of_every_instance(director: Director) -> None:
    killed = director.pid(Role.PLANE)
    os.kill(killed, signal.SIGKILL)

    def told() -> bool:
        lines = [line for line in director.record(Role.PLANE) if not line.startswith(f"{killed} ")]
        return any("InstanceState(instance='VI_1'" in line for line in lines)

    wait_for(told, 5.0, "the instance's state at the new plane")


def test_what_a_role_must_not_say_is_not_passed_on(director: Director) -> None:
    director.wait_for_log("event=message_not_allowed sender=checks message=Handover")
    assert not any("forged" in line for role in ROLES for line in director.record(role))


def test_a_stopped_role_shows_as_unresponsive_within_the_deadline(director: Director) -> None:
    pid = director.pid(Role.CHECKS)
    os.kill(pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        asked = time.time()
        status = director.status()
        took = time.monotonic() - begun
        checks = next(entry for entry in status.roles if entry.role is Role.CHECKS)
        assert not checks.responsive
        assert checks.silent_since is not None
        assert abs(checks.silent_since - asked) < 1.0
        assert 0.2 < took < 0.75
        assert status.checks is None
        assert status.plane is not None
        assert director.role(Role.CHECKS).silent_since == checks.silent_since
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: director.role(Role.CHECKS).responsive, 5.0, "the role to answer again")


def test_a_killed_supervisor_takes_its_roles_along_in_order(director: Director) -> None:
    pids = [director.pid(role) for role in ROLES]
    director.process.kill()
    director.process.wait(5)
    wait_for(lambda: not any(alive(pid) for pid in pids), 5.0, "the roles' end")
    for role in ROLES:
        assert director.record(role)[-1].endswith("orphaned")


def test_sigterm_ends_vrrp_first_and_notify_last_and_leaves_nothing(director: Director) -> None:
    pids = [director.pid(role) for role in ROLES]
    begun = time.monotonic()
    assert director.end() == 0
    assert 0.9 < time.monotonic() - begun < 4.0
    ended = [line.split("ended=")[1].split()[0] for line in director.log.splitlines() if "event=role_ended" in line]
    assert ended == ["vrrp", "plane", "checks", "notify"]
    assert not any(alive(pid) for pid in pids)
    assert not (director.run_dir / "control.sock").exists()


def test_a_refusing_role_is_not_started_again(tmp_path: pathlib.Path, starting: type[Director]) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notify.refuse").touch()
    one = starting(tmp_path, WHOLE)
    one.wait_for_log("event=start_failed")
    wait_for(lambda: not one.role(Role.NOTIFY).running, 5.0, "the role's end")
    assert one.role(Role.NOTIFY).note == "refused: told to refuse"
    assert one.log.count("started=notify") == 1
    assert "start" in one.status().notes[0]
    assert one.role(Role.VRRP).running


@pytest.mark.parametrize("role", [Role.PLANE, Role.VRRP])
def test_a_director_without_a_vital_role_does_not_start(
    tmp_path: pathlib.Path, starting: type[Director], role: Role
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / f"{role.value}.refuse").touch()
    one = starting(tmp_path, WHOLE)
    assert one.process.wait(20) == 1
    assert one.log.splitlines()[-1] == f"bascule: {role.value}: told to refuse"
    assert one.record(Role.NOTIFY)[-1].endswith("Stop(mode=<StopMode.STOP: 'stop'>)")


def test_a_running_director_outlives_a_refusal(director: Director) -> None:
    (director.run_dir / "plane.refuse").touch()
    os.kill(director.pid(Role.PLANE), signal.SIGKILL)
    wait_for(
        lambda: director.role(Role.PLANE).note == "refused: told to refuse",
        10.0,
        "the refusal",
        evidence=lambda: repr(director.status().roles),
    )
    assert director.role(Role.VRRP).running
    (director.run_dir / "plane.refuse").unlink()
    assert director.ask(Verb.RELOAD).ok, "a reload tries again"
    assert director.role(Role.PLANE).running


def test_only_the_needed_roles_run(tmp_path: pathlib.Path, starting: type[Director]) -> None:
    one = starting(tmp_path, INSTANCE)
    one.wait_until_up()
    assert set(one.pids()) == {Role.SUPERVISOR, Role.VRRP}
    assert one.ask(Verb.STOP).text == "stopped"
    assert one.process.wait(10) == 0
