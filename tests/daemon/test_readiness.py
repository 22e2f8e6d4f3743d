# SPDX-License-Identifier: Apache-2.0
"""sd_notify's datagrams, to a path and to an abstract name, and to nobody."""

from __future__ import annotations

import os
import pathlib
import socket

import pytest

from bascule.daemon import readiness


@pytest.mark.parametrize("abstract", [False, True])
def test_what_the_service_manager_hears(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, abstract: bool
) -> None:
    name = f"@bascule-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if abstract else name)
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        readiness.ready("all roles run")
        assert manager.recv(999).decode() == f"READY=1\nSTATUS=all roles run\nMAINPID={os.getpid()}"
        readiness.reloading()
        assert manager.recv(999).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        readiness.stopping()
        assert manager.recv(999) == b"STOPPING=1"


def test_without_a_service_manager_nothing_happens(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    readiness.stopping()
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    readiness.stopping()
