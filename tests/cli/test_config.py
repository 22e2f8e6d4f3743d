# SPDX-License-Identifier: Apache-2.0
"""`bascule config`: what it prints, its exit statuses, and that it stays light."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import msgspec
import pytest

from bascule.config.loader import load
from bascule.model.base import from_json
from bascule.model.change import Change, ChangeKind
from bascule.model.configuration import Configuration
from bascule.model.declared import Declared
from bascule.model.keyword import KeywordDescription

BASCULE = (sys.executable, "-c", "from bascule.cli import main; main()", "config")

SERVICE = """\
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    virtual_ipaddress {
        10.0.0.1
    }
}

virtual_server 10.0.0.1 80 {
    lb_algo wlc
    lb_kind DR
    protocol TCP
    real_server 10.0.0.2 80 {
        weight 3
    }
}
"""


def config(*arguments: str | pathlib.Path) -> subprocess.CompletedProcess[str]:
    """The verb as a process."""
    return subprocess.run([*BASCULE, *map(str, arguments)], capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    """A clean file."""
    path = tmp_path / "a.conf"
    path.write_text(SERVICE)
    return path


@pytest.fixture
def other(tmp_path: pathlib.Path) -> pathlib.Path:
    """A file to write to."""
    return tmp_path / "b.conf"


def test_a_canonical_file_is_printed_as_it_is(file: pathlib.Path) -> None:
    done = config("print", file)
    assert (done.returncode, done.stdout, done.stderr) == (0, SERVICE, "")


def test_what_is_left_out_is_an_error_and_told_on_both_streams(other: pathlib.Path) -> None:
    other.write_text("child_wait_time 05\nfoo\n")
    done = config("print", other)
    assert done.returncode == 1
    assert done.stdout.endswith(f"#   {other}:2:1: unknown keyword 'foo' at the top of a file\n\nchild_wait_time 5\n")
    assert done.stderr == "one place is left out or written anew: see the comments at the top\n"
    other.write_text("foo\nbar\n")
    assert config("print", other).stderr.startswith("2 places are left out")


def test_what_cannot_run_is_not_printed(file: pathlib.Path, tmp_path: pathlib.Path) -> None:
    done = config("print", file, tmp_path / "gone.conf")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no file" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_pipe_is_read_once(file: pathlib.Path) -> None:
    words = " ".join(f"'{word}'" for word in BASCULE)
    line = f"cat {file} | {words} print /dev/stdin; {words} diff <(cat {file}) <(cat {file})"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, SERVICE, "")


def test_the_model_is_printed_as_json(file: pathlib.Path) -> None:
    done = config("print", "--format", "json", file)
    assert done.returncode == 0
    assert from_json(done.stdout.encode(), Configuration) == load([file]).configuration


def test_the_config_id_chooses_lines(other: pathlib.Path) -> None:
    other.write_text("@low child_wait_time 1\n@high child_wait_time 2\n")
    assert config("print", "-i", "low", other).stdout == "child_wait_time 1\n"
    assert config("print", "--config-id", "high", other).stdout == "child_wait_time 2\n"


def test_differences_are_told_in_words(file: pathlib.Path, other: pathlib.Path) -> None:
    other.write_text(SERVICE.replace("weight 3", "weight 1"))
    done = config("diff", file, other)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "virtual_server [10.0.0.1]:tcp:80, real_server 10.0.0.2 80: weight 3 -> 1\n"


def test_differences_as_json(file: pathlib.Path, other: pathlib.Path) -> None:
    other.write_text("")
    done = config("diff", "--format", "json", file, other)
    assert done.returncode == 1
    found = msgspec.convert(json.loads(done.stdout)["changes"], list[Change])
    assert {(change.kind, change.what) for change in found} == {
        (ChangeKind.REMOVED, "vrrp_instance VI_1"),
        (ChangeKind.REMOVED, "virtual_server [10.0.0.1]:tcp:80"),
    }


def test_files_that_mean_the_same_do_not_differ(file: pathlib.Path, other: pathlib.Path) -> None:
    other.write_text(SERVICE.replace("    ", "\t").replace("lb_algo", "lvs_sched"))
    done = config("diff", file, other)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_not_acted_on_is_told_too(file: pathlib.Path, other: pathlib.Path) -> None:
    other.write_text(f"{SERVICE}child_wait_time 3\n")
    done = config("diff", file, other)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "child_wait_time 3 added (not acted on)\n"
    printed = config("print", "--format", "json", other)
    declared = from_json(printed.stdout.encode(), Configuration).declared
    assert declared == (Declared(keyword="child_wait_time", values=(3,)),)


def test_what_means_the_same_is_said_but_does_not_count(file: pathlib.Path, other: pathlib.Path) -> None:
    other.write_text(SERVICE.replace("interface eth0\n", "interface eth0\n    priority 100\n"))
    done = config("diff", file, other)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("the same; the texts differ in their order or in what they leave to defaults")


def test_a_file_that_cannot_run_cannot_be_compared(file: pathlib.Path, tmp_path: pathlib.Path) -> None:
    done = config("diff", file, tmp_path / "gone.conf")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no file" in done.stderr


def test_errors_of_compared_files_are_counted(file: pathlib.Path, other: pathlib.Path) -> None:
    other.write_text(f"foo\n{SERVICE}")
    done = config("diff", file, other)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"{other}: 1 error: what is not in effect is not compared\n"


def test_keywords_are_listed() -> None:
    done = config("keywords", "vrrp_instance", "priority")
    assert done.returncode == 0
    assert done.stdout == "vrrp_instance / priority N\n    Priority. N: 1..255. Default: 100 (255 if state MASTER).\n"


def test_keywords_as_json() -> None:
    found = json.loads(config("keywords", "--format", "json").stdout)["keywords"]
    assert len(msgspec.convert(found, list[KeywordDescription])) > 500


def test_an_unknown_keyword_is_a_usage_error() -> None:
    done = config("keywords", "vrrp_instance/prioirty")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "bascule: no keyword 'vrrp_instance/prioirty': did you mean 'priority'?\n"
    assert config("keywords", "0123456789").stderr == "bascule: no keyword '0123456789'\n"


@pytest.mark.parametrize("arguments", [("print", "FILE"), ("diff", "FILE", "FILE"), ("keywords",)])
def test_it_stays_light(file: pathlib.Path, arguments: tuple[str, ...]) -> None:
    heavy = {"asyncio", "rich", "pyroute2", "numpy", "socket", "logging", "structlog"}
    words = ["config", *(str(file) if word == "FILE" else word for word in arguments)]
    code = (
        "import sys, atexit\nfrom bascule.cli import main\n"
        "atexit.register(lambda: print('MODULES', *sys.modules, file=sys.stderr))\n"
        f"sys.argv[1:] = {words!r}\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0
    assert set(done.stderr.rpartition("MODULES ")[2].split()) & heavy == set()
