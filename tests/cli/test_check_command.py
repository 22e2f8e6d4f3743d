# SPDX-License-Identifier: Apache-2.0
"""`check` among the click verbs: the same help and the same work."""

from __future__ import annotations

import pathlib

from click.testing import CliRunner

from bascule.cli.check import parser
from bascule.cli.check_command import check


def test_its_help_is_the_real_one() -> None:
    context = check.make_context("check", [])
    assert check.get_help(context).strip() == parser().format_help().strip()


def test_arguments_pass_through(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "k.conf"
    file.write_text("foo\n")
    done = CliRunner().invoke(check, ["--format", "github", str(file)])
    assert done.exit_code == 1
    assert done.output.startswith("::error file=")
