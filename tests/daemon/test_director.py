# SPDX-License-Identifier: Apache-2.0
"""The start: what is refused, how it is said, and that nothing was touched."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from bascule.model.messages import Role
from tests.daemon.conftest import CLASHING, HERE, WHOLE, Director

pytestmark = pytest.mark.root


def start(tmp_path: pathlib.Path, text: str, *enter: str) -> subprocess.CompletedProcess[str]:
    """Try to be a director."""
    file = tmp_path / "bascule.conf"
    file.write_text(text)
    script = [sys.executable, str(HERE / "director_with_doubles.py"), str(tmp_path / "run"), str(file)]
    return subprocess.run([*enter, *script], capture_output=True, text=True, timeout=30, check=False)


def test_a_file_that_cannot_be_run_is_pointed_at_and_refused(tmp_path: pathlib.Path) -> None:
    done = start(tmp_path, CLASHING, "unshare", "--net")
    assert done.returncode == 2
    assert "bascule.conf:" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("bascule: ")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_missing_interface_is_named_and_nothing_is_touched(tmp_path: pathlib.Path) -> None:
    done = start(tmp_path, WHOLE.replace("interface lo", "interface missing0"), "unshare", "--net")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "bascule: vrrp_instance VI_1: interface missing0 does not exist"
    assert not (tmp_path / "run").exists()


def test_errors_are_printed_and_the_rest_runs(tmp_path: pathlib.Path, starting: type[Director]) -> None:
    one = starting(tmp_path, WHOLE.replace("delay_loop 6", "delay_lop 6"))
    one.wait_until_up()
    assert "delay_lop" in one.log
    assert one.role(Role.PLANE).running


def test_a_second_daemon_names_the_first_and_touches_nothing(director: Director, tmp_path: pathlib.Path) -> None:
    before = director.pids()
    other = tmp_path / "other"
    other.mkdir()
    net = f"--net=/proc/{director.process.pid}/ns/net"
    done = start(other, WHOLE, "nsenter", net)
    assert done.returncode == 4
    said = f"bascule: process {director.process.pid} is already the director of this network namespace"
    assert done.stderr.splitlines()[-1] == said
    assert not (other / "run").exists()
    assert director.pids() == before


def test_a_second_daemon_in_another_namespace_needs_a_run_directory_of_its_own(
    director: Director, tmp_path: pathlib.Path
) -> None:
    done = start(tmp_path, WHOLE, "unshare", "--net")
    assert done.returncode == 4
    assert f"process {director.process.pid} already runs with {director.run_dir}" in done.stderr
    assert director.status().generation == 1


def test_without_root_one_line_says_so(tmp_path: pathlib.Path) -> None:
    program = "import os; from bascule.daemon import preflight; os.setuid(65534); preflight.check()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert "root is needed, this is user 65534" in done.stderr
    assert os.geteuid() == 0
    assert not (tmp_path / "run").exists()


def test_started_by_one_who_ignores_children_it_still_learns_of_their_end(
    tmp_path: pathlib.Path, starting: type[Director]
) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        one = starting(tmp_path, WHOLE)
    finally:
        signal.signal(signal.SIGCHLD, before)
    one.wait_until_up()
    os.kill(one.pid(Role.CHECKS), signal.SIGKILL)
    one.wait_for_log('how="killed by SIGKILL"')


def test_a_new_daemon_waits_for_the_roles_of_a_killed_one(director: Director) -> None:
    director.process.kill()
    second = director.launch_in_its_place()
    director.wait_for_log("event=start_done", times=2)
    director.process.wait(5)
    director.process = second
    assert director.status().generation == 1
    for role in (Role.VRRP, Role.PLANE):
        lines = director.record(role)
        assert sum("start generation=1" in line for line in lines) == 2
        ended = next(index for index, line in enumerate(lines) if line.endswith("orphaned"))
        begun = [index for index, line in enumerate(lines) if "start generation=1" in line][1]
        assert ended < begun


def test_errors_that_leave_nothing_to_run_are_the_end(tmp_path: pathlib.Path, starting: type[Director]) -> None:
    one = starting(tmp_path, "virtual_srver 192.0.2.1 80 {\n}\n")
    assert one.process.wait(10) == 2
    assert "bascule: nothing is left to run: " in one.log
    assert "virtual_server" in one.log, "the suggestion"
    assert not (tmp_path / "run").exists()


def test_a_missing_brace_is_pointed_at(tmp_path: pathlib.Path, starting: type[Director]) -> None:
    one = starting(tmp_path, WHOLE[:-3])
    one.wait_for_log("is missing")
    assert f"{one.file}: error: 1 closing brace is missing" in one.log
    one.wait_until_up()
