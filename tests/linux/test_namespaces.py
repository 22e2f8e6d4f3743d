# SPDX-License-Identifier: Apache-2.0
"""Real namespaces: made, entered by one thread alone, seen from their processes, removed."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from bascule.errors import KernelRefusedError
from bascule.lab.waiting import wait_for
from bascule.linux import namespaces

pytestmark = pytest.mark.root


@pytest.fixture
def namespace() -> Iterator[str]:
    name = f"bascule-test-{os.getpid()}"
    namespaces.create(name)
    yield name
    namespaces.remove(name)


def test_a_thread_is_inside_and_another_is_not(namespace: str) -> None:
    def here() -> int:
        return os.stat(namespaces.THIS_THREAD).st_ino

    outside = here()
    seen: list[int] = []
    with namespaces.entered(namespace):
        assert here() == namespaces.identity(namespace)
        other = threading.Thread(target=lambda: seen.append(here()))
        # A thread inherits from the one that starts it: so this one is inside, and leaving does not move it.
        other.start()
        other.join()
    assert here() == outside
    assert seen == [namespaces.identity(namespace)]


def test_the_start_is_restored_after_an_error(namespace: str) -> None:
    outside = os.stat(namespaces.THIS_THREAD).st_ino
    with pytest.raises(ZeroDivisionError), namespaces.entered(namespace):
        _ = 1 / 0
    assert os.stat(namespaces.THIS_THREAD).st_ino == outside


def test_loopback_is_up_and_the_socket_stays_inside(namespace: str) -> None:
    with namespaces.entered(namespace):
        server = socket.create_server(("127.0.0.1", 0))
    with server:
        port = server.getsockname()[1]
        with namespaces.entered(namespace):
            socket.create_connection(server.getsockname(), timeout=2).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=2)


def test_processes_of_a_namespace(namespace: str) -> None:
    assert namespaces.processes(namespace) == ()
    with namespaces.entered(namespace):
        child = subprocess.Popen(["sleep", "60"])
    try:
        assert namespaces.processes(namespace) == (child.pid,)
    finally:
        child.kill()
        child.wait(5)
    wait_for(lambda: namespaces.processes(namespace) == (), 5, "the child to be gone")


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(KernelRefusedError, match="bascule-nowhere"), namespaces.entered("bascule-nowhere"):
        raise AssertionError("entered what does not exist")
    with pytest.raises(KernelRefusedError, match="netns del bascule-nowhere"):
        namespaces.remove("bascule-nowhere")


def test_a_name_is_made_once(namespace: str) -> None:
    assert namespace in namespaces.names()
    with pytest.raises(KernelRefusedError, match="exists"):
        namespaces.create(namespace)


def test_a_cookie_is_one_namespaces_own(namespace: str) -> None:
    outside = namespaces.cookie()
    assert outside == namespaces.cookie() > 0
    with namespaces.entered(namespace):
        assert namespaces.cookie() != outside


def test_a_kernel_without_cookies_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "SO_NETNS_COOKIE", 9999)
    with pytest.raises(KernelRefusedError, match="no SO_NETNS_COOKIE"):
        namespaces.cookie()
