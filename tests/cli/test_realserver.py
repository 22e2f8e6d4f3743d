# SPDX-License-Identifier: Apache-2.0
"""The verb: exit statuses, one clear line for each error. What it does to the machine is in tests/test_realserver."""

from __future__ import annotations

import pathlib
import sys

import pytest
from click.testing import CliRunner

from bascule.cli.realserver import realserver
from bascule.lab.network import LabHost, Network
from bascule.lab.topologies import PAIR

PROGRAM = pathlib.Path(sys.executable).with_name("bascule")


@pytest.mark.parametrize("verb", ["start", "stop"])
def test_an_address_is_needed(verb: str) -> None:
    done = CliRunner().invoke(realserver, [verb])
    assert done.exit_code == 2
    assert "--vip" in done.output


@pytest.mark.parametrize("bad", ["192.168.2.300", "192.168.2.240/24", "vip", "2001:db8::1"])
def test_what_is_no_ipv4_address_is_named(bad: str) -> None:
    done = CliRunner().invoke(realserver, ["start", "--vip", bad])
    assert done.exit_code == 2
    assert f"{bad} is not an IPv4 address" in done.output


@pytest.mark.root
@pytest.mark.lab
def test_the_whole_way_as_a_program(tmp_path: pathlib.Path) -> None:
    def call(host: LabHost, *arguments: str) -> tuple[int, str, str]:
        command = [str(PROGRAM), "realserver", *arguments, "--run-dir", str(tmp_path)]
        done = host.run(command, check=False)
        return done.returncode, done.stdout, done.stderr

    with Network(PAIR) as network:
        host = network.host("d1")
        status, _, error = call(host, "status")
        assert (status, error) == (2, "bascule: no virtual address is prepared here; name one with --vip\n")
        status, output, _ = call(host, "status", "--vip", "192.168.2.240")
        assert status == 1
        assert "192.168.2.240 is not on lo" in output
        status, output, _ = call(host, "start", "--vip", "192.168.2.240", "--vip", "192.168.2.241")
        assert status == 0
        assert "192.168.2.241/32 on lo" in output
        assert call(host, "start", "--vip", "192.168.2.240")[:2] == (0, "all of it stood already\n")
        assert call(host, "status")[:2] == (
            0,
            "192.168.2.240: on lo, quiet in ARP\n192.168.2.241: on lo, quiet in ARP\n",
        )
        host.run(["ip", "address", "del", "192.168.2.241/32", "dev", "lo"])
        assert call(host, "status")[:2] == (1, "192.168.2.241 is not on lo: requests for it are not taken\n")
        assert call(host, "stop", "--vip", "192.168.2.240", "--vip", "192.168.2.241")[0] == 0
        assert call(host, "start", "--vip", "127.0.0.1")[0::2] == (
            2,
            "bascule: 127.0.0.1 cannot be a virtual address\n",
        )
