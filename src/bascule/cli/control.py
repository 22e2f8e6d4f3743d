# SPDX-License-Identifier: Apache-2.0
"""`bascule reload`, `restart`, `stop`: one request to the running director, and its answer."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Callable

import click

from bascule.cli.run import DEFAULT_RUN_DIR, RUN_DIR_VARIABLE
from bascule.model.control import Verb

run_dir_option = click.option(
    "--run-dir",
    type=click.Path(path_type=pathlib.Path),
    default=DEFAULT_RUN_DIR,
    envvar=RUN_DIR_VARIABLE,
    show_default=True,
    show_envvar=True,
    help="The run directory of the director that is meant.",
)


def _verb(verb: Verb, text: str) -> click.Command:
    def request(run_dir: pathlib.Path) -> None:
        from bascule.config.render import as_text
        from bascule.daemon.client import ask

        reply = ask(run_dir, verb)
        if reply.diagnostics:
            print(as_text(reply.diagnostics, sys.stderr.isatty()), file=sys.stderr, end="")
        print(f"bascule: {reply.text}", file=sys.stdout if reply.ok else sys.stderr)
        sys.exit(0 if reply.ok else 1)

    decorate: Callable[[Callable[..., None]], click.Command] = click.command(name=verb.value, help=text)
    return decorate(run_dir_option(request))


reload = _verb(
    Verb.RELOAD,
    "Have the running director read its files again. Unchanged instances and services keep their state; "
    "files that cannot be run change nothing. Exit status: 0 in effect, 1 not, 3 no director runs.",
)
restart = _verb(
    Verb.RESTART,
    "New processes from the program as it is installed now; virtual addresses, table and links stay. "
    "Exit status: 0 done, 1 not, 3 no director runs.",
)
stop = _verb(
    Verb.STOP,
    "End the running director in order: priority 0 to the peers, virtual addresses off, then the table. "
    "Exit status: 0 stopped, 3 no director runs.",
)
