# SPDX-License-Identifier: Apache-2.0
"""`bascule failover`: a planned switch to a peer, and the end of the hold after it."""

from __future__ import annotations

import pathlib
import sys

import click

from bascule.cli.control import run_dir_option
from bascule.errors import UsageError
from bascule.model.control import ControlRequest, Verb


@click.command()
@click.argument("instance", required=False)
@click.option("--to", "peer", metavar="PEER", help="The peer's name or address; default: the best that answers.")
@click.option("--release", is_flag=True, help="Keep back no longer: go by the configured priority again.")
@run_dir_option
def failover(instance: str | None, peer: str | None, release: bool, run_dir: pathlib.Path) -> None:
    """Hand INSTANCE (default: all that are active here) over to a peer, without a gap if that is a bascule.

    This director then keeps back with priority 1, until `--release`, a restart, or nobody is heard any more.
    Exit status: 0 done, 1 not, 3 no director runs.
    """
    from bascule.daemon.client import send

    if release and peer is not None:
        raise UsageError("--release and --to are two different requests")
    reply = send(run_dir, ControlRequest(verb=Verb.FAILOVER, instance=instance, peer=peer, release=release))
    for line in reply.text.splitlines():
        print(f"bascule: {line}", file=sys.stdout if reply.ok else sys.stderr)
    sys.exit(0 if reply.ok else 1)
