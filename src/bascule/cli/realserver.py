# SPDX-License-Identifier: Apache-2.0
"""`bascule realserver`: this machine as a real server for direct routing. What it does is in `bascule.realserver`."""

from __future__ import annotations

import ipaddress
import pathlib
from collections.abc import Callable
from typing import Any, TypeVar

import click

from bascule.errors import UsageError

Command = TypeVar("Command", bound=Callable[..., Any])

RUN_DIR = pathlib.Path("/run/bascule")


class _Address(click.ParamType[ipaddress.IPv4Address]):
    """An IPv4 address."""

    name = "address"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> ipaddress.IPv4Address:
        if isinstance(value, ipaddress.IPv4Address):
            return value
        try:
            return ipaddress.IPv4Address(str(value))
        except ValueError:
            self.fail(f"{value} is not an IPv4 address", param, ctx)


def _options(*, vip_required: bool) -> Callable[[Command], Command]:
    def decorate(function: Command) -> Command:
        function = click.option(
            "--run-dir",
            type=click.Path(path_type=pathlib.Path, file_okay=False),
            default=RUN_DIR,
            show_default=True,
            help="Where what was there before is kept.",
        )(function)
        return click.option(
            "--vip",
            "vips",
            type=_Address(),
            multiple=True,
            required=vip_required,
            help="A virtual address; may be given several times.",
        )(function)

    return decorate


@click.group()
def realserver() -> None:
    """Prepare this machine as a real server for direct routing: the virtual address on lo, and quiet ARP."""


@realserver.command()
@_options(vip_required=True)
def start(vips: tuple[ipaddress.IPv4Address, ...], run_dir: pathlib.Path) -> None:
    """Put each virtual address on lo with its host route, after arp_ignore=1 and arp_announce=2."""
    import bascule.realserver

    for line in bascule.realserver.start(vips, run_dir) or ("all of it stood already",):
        click.echo(line)


@realserver.command()
@_options(vip_required=True)
def stop(vips: tuple[ipaddress.IPv4Address, ...], run_dir: pathlib.Path) -> None:
    """Restore what was there before; the ARP settings with the last virtual address."""
    import bascule.realserver

    for line in bascule.realserver.stop(vips, run_dir):
        click.echo(line)


@realserver.command()
@_options(vip_required=False)
def status(vips: tuple[ipaddress.IPv4Address, ...], run_dir: pathlib.Path) -> None:
    """Say what is wrong, a line each, and exit 1; without --vip, of the addresses prepared here."""
    import bascule.realserver

    asked = vips or bascule.realserver.prepared(run_dir)
    if not asked:
        raise UsageError("no virtual address is prepared here; name one with --vip")
    found = bascule.realserver.troubles(asked)
    for line in found:
        click.echo(line)
    if found:
        raise click.exceptions.Exit(1)
    for address in asked:
        click.echo(f"{address}: on lo, quiet in ARP")
