# SPDX-License-Identifier: Apache-2.0
"""Settings are those of the thread's network namespace."""

from __future__ import annotations

import os

import pytest

from bascule.errors import KernelRefusedError
from bascule.linux import namespaces, sysctl

NAME = "net/ipv4/conf/lo/arp_ignore"


@pytest.mark.root
def test_a_setting_belongs_to_the_namespace() -> None:
    before = sysctl.read(NAME)
    name = f"bascule-test-{os.getpid()}"
    namespaces.create(name)
    try:
        with namespaces.entered(name):
            sysctl.write(NAME, 3)
            assert sysctl.read(NAME) == "3"
        assert sysctl.read(NAME) == before
    finally:
        namespaces.remove(name)


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(KernelRefusedError, match="net/ipv4/nonsense"):
        sysctl.read("net/ipv4/nonsense")
    with pytest.raises(KernelRefusedError, match="cannot set net/ipv4/nonsense to 1"):
        sysctl.write("net/ipv4/nonsense", 1)
