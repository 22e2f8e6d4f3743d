# SPDX-License-Identifier: Apache-2.0
"""`bascule ipvsadm`: the tables as ipvsadm(8) shows them, read from the plane itself, so with the daemon dead too."""

from __future__ import annotations

import contextlib
import pathlib
import sys
from collections.abc import Iterator

import click

from bascule.cli.ipvsadm_arguments import IpvsadmError, Request, parse
from bascule.cli.ipvsadm_names import Names, numeric
from bascule.cli.ipvsadm_tables import BANNER, Layout, connections_table, in_order, services_table
from bascule.dataplane.plane import PlaneReader

VERSION = "ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)"
HELP = f"""{VERSION}
Usage:
  bascule ipvsadm -L|l [virtual-service] [options]
  bascule ipvsadm -h

virtual-service:
  --tcp-service|-t  service-address   service-address is host[:port]
  --udp-service|-u  service-address   service-address is host[:port]

Options:
  --run-dir         folder            the director's folder (default /run/bascule, or $BASCULE_RUN_DIR)
  --connection   -c                   output of current IPVS connections
  --timeout                           output of timeout (tcp tcpfin udp)
  --daemon                            output of daemon information
  --stats                             output of statistics information
  --rate                              output of rate information
  --exact                             expand numbers (display exact values)
  --thresholds                        output of thresholds information
  --persistent-conn                   output of persistent connection info
  --nosort                            disable sorting output of service/server entries
  --sort                              does nothing, for backwards compatibility
  --numeric      -n                   numeric output of addresses and ports

Commands that change tables are not built yet: the file says what the tables hold."""

TIMEOUTS = "Timeout (tcp tcpfin udp): 900 120 300"
NO_SUCH_SERVICE = 1
"""ipvsadm's exit status when the selected service is not there."""


@click.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": True},
)
@click.option(
    "--run-dir",
    type=click.Path(path_type=pathlib.Path),
    default=pathlib.Path("/run/bascule"),
    envvar="BASCULE_RUN_DIR",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def ipvsadm(run_dir: pathlib.Path, arguments: tuple[str, ...]) -> None:
    """Show the tables as ipvsadm(8) does: -L, -Ln, -Lnc, --stats, --rate and so on."""
    try:
        for line in answer(parse(arguments), run_dir):
            print(line)
    except IpvsadmError as error:
        print(error, file=sys.stderr)
        sys.exit(error.status)


def answer(request: Request, run_dir: pathlib.Path) -> Iterator[str]:
    """The lines that answer a request. Raises IpvsadmError, or KernelRefusedError when there is no plane to read."""
    if request.command != "list":
        yield HELP if request.command == "help" else VERSION
        return
    if request.what == "timeout":
        yield TIMEOUTS
        return
    if request.what == "daemon":
        return
    from bascule.dataplane.choose import open_reader

    with contextlib.closing(open_reader(run_dir)) as reader:
        yield from _connections(request, reader) if request.what == "connection" else _services(request, reader)


def _connections(request: Request, reader: PlaneReader) -> Iterator[str]:
    naming = numeric if request.numeric else Names()
    return connections_table(reader.connections(), naming, persistent=request.persistent)


def _services(request: Request, reader: PlaneReader) -> Iterator[str]:
    if request.layout is Layout.RATE:
        reader.measure_rates()
    views = reader.services()
    if request.service is None and not request.firewall_mark:
        yield BANNER.format(size=reader.table_size())
    else:
        views = tuple(view for view in views if view.service.id == request.service)
        if not views:
            raise IpvsadmError("No such service", NO_SUCH_SERVICE)
    if request.sort:
        views = in_order(views)
    yield from services_table(views, request.layout, numeric if request.numeric else Names(), exact=request.exact)
