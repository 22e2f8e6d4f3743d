# SPDX-License-Identifier: Apache-2.0
"""Replacing roles under a supervisor that goes on: who stands by, who waits, what when a successor fails."""

from __future__ import annotations

import os
import pathlib
import signal

import pytest

from bascule.lab.waiting import wait_for
from bascule.model.control import Verb
from bascule.model.messages import Role
from tests.daemon.conftest import INSTANCE, WHOLE, Director

pytestmark = pytest.mark.root


def events(director: Director) -> list[str]:
    """The supervisor's starts and ends since the restart, in order."""
    after = director.log.split("event=restart ")[1]
    lines = [line for line in after.splitlines() if "event=role_started" in line or "event=role_ended" in line]
    return [line.split("event=role_")[1].replace("started started=", "start ").split(" pid=")[0] for line in lines]


def test_the_successor_of_vrrp_is_loaded_before_the_old_one_goes_all_others_come_after(director: Director) -> None:
    assert director.ask(Verb.RESTART).ok
    seen = events(director)
    assert seen.index("start vrrp") < seen.index("ended ended=vrrp")
    for role in ("plane", "checks", "notify"):
        assert seen.index(f"ended ended={role}") < seen.index(f"start {role}")


def test_a_successor_that_cannot_load_is_replaced_by_a_plain_start(director: Director) -> None:
    # The standby is refused its descriptor by a double that ends while it loads.
    (director.run_dir / "vrrp.die-on-standby").touch()
    reply = director.ask(Verb.RESTART)
    assert reply.ok, director.log
    director.wait_for_log("event=successor_failed")
    assert director.role(Role.VRRP).running
    new = director.pid(Role.VRRP)
    lines = [line.split(" ", 1)[1] for line in director.record(Role.VRRP) if line.startswith(f"{new} ")]
    assert lines[1].startswith("Handover(active=('VI_1',), at=2.0, crash_hold=0.0")


def test_roles_that_the_new_file_does_not_need_end_and_missing_ones_start(
    tmp_path: pathlib.Path, starting: type[Director]
) -> None:
    one = starting(tmp_path, INSTANCE)
    one.wait_until_up()
    one.file.write_text(WHOLE)
    assert one.ask(Verb.RESTART).ok
    assert set(one.pids()) == set(Role)
    one.file.write_text(INSTANCE)
    assert one.ask(Verb.RESTART).ok
    wait_for(lambda: set(one.pids()) == {Role.SUPERVISOR, Role.VRRP}, 10.0, "the others' end")


def test_a_vrrp_that_dies_instead_of_handing_over_is_succeeded_by_a_backup(director: Director) -> None:
    old = director.pid(Role.VRRP)
    os.kill(old, signal.SIGSTOP)
    reply = director.ask(Verb.RESTART)
    assert reply.ok, director.log
    new = director.pid(Role.VRRP)
    lines = [line.split(" ", 1)[1] for line in director.record(Role.VRRP) if line.startswith(f"{new} ")]
    assert lines[1].startswith("Handover(active=(),")
    assert "crash_hold=30.0" in lines[1]
