# SPDX-License-Identifier: Apache-2.0
"""`bascule config`: files as one canonical file, what differs between two, and the language's keywords. All offline."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from bascule.errors import UsageError

if TYPE_CHECKING:
    from bascule.config.loader import Loaded
    from bascule.config.source import Source

FORMAT = click.Choice(["text", "json"])
FILE = click.Path(path_type=pathlib.Path)

config_id_option = click.option(
    "-i",
    "--config-id",
    metavar="ID",
    help="What lines that start with @ID are compared with; this machine's name unless given.",
)


@click.group()
def config() -> None:
    """Work with configuration files, offline: print them anew, compare them, look keywords up."""


@config.command("print")
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE...")
@click.option("--format", "form", type=FORMAT, default="text", help="A canonical file, or what bascule makes of it.")
@config_id_option
def print_(files: tuple[pathlib.Path, ...], form: str, config_id: str | None) -> None:
    """Print configuration files as one file that means the same, to keepalived too.

    Includes, definitions and sequences are expanded, old and other spellings replaced; keywords that bascule does not
    act on stay. What is not in effect is left out, and told in comments at the top.

    Exit status as of `bascule check`. 0: all of it is in effect. 1: some is not. 2: it cannot run; nothing is printed.
    """
    sources, loaded = _load(files, config_id)
    if loaded.configuration is None:
        sys.exit(2)
    if form == "json":
        from bascule.model.base import to_json

        sys.stdout.buffer.write(to_json(loaded.configuration) + b"\n")
    else:
        _print_text(sources, config_id)
    sys.exit(_status(loaded))


def _print_text(sources: Sequence[Source], config_id: str | None) -> None:
    from bascule.config.canonical import print_sources

    printed = print_sources(sources, config_id)
    sys.stdout.buffer.write(printed.text)
    if printed.left_out:
        count = len(printed.left_out)
        places = f"{count} places are" if count > 1 else "one place is"
        click.echo(f"{places} left out or written anew: see the comments at the top", err=True)


@config.command()
@click.argument("before", type=FILE, metavar="A")
@click.argument("after", type=FILE, metavar="B")
@click.option("--format", "form", type=FORMAT, default="text", help="A line for each difference, or JSON.")
@config_id_option
def diff(before: pathlib.Path, after: pathlib.Path, form: str, config_id: str | None) -> None:
    """Say in words what file B makes otherwise than file A.

    What the files mean is compared, not how they are written. Exit status 0: the same. 1: they differ. 2: one of them
    cannot run.
    """
    (olds, was), (news, becomes) = (_load((path,), config_id) for path in (before, after))
    if was.configuration is None or becomes.configuration is None:
        sys.exit(2)
    _say_errors(before, was)
    _say_errors(after, becomes)
    from bascule.config.changes import changes

    found = changes(was.configuration, becomes.configuration)
    if form == "json":
        from bascule.model.base import to_json

        sys.stdout.buffer.write(to_json({"changes": found}) + b"\n")
    else:
        for change in found:
            click.echo(change.text)
    if not found:
        _say_what_is_not_compared(olds, news, config_id)
    sys.exit(1 if found else 0)


def _say_errors(path: pathlib.Path, loaded: Loaded) -> None:
    from bascule.config.render import summary
    from bascule.model.diagnostic import Severity

    errors = [found for found in loaded.diagnostics if found.severity is Severity.ERROR]
    if errors:
        click.echo(f"{path}: {summary(errors)}: what is not in effect is not compared", err=True)


def _say_what_is_not_compared(before: Sequence[Source], after: Sequence[Source], config_id: str | None) -> None:
    """What both mean may be written otherwise: that is said, but does not count."""
    from bascule.config.canonical import print_sources

    if print_sources(before, config_id).body != print_sources(after, config_id).body:
        click.echo(
            "the same; the texts differ in their order or in what they leave to defaults "
            "(compare what `bascule config print` makes of each)",
            err=True,
        )


@config.command()
@click.argument("path", nargs=-1, metavar="[PATH...]")
@click.option("--format", "form", type=FORMAT, default="text", help="For people, or JSON.")
def keywords(path: tuple[str, ...], form: str) -> None:
    """List the keywords of configuration files: arguments, range, default, whether bascule acts on them, meaning.

    PATH: only those at or below it (`vrrp_instance authentication`, or with a slash between), or those of that name
    in any block (`priority`).
    """
    from bascule.config.catalogue import as_text, catalogue, nearest, select

    every = catalogue()
    found = select(every, path)
    if not found:
        near = nearest(every, path[-1])
        raise UsageError(f"no keyword '{'/'.join(path)}'" + (f": did you mean '{near}'?" if near else ""))
    if form == "json":
        from bascule.model.base import to_json

        sys.stdout.buffer.write(to_json({"keywords": found}) + b"\n")
    else:
        click.echo(as_text(found), nl=False)


def _load(files: Sequence[pathlib.Path], config_id: str | None) -> tuple[list[Source], Loaded]:
    """The files, each read once (it may be a pipe), and what they say; why they cannot run goes to standard error."""
    from bascule.config.diagnostics import Findings
    from bascule.config.loader import load_sources
    from bascule.config.render import as_text
    from bascule.config.source import SourceError, read
    from bascule.model.diagnostic import Severity

    findings = Findings()
    sources: list[Source] = []
    for path in files:
        try:
            sources.append(read(path))
        except SourceError as error:
            findings.add_file("unreadable-file", error.name, str(error))
    loaded = load_sources(sources, findings, config_id)
    fatal = [found for found in loaded.diagnostics if found.severity is Severity.FATAL]
    if fatal:
        click.echo(as_text(fatal, colour=False), nl=False, err=True)
    return sources, loaded


def _status(loaded: Loaded) -> int:
    from bascule.model.diagnostic import EXIT_STATUS

    return max((EXIT_STATUS[found.severity] for found in loaded.diagnostics), default=0)
