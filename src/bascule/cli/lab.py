# SPDX-License-Identifier: Apache-2.0
"""`bascule lab`: whole networks in namespaces on this machine, and the demonstration."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pathlib
import shutil
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from bascule.errors import KernelRefusedError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from bascule.lab.records import DemoReport

FAULTS = ("sink", "vip", "xdp")
TOOLS = {"ip": "iproute2", "bridge": "iproute2", "ss": "iproute2", "ethtool": "ethtool", "nginx": "nginx"}
"""What the lab starts: the Debian package that has it."""
INTERRUPTED = 130


@click.group()
def lab() -> None:
    """Whole networks in namespaces on this machine, and the demonstration."""


@lab.command()
@click.option("--fast", is_flag=True, help="Run copies of the files with short timers: half a minute instead of three.")
@click.option("--json", "as_json", is_flag=True, help="Print bascule.lab.records.DemoReport; progress goes to stderr.")
@click.option(
    "--requests", type=click.Path(path_type=pathlib.Path), help="Write every request to this file, a JSON line each."
)
@click.option(
    "--fault",
    "fault_names",
    type=click.Choice(FAULTS),
    multiple=True,
    help="Inject a fault: the demonstration must notice it.",
)
def demo(fast: bool, as_json: bool, requests: pathlib.Path | None, fault_names: tuple[str, ...]) -> None:
    """Run the article's system on the example files and judge it. Exit status: 0, or 1 on any deviation."""
    _preflight()
    _preflight_directors()
    from rich.console import Console

    from bascule.model.base import to_json

    # Not narrower than the tables, wherever the output goes.
    console = Console(stderr=as_json, width=None if sys.stdout.isatty() else 140)
    try:
        with _interruptible():
            report = _demonstrate(console, fast, requests, fault_names)
    except KeyboardInterrupt:
        click.echo("bascule: interrupted; everything is taken down", err=True)
        sys.exit(INTERRUPTED)
    if as_json:
        sys.stdout.buffer.write(to_json(report) + b"\n")
    sys.exit(0 if report.passed else 1)


def _demonstrate(
    console: Console, fast: bool, requests: pathlib.Path | None, fault_names: tuple[str, ...]
) -> DemoReport:
    from bascule.lab import report
    from bascule.lab.demo import Demo, counts
    from bascule.lab.faults import Fault
    from bascule.lab.progress import Progress
    from bascule.lab.stage import Stage
    from bascule.model.base import to_json

    stage = Stage(fast=fast)
    with Progress(console, lambda: counts(stage.requests())) as progress:
        progress.step("The network")
        with stage:
            progress.show(report.topology(stage.network.topology))
            for name, plan in stage.plans.items():
                progress.say(f"{name} runs {plan.file}{' (short timers)' if fast else ', verbatim'}")
            done = Demo(stage, progress, tuple(Fault(name) for name in fault_names)).run()
    for part in report.outcome(done):
        console.print(part)
    if requests is not None:
        requests.write_bytes(b"".join(to_json(request) + b"\n" for request in stage.requests()))
    return done


@lab.command()
@click.argument("name", metavar="TOPOLOGY", default="seed")
def up(name: str) -> None:
    """Build a topology and keep it until Ctrl-C; `bascule lab exec` runs commands in its hosts."""
    _preflight()
    from bascule.lab.network import Network
    from bascule.lab.topologies import TOPOLOGIES

    if name not in TOPOLOGIES:
        raise UsageError(f"there is no topology {name}: {', '.join(TOPOLOGIES)}")
    with contextlib.suppress(KeyboardInterrupt), _interruptible(), Network(TOPOLOGIES[name]) as network:
        for host in network.hosts.values():
            addresses = ", ".join(address for link in host.host.links for address in link.addresses[:2])
            click.echo(f"{host.name:10} {host.host.role.value:12} {addresses}")
        click.echo("Ctrl-C takes it down; `bascule lab exec HOST COMMAND...` runs a command in a host.")
        signal.pause()


@lab.command(name="list")
def list_() -> None:
    """List the labs that are up, by the process that owns each, and their hosts."""
    from bascule.lab import janitor

    for owner in janitor.owners():
        state = "running" if janitor.alive(owner) else "its owner is dead: `bascule lab down` removes it"
        hosts = " ".join(name.rsplit("-", 1)[1] for name in janitor.namespaces_of(owner))
        click.echo(f"{owner}  {state}  {hosts}")


@lab.command(name="exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--owner", help="Which lab, as `bascule lab list` names its owner; needed where several are up.")
@click.argument("host")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(owner: str | None, host: str, command: tuple[str, ...]) -> None:
    """Run a command in a host of a lab that is up."""
    _preflight()
    from bascule.lab import janitor
    from bascule.linux import namespaces

    running = [name for name in janitor.owners() if janitor.alive(name) and owner in (None, name)]
    if len(running) != 1:
        raise UsageError(f"{len(running) or 'no'} such labs are up: exactly one is needed, see `bascule lab list`")
    name = janitor.namespace_name(running[0], host)
    if name not in namespaces.names():
        raise UsageError(f"the lab has no host {host}")
    with namespaces.entered(name):
        try:
            os.execvp(command[0], command)
        except OSError as error:
            raise UsageError(f"{command[0]}: {error.strerror}") from error


@lab.command()
def down() -> None:
    """Remove what labs left behind whose owners died."""
    _preflight()
    from bascule.lab import janitor

    for owner in janitor.sweep():
        click.echo(f"removed what {owner} left")


def _preflight() -> None:
    """Name everything that is missing, in one line, before anything is touched."""
    from bascule.lab.network import pass_object

    missing = []
    if os.geteuid() != 0:
        missing.append("root")
    packages = {package for tool, package in TOOLS.items() if shutil.which(tool) is None}
    missing += [f"the package {package}" for package in sorted(packages)]
    if missing:
        raise KernelRefusedError(f"a lab needs {' and '.join(missing)}")
    pass_object()


def _preflight_directors() -> None:
    """What the demonstration needs beyond a network."""
    from bascule.dataplane import choose

    if importlib.util.find_spec("aiosmtpd") is None:
        raise KernelRefusedError("the demonstration needs aiosmtpd: install bascule with its extra `lab`")
    choose.preflight()


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends as Ctrl-C does: with everything taken down."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
