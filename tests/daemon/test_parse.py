# SPDX-License-Identifier: Apache-2.0
"""The child that reads files, and what it finds missing on this machine."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys

import msgspec
import pytest

from bascule.daemon import memfd
from bascule.daemon.parse import missing
from bascule.daemon.parsed import Parsed
from bascule.model.base import Vrid, unpack
from bascule.model.configuration import BasculeOptions, Configuration, VirtualAddress, VrrpInstance
from tests.daemon.conftest import WHOLE


def parse(*files: str) -> Parsed:
    output = os.memfd_create("test")
    try:
        command = [sys.executable, "-m", "bascule.daemon.parse", str(output), *files]
        subprocess.run(command, pass_fds=[output], check=True, timeout=30)
        return msgspec.msgpack.decode(memfd.read_all(output), type=Parsed)
    finally:
        os.close(output)


def test_a_file_becomes_a_packed_configuration(tmp_path: os.PathLike[str]) -> None:
    file = os.path.join(tmp_path, "a.conf")
    with open(file, "w", encoding="utf-8") as written:
        written.write(WHOLE)
    parsed = parse(file)
    assert parsed.configuration is not None
    configuration = unpack(parsed.configuration, Configuration)
    assert configuration.instances[0].name == "VI_1"
    assert configuration.files == (file,)
    assert parsed.missing == ()
    assert not parsed.idle


def test_a_file_of_which_nothing_runs_is_idle(tmp_path: os.PathLike[str]) -> None:
    file = os.path.join(tmp_path, "a.conf")
    with open(file, "w", encoding="utf-8") as written:
        written.write("virtual_srver 192.0.2.1 80 {\n}\n")
    parsed = parse(file)
    assert parsed.configuration is not None
    assert parsed.idle


def test_no_file_no_configuration(tmp_path: os.PathLike[str]) -> None:
    parsed = parse(os.path.join(tmp_path, "none.conf"))
    assert parsed.configuration is None
    assert parsed.diagnostics


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        (Configuration(instances=(VrrpInstance(name="A", interface="lo", vrid=Vrid(1)),)), []),
        (
            Configuration(instances=(VrrpInstance(name="A", interface="none0", vrid=Vrid(1)),)),
            ["vrrp_instance A: interface none0 does not exist"],
        ),
        (
            Configuration(
                instances=(
                    VrrpInstance(
                        name="A",
                        interface="none0",
                        vrid=Vrid(1),
                        virtual_addresses=tuple(
                            VirtualAddress(address=ipaddress.ip_address(a), prefix_length=32, device=d)
                            for a, d in (("192.0.2.1", "none0"), ("192.0.2.2", "none1"), ("192.0.2.3", None))
                        ),
                    ),
                )
            ),
            ["vrrp_instance A: interface none0 does not exist", "vrrp_instance A: interface none1 does not exist"],
        ),
        (
            Configuration(options=BasculeOptions(xdp_interfaces=("lo", "none0"))),
            ["bascule: xdp_interface none0 does not exist"],
        ),
    ],
)
def test_each_missing_interface_is_named_once_with_who_needs_it(configuration: Configuration, said: list[str]) -> None:
    assert list(missing(configuration)) == said
