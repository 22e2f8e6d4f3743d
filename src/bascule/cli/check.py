# SPDX-License-Identifier: Apache-2.0
"""`bascule check`: what is wrong with configuration files, offline. Light on purpose: imports no role and no plane.

Its arguments are read by argparse, if at all: click alone takes longer than all the rest of checking a small file.
"""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from bascule.config.examine import examine
from bascule.model.diagnostic import EXIT_STATUS, Diagnostic, Severity

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """\
Say what is wrong with configuration files. Looks at no interface, needs no root and no network.

Each FILE is the configuration of one director. Of several, what must agree between them is compared, too: virtual
routers, addresses, services. A director whose configuration is in several files: -f FILE -f FILE, as with `run`.

Exit status 0: nothing, notes, warnings. 1: errors, text that is not in effect; with --strict warnings, too.
2: the daemon would refuse to run.
"""


class Options(NamedTuple):
    """What is asked for."""

    files: Sequence[pathlib.Path] = ()
    """Each the configuration of a director."""
    together: Sequence[pathlib.Path] = ()
    """The files of one more, the first."""
    format: str = "text"
    strict: bool = False
    quiet: bool = False
    local: bool = False
    config_id: str | None = None


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    import argparse

    class Help(argparse.RawDescriptionHelpFormatter):
        """Help of the same width everywhere, so that the documentation can quote it."""

        def __init__(self, prog: str) -> None:
            super().__init__(prog, width=100)

    made = argparse.ArgumentParser("bascule check", description=DESCRIPTION, formatter_class=Help)
    add = made.add_argument
    add("files", nargs="*", type=pathlib.Path, metavar="FILE", help="The configuration of a director.")
    add(
        "-f",
        "--file",
        action="append",
        default=[],
        type=pathlib.Path,
        metavar="FILE",
        dest="together",
        help="A file of one director; several are read as one, in this order.",
    )
    add("--format", choices=("text", "json", "github"), default="text", help="How to print the findings.")
    add("--strict", action="store_true", help="Exit with 1 if there are warnings.")
    add("--quiet", "-q", action="store_true", help="Print nothing: the exit status says it.")
    add(
        "--local",
        action="store_true",
        help="Look at this machine, too: interfaces that are not there, scripts that are missing or that others can "
        "write.",
    )
    add(
        "-i", "--config-id", metavar="ID", help="What lines that start with @ID are compared with; this machine's name."
    )
    return made


def options_of(arguments: Sequence[str]) -> Options:
    """What the arguments ask for. argparse is only asked where there is more than files: its import takes a while."""
    if arguments and not any(argument.startswith("-") for argument in arguments):
        return Options(files=[pathlib.Path(argument) for argument in arguments], together=[])
    read = parser()
    options = Options(**vars(read.parse_args(arguments)))
    if not options.together and not options.files:
        read.error("which FILE?")
    return options


def main(arguments: Sequence[str]) -> int:
    """Check, print, and the exit status."""
    options = options_of(arguments)
    directors = ([options.together] if options.together else []) + [[path] for path in options.files]
    surroundings = None
    if options.local:
        from bascule.linux.surroundings import ThisMachine

        surroundings = ThisMachine()
    diagnostics = examine(directors, options.config_id, surroundings)
    if not options.quiet:
        _print(diagnostics, options.format)
    return _status(diagnostics, options.strict)


def _status(diagnostics: Sequence[Diagnostic], strict: bool) -> int:
    worst = max((EXIT_STATUS[diagnostic.severity] for diagnostic in diagnostics), default=0)
    return max(worst, int(strict and any(diagnostic.severity is not Severity.NOTE for diagnostic in diagnostics)))


def _print(diagnostics: Sequence[Diagnostic], form: str) -> None:
    if form == "json":
        from bascule.model.base import to_json

        sys.stdout.buffer.write(to_json({"diagnostics": diagnostics}) + b"\n")
        return
    if form == "github":
        from bascule.config.github import as_annotations

        text = as_annotations(diagnostics)
    else:
        text = _as_text(diagnostics)
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))


def _as_text(diagnostics: Sequence[Diagnostic]) -> str:
    from bascule.config.render import as_text, summary

    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    if not diagnostics:
        return "nothing to report\n"
    return f"{as_text(diagnostics, colour)}{summary(diagnostics)}\n"
