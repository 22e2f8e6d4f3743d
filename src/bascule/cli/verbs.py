# SPDX-License-Identifier: Apache-2.0
"""The verbs, as a click group that imports one only to run it, so that `--help` stays light."""

from __future__ import annotations

import importlib

import click

from bascule import __version__

VERBS: dict[str, tuple[str, str]] = {
    "check": ("bascule.cli.check_command", "Say what is wrong with configuration files, offline."),
    "config": ("bascule.cli.config", "Print configuration files anew, compare them, look keywords up; offline."),
    "events": ("bascule.cli.events", "What happens in the running director, as it happens."),
    "explain": ("bascule.cli.explain", "The longer story of what `check` says, by its code."),
    "failover": ("bascule.cli.failover", "Hand the virtual addresses over to a peer: a planned switch."),
    "ipvsadm": ("bascule.cli.ipvsadm", "Show the tables as ipvsadm(8) does, on either data plane."),
    "lab": ("bascule.cli.lab", "Whole networks in namespaces on this machine, and the demonstration."),
    "realserver": ("bascule.cli.realserver", "Prepare this machine as a real server for DR: the VIP on lo, quiet ARP."),
    "reload": ("bascule.cli.control", "Have the running director read its files again."),
    "restart": ("bascule.cli.control", "New processes, same virtual addresses, table and links."),
    "run": ("bascule.cli.run", "Be a director: the daemon."),
    "status": ("bascule.cli.status", "What the running director does, and why."),
    "stop": ("bascule.cli.control", "End the running director in order."),
}
"""Verb: the module that has it as a click command of the same name, and its line in the help."""


class _Verbs(click.Group):
    """A group that knows its verbs by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        found = getattr(importlib.import_module(VERBS[cmd_name][0]), cmd_name)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(verb, VERBS[verb][1]) for verb in sorted(VERBS)])


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bascule")
def cli() -> None:
    """Layer-4 load balancing and failover for Linux."""
