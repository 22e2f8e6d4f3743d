# SPDX-License-Identifier: Apache-2.0
"""Giving up root, in processes of their own."""

from __future__ import annotations

import os
import pathlib
import pwd
import resource
import subprocess
import sys

import pytest

from bascule.errors import KernelRefusedError
from bascule.linux import privileges

SOURCES = str(pathlib.Path(privileges.__file__).parents[2])


def run(code: str, user: int | None = None) -> str:
    """Run code in a process of its own; as `user` from then on, who may be unable to read the checkout."""
    become = f"import os; os.setuid({user})\n" if user is not None else ""
    start = f"import sys; sys.path.insert(0, {SOURCES!r})\nfrom bascule.linux import privileges\n{become}"
    done = subprocess.run(
        [sys.executable, "-c", f"{start}{code}"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.root
def test_root_is_gone_for_good_with_all_capabilities_and_groups() -> None:
    out = run("""
import os
from bascule.linux import privileges
privileges.drop()
print(os.getresuid(), os.getgroups())
print([line for line in open("/proc/self/status") if line.startswith(("CapEff", "CapPrm"))])
try:
    os.setuid(0)
except PermissionError:
    print("no way back")
""")
    nobody = pwd.getpwnam("nobody").pw_uid
    assert out.splitlines() == [
        f"{(nobody,) * 3} []",
        "['CapPrm:\\t0000000000000000\\n', 'CapEff:\\t0000000000000000\\n']",
        "no way back",
    ]


@pytest.mark.root
def test_the_parent_death_signal_survives_the_change() -> None:
    out = run("""
import ctypes, signal
from bascule.linux import privileges
libc = ctypes.CDLL(None)
libc.prctl(1, int(signal.SIGTERM), 0, 0, 0)
privileges.drop()
value = ctypes.c_int(0)
libc.prctl(2, ctypes.byref(value), 0, 0, 0)
print(value.value)
""")
    assert out == "15\n"


@pytest.mark.root
def test_an_unknown_user_is_explained_and_nothing_has_changed() -> None:
    with pytest.raises(KernelRefusedError, match="there is no user nobody-of-this-name"):
        privileges.drop("nobody-of-this-name")
    assert os.geteuid() == 0


@pytest.mark.root
def test_a_kernel_that_refuses_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "setgroups", refuse)
    with pytest.raises(KernelRefusedError, match="cannot give up root for nobody: Invalid argument"):
        privileges.drop()


@pytest.mark.root
def test_without_root_there_is_nothing_to_do() -> None:
    assert run("from bascule.linux import privileges; privileges.drop('no-such-user'); print('ok')", user=1) == "ok\n"


@pytest.mark.root
def test_descriptors_are_allowed_as_far_as_the_hard_limit_goes() -> None:
    code = """
import resource
from bascule.linux import privileges
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 2000))
print(privileges.allow_descriptors(50), privileges.allow_descriptors(1500), privileges.allow_descriptors(5000))
"""
    assert run(code, user=1) == "100 1500 2000\n"
    assert run(code) in ("100 1500 5000\n", "100 1500 2000\n"), "root may lift the hard limit, unless in a sandbox"


@pytest.mark.root
def test_a_refused_limit_leaves_the_one_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("not allowed")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 128))
    assert privileges.allow_descriptors(100_000) == 64


def test_the_kernels_word_on_capabilities_is_read(tmp_path: pathlib.Path) -> None:
    assert (privileges.effective() > 0) == (os.geteuid() == 0)
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "status").write_text("Name:\tx\nCapPrm:\t0\nCapEff:\t0000000000001000\n")
    assert privileges.effective(tmp_path) == 1 << 12


@pytest.mark.root
def test_root_set_aside_is_there_for_moments() -> None:
    out = run("""
import ctypes, os, signal
from bascule.linux import privileges
prctl = ctypes.CDLL(None).prctl
prctl(1, int(signal.SIGTERM), 0, 0, 0)
def death():
    value = ctypes.c_int(0)
    prctl(2, ctypes.byref(value), 0, 0, 0)
    return value.value
privileges.lower()
print(os.geteuid(), os.getegid(), os.getgroups(), privileges.effective(), death())
with privileges.raised():
    print(os.geteuid(), os.getegid(), privileges.effective() != 0)
    with privileges.raised():
        print(os.geteuid())
print(os.geteuid(), os.getegid(), privileges.effective(), death())
""")
    nobody = pwd.getpwnam("nobody")
    lowered = f"{nobody.pw_uid} {nobody.pw_gid}"
    assert out.splitlines() == [f"{lowered} [] 0 15", "0 0 True", "0", f"{lowered} 0 15"]


def test_setting_aside_what_one_does_not_have_changes_nothing() -> None:
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
    out = run(
        """
import os
from bascule.linux import privileges
before = os.getresuid()
privileges.lower()
with privileges.raised():
    print(os.getresuid() == before)
""",
        user,
    )
    assert out == "True\n"


@pytest.mark.root
def test_root_is_not_set_aside_for_somebody_who_is_not_there() -> None:
    with pytest.raises(KernelRefusedError, match="there is no user no-such-user"):
        privileges.lower("no-such-user")
