# SPDX-License-Identifier: Apache-2.0
"""`bascule check` among the click verbs: for the help, and for whoever comes this way. The work is cli/check's."""

from __future__ import annotations

import sys

import click

from bascule.cli.check import main, parser


class _Command(click.Command):
    """A command whose help is argparse's."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        formatter.write(parser().format_help())


@click.command(cls=_Command, context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def check(arguments: tuple[str, ...]) -> None:
    """Say what is wrong with configuration files, offline."""
    sys.exit(main(arguments))
