# SPDX-License-Identifier: Apache-2.0
"""Who a netlink port belongs to: this process by its first socket and by another one, others, nobody any more."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys

import pytest

from bascule.lab.waiting import wait_for
from bascule.linux import requesters
from bascule.linux.requesters import HINTS, KERNEL, UNKNOWN, requester

HERE = pathlib.Path("/proc/self/comm").read_text().strip()


def opened() -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    sock.bind((0, 0))
    return sock


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[0]) & 0xFFFFFFFF


def test_the_kernel_and_nobody_knows() -> None:
    assert requester(0) is KERNEL
    assert requester(None) is UNKNOWN


def test_every_socket_of_a_process_leads_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requesters, "SEARCH_SECONDS", 10.0)
    first, second = opened(), opened()
    try:
        for sock in (first, second):
            found = requester(port_of(sock))
            assert found is not None
            assert (found.words, found.pid) == (f"{HERE} (process {os.getpid()})", os.getpid())
        assert port_of(second) != os.getpid()
    finally:
        first.close()
        second.close()


def test_what_takes_long_is_left_for_later() -> None:
    first, second = opened(), opened()
    try:
        assert requester(port_of(second), thorough=False) is None
    finally:
        first.close()
        second.close()


def test_a_search_gives_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = opened(), opened()
    monkeypatch.setattr(requesters, "SEARCH_SECONDS", -1.0)
    monkeypatch.setattr(requesters, "_has", lambda *_: False)
    try:
        found = requester(port_of(second))
        assert found is not None
        assert found.words == f"a process that could not be found in time (netlink port {port_of(second)})"
    finally:
        first.close()
        second.close()


def test_one_that_lives_and_has_closed_its_socket_is_named_by_its_number() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        found = requester(child.pid)
        assert found is not None
        assert found.words.endswith(f"(process {child.pid}, by its number alone)")
        child.communicate(b"\n")
    gone = requester(child.pid)
    assert gone is not None
    assert (gone.words, gone.pid) == (f"a process that has ended (netlink port {child.pid})", None)


def test_a_number_that_is_no_process_has_ended() -> None:
    found = requester(0xFFFF_FF00)
    assert found is not None
    assert found.words == f"a process that has ended (netlink port {0xFFFF_FF00})"


@pytest.mark.parametrize(("name", "said"), [*((name, True) for name in HINTS), ("sh", False)])
def test_programs_that_are_known_for_it_have_a_hint(name: str, said: bool) -> None:
    program = "import sys; open('/proc/self/comm', 'w').write(sys.argv[1]); input()"
    with subprocess.Popen([sys.executable, "-c", program, name], stdin=subprocess.PIPE) as child:
        short = name[:15]
        comm = pathlib.Path(f"/proc/{child.pid}/comm")
        wait_for(lambda: comm.read_text().strip() == short, 10, "the child to have its name")
        found = requester(child.pid)
        assert found is not None
        assert found.words.startswith(f"{short} (process {child.pid}")
        assert found.hint == HINTS.get(name)
        assert (found.hint is not None) is said
        child.communicate(b"\n")


def test_a_name_of_control_characters_does_no_harm() -> None:
    program = "open('/proc/self/comm', 'wb').write(b'a\\x1b[1mb\\xff'); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as child:
        comm = pathlib.Path(f"/proc/{child.pid}/comm")
        wait_for(lambda: comm.read_bytes().startswith(b"a\x1b"), 10, "the child to have its name")
        found = requester(child.pid)
        assert found is not None
        assert found.words.startswith("a?[1mb\ufffd (process")
        child.communicate(b"\n")
