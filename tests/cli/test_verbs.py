# SPDX-License-Identifier: Apache-2.0
"""Twin of `cli/verbs`: the verbs are there, each with its help."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import click
import pytest

from bascule import __version__
from bascule.cli import verbs


@pytest.mark.parametrize("verb", sorted(verbs.VERBS))
def test_every_verb_is_a_command_with_help(verb: str) -> None:
    context = click.Context(verbs.cli)
    command = verbs.cli.get_command(context, verb)
    assert command is not None
    assert command.name == verb
    assert command.help


def test_help_lists_every_verb(root: pathlib.Path) -> None:
    program = pathlib.Path(sys.executable).with_name("bascule")
    run = subprocess.run([program, "--help"], cwd=root, capture_output=True, text=True, timeout=30, check=True)
    assert all(f"\n  {verb} " in run.stdout for verb in verbs.VERBS)


def test_the_version_is_the_package_s(root: pathlib.Path) -> None:
    program = pathlib.Path(sys.executable).with_name("bascule")
    run = subprocess.run([program, "--version"], cwd=root, capture_output=True, text=True, timeout=30, check=True)
    assert run.stdout == f"bascule, version {__version__}\n"


def test_an_unknown_verb_is_refused() -> None:
    context = click.Context(verbs.cli)
    assert verbs.cli.get_command(context, "fly") is None
