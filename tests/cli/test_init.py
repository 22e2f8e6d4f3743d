# SPDX-License-Identifier: Apache-2.0
"""Twin of `cli`: the verbs are there, `--help` and `check` start light, our errors are one line."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from bascule import cli
from bascule.cli import verbs
from bascule.errors import ConfigurationError

HEAVY = {"asyncio", "rich", "pyroute2", "numpy"}


def modules_after(*arguments: str) -> set[str]:
    """The modules that a process holds at the end of `bascule ARGUMENTS`."""
    code = (
        "import sys, atexit\n"
        "from bascule.cli import main\n"
        "atexit.register(lambda: print('\\nMODULES', *sys.modules))\n"
        f"sys.argv[1:] = {list(arguments)!r}\n"
        "main()\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in run.stderr
    return set(run.stdout.rpartition("MODULES ")[2].split())


def test_help_imports_no_loop_no_screen_and_no_netlink() -> None:
    found = modules_after("--help")
    assert "bascule.cli" in found
    assert found.isdisjoint(HEAVY)


def test_check_imports_no_loop_no_screen_and_no_netlink(root: pathlib.Path) -> None:
    found = modules_after("check", str(root / "examples" / "keepalived.conf"))
    assert "bascule.cli.check" in found
    assert found.isdisjoint(HEAVY | {"click", "argparse", "typing_extensions", "dataclasses", "socket", "logging"})


def test_our_errors_are_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(arguments: list[str], prog_name: str) -> None:
        assert arguments == ["run"]
        raise ConfigurationError(f"{prog_name} cannot be run")

    monkeypatch.setattr(verbs, "cli", refuse)
    monkeypatch.setattr(sys, "argv", ["bascule", "run"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == ConfigurationError.exit_status
    assert capsys.readouterr().err == "bascule: bascule cannot be run\n"


def test_a_link_named_ipvsadm_is_ipvsadm(tmp_path: pathlib.Path) -> None:
    link = tmp_path / "ipvsadm"
    link.symlink_to(pathlib.Path(sys.executable).parent / "bascule")
    run = subprocess.run([link, "--help"], capture_output=True, text=True, timeout=60, check=False)
    verb = subprocess.run(
        [link.resolve(), "ipvsadm", "--help"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stdout) == (verb.returncode, verb.stdout)
    assert "ipvsadm" in run.stdout
