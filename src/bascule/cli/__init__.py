# SPDX-License-Identifier: Apache-2.0
"""The command line. Verbs are imported only when called, and `check` without click, so that they stay light.

`check` runs in editors and hooks at each change: click alone would take as long as all the rest of it.
"""

from __future__ import annotations

import sys

from bascule.errors import BasculeError


def main() -> None:
    """The program. Our own errors are one line on standard error; everything else is a defect and shows itself."""
    try:
        if sys.argv[1:2] == ["check"]:
            from bascule.cli.check import main as check

            sys.exit(check(sys.argv[2:]))
        from bascule.cli.verbs import cli

        cli(prog_name="bascule")
    except BasculeError as error:
        print(f"bascule: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
