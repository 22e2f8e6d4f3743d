# SPDX-License-Identifier: Apache-2.0
"""The command line. Verbs are imported only when called, and `check` without click, so that they stay light.

`check` runs in editors and hooks at each change: click alone would take as long as all the rest of it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from bascule.errors import BasculeError


def arguments_of(command_line: list[str]) -> list[str]:
    """What the program was asked, verb first: under the name `ipvsadm` (a link) every argument is ipvsadm's."""
    name = os.path.basename(command_line[0])
    return ["ipvsadm", *command_line[1:]] if name == "ipvsadm" else command_line[1:]


@contextlib.contextmanager
def _without(module: str) -> Iterator[None]:
    """Have imports meanwhile do without a module that they can do without.

    msgspec looks for typing_extensions and else takes what Python has itself. Where other packages have brought it, it
    costs more than all declarations of the language.
    """
    absent = module not in sys.modules
    if absent:
        sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if absent:
            del sys.modules[module]


def main() -> None:
    """The program. Our own errors are one line on standard error; everything else is a defect and shows itself."""
    arguments = arguments_of(sys.argv)
    try:
        if arguments[:1] == ["check"]:
            with _without("typing_extensions"):
                from bascule.cli.check import main as check

            sys.exit(check(arguments[1:]))
        from bascule.cli.verbs import cli

        cli(arguments, prog_name="bascule")
    except BasculeError as error:
        print(f"bascule: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
