# SPDX-License-Identifier: Apache-2.0
"""`bascule check`: what is wrong with configuration files, offline. Light on purpose: imports no role and no plane."""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Sequence

import click

from bascule.config.loader import load
from bascule.config.render import as_text, summary
from bascule.model.base import to_json
from bascule.model.diagnostic import EXIT_STATUS, Diagnostic


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=pathlib.Path), metavar="FILE...")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print the findings."
)
def check(files: tuple[pathlib.Path, ...], form: str) -> None:
    """Read configuration files together and say what is wrong with them.

    Exit status 0: nothing, notes, warnings. 1: errors, text that is not in effect. 2: the daemon would refuse to run.
    """
    diagnostics = load(files).diagnostics
    if form == "json":
        sys.stdout.buffer.write(to_json({"diagnostics": diagnostics}) + b"\n")
    else:
        click.echo(_as_text(diagnostics), nl=False)
    sys.exit(max((EXIT_STATUS[diagnostic.severity] for diagnostic in diagnostics), default=0))


def _as_text(diagnostics: Sequence[Diagnostic]) -> str:
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    if not diagnostics:
        return "nothing to report\n"
    return f"{as_text(diagnostics, colour)}{summary(diagnostics)}\n"
