# SPDX-License-Identifier: Apache-2.0
"""`bascule check`: exit statuses, both formats, and that it stays light."""

from __future__ import annotations

import json
import os
import pathlib
import pty
import subprocess
import sys

import pytest

from bascule.cli.check import Options, options_of

BASCULE = (sys.executable, "-c", "from bascule.cli import main; main()")


def check(*arguments: str | pathlib.Path) -> subprocess.CompletedProcess[str]:
    """The verb as a process."""
    command = [*BASCULE, "check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    """A file to write to."""
    return tmp_path / "k.conf"


def test_plain_arguments_mean_what_argparse_reads() -> None:
    names = ["a.conf", "b c.conf"]
    assert options_of(names) == options_of([*names, "--format", "text"])
    assert options_of(["-f", "a", "-f", "b", "c", "-q"]) == Options(
        together=[pathlib.Path("a"), pathlib.Path("b")], files=[pathlib.Path("c")], quiet=True
    )
    with pytest.raises(SystemExit):
        options_of([])


@pytest.mark.parametrize(
    ("text", "status", "severities"),
    [
        ("global_defs {\n}\n", 0, []),
        ("global_defs {\n enable_traps\n}\n", 0, ["warning"]),
        ("foo\n", 1, ["error"]),
        (
            "vrrp_instance A {\n interface a\n virtual_router_id 1\n}\n"
            "vrrp_instance B {\n interface a\n virtual_router_id 1\n}\n",
            2,
            ["fatal"],
        ),
    ],
)
def test_exit_status_and_json(file: pathlib.Path, text: str, status: int, severities: list[str]) -> None:
    file.write_text(text)
    done = check("--format", "json", file)
    assert done.returncode == status
    assert done.stderr == ""
    found = json.loads(done.stdout)["diagnostics"]
    assert [each["severity"] for each in found] == severities
    for each in found:
        assert set(each) == {
            "severity",
            "code",
            "file",
            "line",
            "column",
            "end_column",
            "message",
            "hint",
            "source",
        }


def test_text_has_carets_and_a_count(file: pathlib.Path) -> None:
    file.write_text("vrrp_instance A {\n interface eth0\n virtual_router_id 1\n prioirty 1\n}\n")
    done = check(file)
    assert done.returncode == 1
    assert done.stdout == (
        f"{file}:4:2: error: unknown keyword 'prioirty' in 'vrrp_instance' [unknown-keyword]\n"
        "     prioirty 1\n"
        "     ^^^^^^^^\n"
        "    hint: did you mean 'priority'?\n"
        "1 error\n"
    )


def test_a_clean_file_says_so(file: pathlib.Path) -> None:
    file.write_text("global_defs {\n}\n")
    assert check(file).stdout == "nothing to report\n"


def test_a_missing_file_is_fatal_without_a_traceback(tmp_path: pathlib.Path) -> None:
    done = check(tmp_path / "gone.conf")
    assert done.returncode == 2
    assert "there is no file" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_no_file_at_all_is_a_usage_error() -> None:
    assert check().returncode == 2


def test_colour_on_terminals_only(file: pathlib.Path) -> None:
    file.write_text("foo\n")
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    command = [*BASCULE, "check", str(file)]
    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, timeout=30, check=False, env=environment)
    os.close(theirs)
    assert b"\x1b[31merror" in os.read(ours, 65536)
    os.close(ours)
    assert done.returncode == 1
    assert "\x1b" not in check(file).stdout


def test_names_that_are_not_text_and_bytes_that_are_not_utf_8(tmp_path: pathlib.Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.conf"
    with open(path, "wb") as stream:
        stream.write(b"\xff\xfe foo\n")
    done = check("--format", "json", os.fsdecode(path))
    assert json.loads(done.stdout)["diagnostics"][0]["file"] == f"{tmp_path}/caf\\udce9.conf"
    assert check(os.fsdecode(path)).returncode == 1


@pytest.mark.parametrize(
    ("text", "arguments", "status"),
    [
        ("global_defs {\n}\n", ["--strict"], 0),
        ("global_defs {\n enable_traps\n}\n", ["--strict"], 1),
        ("global_defs {\n enable_traps\n}\n", ["--quiet"], 0),
        ("foo\n", ["-q"], 1),
    ],
)
def test_strict_and_quiet(file: pathlib.Path, text: str, arguments: list[str], status: int) -> None:
    file.write_text(text)
    done = check(*arguments, file)
    assert done.returncode == status
    assert (done.stdout == "") == bool({"--quiet", "-q"} & set(arguments))
    assert done.stderr == ""


def test_notes_are_not_strict(tmp_path: pathlib.Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.conf").write_text("global_defs {\n router_id lb\n}\n")
    done = check("--strict", tmp_path / "a.conf", tmp_path / "b.conf")
    assert done.returncode == 0
    assert "note: router_id 'lb'" in done.stdout


def test_github_annotations(file: pathlib.Path) -> None:
    file.write_text("foo\n")
    done = check("--format", "github", file)
    assert done.returncode == 1
    title = "title=unknown-keyword"
    assert done.stdout == (
        f"::error file={file},line=1,col=1,endColumn=3,{title}::unknown keyword 'foo' at the top of a file\n"
    )


INSTANCE = "vrrp_instance A {\n interface eth0\n virtual_router_id 51\n priority %d\n}\n"


def test_files_are_directors_and_files_after_f_are_one_director(tmp_path: pathlib.Path) -> None:
    files = []
    for number in (1, 2):
        files.append(tmp_path / f"{number}.conf")
        files[-1].write_text(INSTANCE % 100)
    assert "[meaning/peer-priority]" in check(*files).stdout
    assert "[duplicate]" in check("-f", files[0], "-f", files[1]).stdout
    assert "[meaning/peer-priority]" in check("-f", files[0], files[1]).stdout


def test_the_example_s_two_directors_agree(root: pathlib.Path) -> None:
    done = check("--format", "json", *(root / "examples" / f"keepalived{which}.conf" for which in ("", ".backup")))
    assert done.returncode == 0
    assert {found["code"] for found in json.loads(done.stdout)["diagnostics"]} <= {"legacy-spelling", "not-acted-on"}


def test_the_machine_is_looked_at_when_asked_only(file: pathlib.Path) -> None:
    file.write_text("vrrp_instance A {\n interface no-such-link\n virtual_router_id 51\n}\n")
    assert check(file).stdout == "nothing to report\n"
    assert "[meaning/no-interface]" in check("--local", file).stdout


def test_the_config_id_decides_conditional_lines(file: pathlib.Path) -> None:
    file.write_text("@one foo\n@two bar\n")
    assert "'bar'" in check("-i", "two", file).stdout
    assert "'foo'" not in check("-i", "two", file).stdout


def test_it_stays_light() -> None:
    heavy = ("asyncio", "rich", "pyroute2", "numpy", "socket", "logging", "structlog", "dataclasses")
    code = f"import sys, bascule.cli.check; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "[]\n"
