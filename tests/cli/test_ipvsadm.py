# SPDX-License-Identifier: Apache-2.0
"""`bascule ipvsadm` over a plane that is a dictionary; over the XDP director in tests/dataplane/xdp/test_plane.py."""

from __future__ import annotations

import pathlib

import pytest
from click.testing import CliRunner, Result

from bascule.cli.verbs import cli
from bascule.dataplane import choose
from bascule.dataplane.memory import MemoryPlane
from bascule.errors import KernelRefusedError, UsageError
from bascule.model.service import ServiceView
from tests.cli.test_ipvsadm_tables import SEED

DATA = pathlib.Path(__file__).parent / "data" / "ipvsadm"


class SeedPlane(MemoryPlane):
    """The seed's service as kernel IPVS held it when its tables were printed."""

    def __init__(self) -> None:
        super().__init__()
        self.measured = False
        self.closed = False

    def services(self) -> tuple[ServiceView, ...]:
        return (SEED,)

    def table_size(self) -> int:
        return 4096

    def measure_rates(self) -> None:
        self.measured = True

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def plane(monkeypatch: pytest.MonkeyPatch) -> SeedPlane:
    made = SeedPlane()
    monkeypatch.setattr(choose, "open_reader", lambda _: made)
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["ipvsadm", *arguments])


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ("-Ln", "seed-ln"),
        ("-l -n --sort", "seed-ln"),
        ("-ln --stats", "seed-stats"),
        ("-ln --exact --stats", "seed-stats"),
        ("-ln --rate", "seed-rate"),
        ("-ln --thresholds", "seed-thresholds"),
        ("-ln --persistent-conn", "seed-persistent-conn"),
        ("-ln -t 192.168.2.240:80", "seed-one-service"),
        ("-ln -t 192.168.2.240:80 --run-dir /nowhere", "seed-one-service"),
    ],
)
def test_the_output_is_ipvsadms(plane: SeedPlane, arguments: str, name: str) -> None:
    result = run(*arguments.split())
    assert result.exit_code == 0
    assert result.stderr == ""
    wanted = (DATA / f"{name}.txt").read_text()
    assert result.stdout == wanted
    assert plane.closed
    assert plane.measured == ("--rate" in arguments)


def test_no_entries(plane: SeedPlane) -> None:
    result = run("-Lnc")
    assert result.stdout.splitlines() == (DATA / "seed-lcn.txt").read_text().splitlines()[:2]
    assert plane.closed


@pytest.mark.parametrize("selected", ["-t 192.168.2.241:80", "-u 192.168.2.240:80", "-f 7"])
def test_a_service_that_is_not_there(plane: SeedPlane, selected: str) -> None:
    result = run("-Ln", *selected.split())
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "No such service\n")
    assert plane.closed


def test_wrong_usage_ends_as_ipvsadm_does() -> None:
    result = run("-L", "-s", "rr")
    assert (result.exit_code, result.stderr) == (2, "Illegal 'scheduler' option with the 'list' command\n")
    result = run("-n")
    assert (result.exit_code, result.stderr) == (
        255,
        "Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n",
    )


def test_lists_that_need_no_plane() -> None:
    assert run("-L", "--timeout").stdout == "Timeout (tcp tcpfin udp): 900 120 300\n"
    assert run("-L", "--daemon").stdout == ""
    assert run("--version").stdout == "ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)\n"
    assert "--run-dir" in run("--help").stdout


def test_without_a_plane_and_for_what_is_not_built_there_is_one_clear_line(tmp_path: pathlib.Path) -> None:
    absent = run("-Ln", "--run-dir", str(tmp_path))
    assert isinstance(absent.exception, KernelRefusedError)
    assert str(tmp_path) in str(absent.exception)
    assert isinstance(run("-A", "-t", "192.0.2.1:80").exception, UsageError)


def test_the_folder_may_come_from_the_environment(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASCULE_RUN_DIR", str(tmp_path / "elsewhere"))
    assert "elsewhere" in str(run("-Ln").exception)
