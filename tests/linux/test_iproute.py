# SPDX-License-Identifier: Apache-2.0
"""What ip(8) says about a namespace, read back."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from bascule.errors import KernelRefusedError
from bascule.linux import iproute, namespaces


@pytest.fixture
def inside() -> Iterator[None]:
    name = f"bascule-test-{os.getpid()}"
    namespaces.create(name)
    try:
        with namespaces.entered(name):
            yield
    finally:
        namespaces.remove(name)


@pytest.mark.root
@pytest.mark.usefixtures("inside")
def test_links_addresses_and_routes_are_read() -> None:
    iproute.ip("address", "add", "192.0.2.1/32", "dev", "lo")
    iproute.ip("route", "add", "192.0.2.1/32", "dev", "lo", "scope", "link")
    (loopback,) = iproute.links()
    assert loopback.ifname == "lo"
    assert "UP" in loopback.flags
    assert ("192.0.2.1", 32) in {(known.local, known.prefixlen) for known in loopback.addr_info}
    assert iproute.routes() == (iproute.RouteInfo(dst="192.0.2.1", dev="lo"),)


def test_a_refusal_has_the_words_of_ip() -> None:
    with pytest.raises(KernelRefusedError, match=r"`ip link show nothing-here`: Device .* does not exist"):
        iproute.ip("link", "show", "nothing-here")


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(KernelRefusedError, match="install iproute2"):
        iproute.ip("link")


def test_a_tool_that_hangs_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_arguments: object, **_options: object) -> None:
        raise subprocess.TimeoutExpired("ip", 10)

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(KernelRefusedError, match="did not end within 10 s"):
        iproute.ip("link")
