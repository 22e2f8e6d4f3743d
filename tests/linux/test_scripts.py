# SPDX-License-Identifier: Apache-2.0
"""Real programs run as users: what they are given, how they end, and that nothing of them outlives its time."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import pwd
import signal
import subprocess
import sys

import pytest

from bascule.lab.waiting import come, wait_for
from bascule.linux import scripts
from bascule.linux.identities import Identity, ScriptRefusedError, identity
from bascule.linux.scripts import Ended, Running

ME = Identity(name="me", uid=os.getuid(), gid=os.getgid(), groups=tuple(os.getgroups()))
SOURCES = pathlib.Path(scripts.__file__).parents[2]

# Ignored signals that do not count: those that Python itself ignores, and the two that belong to the C library.
LOOK = """
import ctypes, json, os, sys
death = ctypes.c_int(0)
ctypes.CDLL(None).prctl(2, ctypes.byref(death), 0, 0, 0)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "arguments": sys.argv[1:], "uids": os.getresuid(), "gids": os.getresgid(), "groups": os.getgroups(),
    "leader": os.getpid() == os.getsid(0) == os.getpgid(0), "umask": os.umask(0), "death": death.value,
    "stdin": os.readlink("/proc/self/fd/0"), "open": len(os.listdir("/proc/self/fd")) - 1,
    "ignored": int(status["SigIgn"], 16) & ~0x181001000, "blocked": int(status["SigBlk"], 16),
    "locked": status["VmLck"].split()[0], "scheduling": os.sched_getscheduler(0), "marker": os.environ.get("MARKER"),
}))
"""


def run(command: list[str], who: Identity = ME, limit: float | None = 20.0) -> Ended:
    async def main() -> Ended:
        return await Running(command, who).wait(limit)

    return asyncio.run(main())


def looked(who: Identity, *arguments: str) -> dict[str, object]:
    ended = run(["/usr/bin/python3", "-I", "-c", LOOK, *arguments], who)
    assert (ended.status, ended.timed_out) == (0, False), ended.output
    found: dict[str, object] = json.loads(ended.output)
    return found


def is_gone(pid: int) -> bool:
    """It has ended, though nobody may have reaped it here."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_what_a_program_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKER", "here")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        found = looked(ME, "a b", "'\"\\", "")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert found["arguments"] == ["a b", "'\"\\", ""]
    assert found["leader"]
    assert found["umask"] == 0o177
    assert found["death"] == signal.SIGTERM
    assert found["stdin"] == "/dev/null"
    assert found["open"] == 3
    assert (found["ignored"], found["blocked"]) == (0, 0)
    assert found["marker"] == "here"


@pytest.mark.root
def test_it_runs_as_its_user_and_in_its_groups_alone() -> None:
    who = identity("nobody", "daemon")
    found = looked(who)
    assert found["uids"] == [who.uid] * 3
    assert found["gids"] == [1] * 3
    assert sorted(found["groups"]) == sorted(who.groups)  # type: ignore[call-overload]


@pytest.mark.root
def test_a_daemon_s_realtime_and_locked_memory_are_not_its() -> None:
    code = f"""
import asyncio, sys
sys.path.insert(0, {str(SOURCES)!r})
from bascule.linux import scheduling
from bascule.linux.identities import identity
from bascule.linux.scripts import Running
scheduling.make_realtime(1), scheduling.lock_memory()
async def main():
    ended = await Running(["/usr/bin/python3", "-I", "-c", {LOOK!r}], identity("daemon")).wait(20)
    print(ended.output)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["locked"], found["scheduling"]) == ("0", os.SCHED_OTHER)
    assert found["uids"] == [pwd.getpwnam("daemon").pw_uid] * 3
    assert found["death"] == signal.SIGTERM


@pytest.mark.root
def test_another_user_can_open_its_standard_error() -> None:
    ended = run(["/bin/sh", "-c", "echo one; echo two > /dev/stderr; echo three >> /dev/stdout"], identity("nobody"))
    assert ended.output == "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("script", "status", "why"),
    [
        ("exit 0", 0, "exited with status 0"),
        ("exit 3", 3, "exited with status 3"),
        ("kill -KILL $$", -9, "killed by SIGKILL"),
    ],
)
def test_how_it_ended(script: str, status: int, why: str) -> None:
    ended = run(["/bin/sh", "-c", script])
    assert (ended.status, ended.why, ended.timed_out) == (status, why, False)


def test_one_that_takes_too_long_is_ended_with_all_its_children(tmp_path: pathlib.Path) -> None:
    pids = tmp_path / "pids"
    child = f"trap '' TERM; echo $$ >> {pids}; while :; do sleep 0.1; done"
    ended = run(["/bin/sh", "-c", f"echo words; echo $$ >> {pids}; sh -c '{child}' & wait"], limit=1.0)
    assert ended.timed_out
    assert ended.why == "timed out after 1 s"
    assert ended.output == "words\n"
    for pid in map(int, pids.read_text().split()):
        wait_for(lambda pid=pid: is_gone(pid), 10, f"process {pid} to end")  # type: ignore[misc]


def test_sigterm_comes_first(tmp_path: pathlib.Path) -> None:
    ready = tmp_path / "ready"
    ended = run(
        ["/bin/sh", "-c", f"trap 'echo tidied; exit 7' TERM; : > {ready}; while :; do sleep 0.1; done"], limit=1
    )
    assert (ended.timed_out, ended.status) == (True, 7)
    assert ended.output.endswith("tidied\n")


def test_output_has_a_bound() -> None:
    ended = run(["/bin/sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x"])
    assert ended.status == 0
    assert ended.output == "x" * scripts.OUTPUT_MAX


def test_what_it_leaves_in_background_goes_on_and_delays_nobody(tmp_path: pathlib.Path) -> None:
    flag, done = tmp_path / "go", tmp_path / "done"
    script = f"(while [ ! -e {flag} ]; do sleep 0.05; done; echo late; : > {done}) & echo started"

    async def main() -> None:
        ended = await Running(["/bin/sh", "-c", script], ME).wait(20)
        assert (ended.status, ended.output) == (0, "started\n")
        assert not done.exists()
        flag.touch()
        await come(done.exists, 20, "the background process")

    asyncio.run(main())


def test_only_so_many_backgrounds_are_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts, "BACKGROUND_MAX", 1)

    async def main() -> None:
        running = [Running(["/bin/sh", "-c", "sleep 20 & echo $!"], ME) for _ in range(2)]
        ended = [await each.wait(20) for each in running]
        assert len(scripts._Output.background) == 1
        for each in ended:
            os.kill(int(each.output), signal.SIGKILL)
        await come(lambda: not scripts._Output.background, 20, "the end of all outputs")

    asyncio.run(main())


def test_one_that_nobody_waits_for_any_more_is_killed() -> None:
    async def main() -> int:
        running = Running(["/bin/sleep", "60"], ME)
        task = asyncio.create_task(running.wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return running.pid

    pid = asyncio.run(main())
    wait_for(lambda: is_gone(pid), 10, "its end")


@pytest.mark.parametrize("command", ["/no/such/program", "/etc/passwd", "/bin"])
def test_what_cannot_be_started_says_why(command: str) -> None:
    with pytest.raises(ScriptRefusedError, match=f"^{command} cannot be run: "):
        run([command])
