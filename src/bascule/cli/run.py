# SPDX-License-Identifier: Apache-2.0
"""`bascule run`: the daemon, in the foreground, as service managers and terminals want it."""

from __future__ import annotations

import os
import pathlib
import sys

import click

DEFAULT_FILE = pathlib.Path("/etc/keepalived/keepalived.conf")
DEFAULT_RUN_DIR = pathlib.Path("/run/bascule")
RUN_DIR_VARIABLE = "BASCULE_RUN_DIR"


@click.command()
@click.option(
    "-f",
    "--file",
    "files",
    type=click.Path(path_type=pathlib.Path),
    multiple=True,
    help=f"A configuration file; several are read as one. Default: {DEFAULT_FILE}.",
)
@click.option(
    "--run-dir",
    type=click.Path(path_type=pathlib.Path),
    default=DEFAULT_RUN_DIR,
    envvar=RUN_DIR_VARIABLE,
    show_default=True,
    show_envvar=True,
    help="Control socket, state and pins.",
)
@click.option("--foreground", is_flag=True, default=True, help="Stay in the foreground: always so.")
@click.option("--debug", is_flag=True, help="Log details, too.")
def run(files: tuple[pathlib.Path, ...], run_dir: pathlib.Path, foreground: bool, debug: bool) -> None:  # noqa: ARG001
    """Be a director: load balancing, health checks and failover as the files say, until SIGTERM.

    SIGHUP reads the files again. Exit status: 0 stopped in order, 2 the files cannot be run, 4 another one runs here.
    """
    from bascule.daemon import director
    from bascule.daemon.log import DEBUG_VARIABLE, Level, Log

    if debug:
        os.environ[DEBUG_VARIABLE] = "1"
        Log.threshold = Level.DEBUG
    options = director.Options(
        files=tuple(path.absolute() for path in files or (DEFAULT_FILE,)),
        run_dir=run_dir.absolute(),
    )
    sys.exit(director.run(options))
