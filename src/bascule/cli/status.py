# SPDX-License-Identifier: Apache-2.0
"""`bascule status`: what the running director does, and why; for people, or as JSON (bascule.model.status)."""

from __future__ import annotations

import pathlib
import sys

import click

from bascule.cli.control import run_dir_option
from bascule.errors import BasculeError
from bascule.model.control import Verb


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print bascule.model.status.DirectorStatus as JSON.")
@run_dir_option
def status(as_json: bool, run_dir: pathlib.Path) -> None:
    """Roles, instances, services and real servers of the running director. Exit status: 0, or 3: no director runs."""
    from bascule.daemon.client import ask

    reply = ask(run_dir, Verb.STATUS)
    if reply.status is None:
        raise BasculeError(reply.text or "the director gave no status")
    if as_json:
        from bascule.model.base import to_json

        sys.stdout.buffer.write(to_json(reply.status) + b"\n")
        return
    import time

    from bascule.cli.status_text import lines

    for line in lines(reply.status, time.time()):
        print(line)
