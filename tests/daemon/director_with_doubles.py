# SPDX-License-Identifier: Apache-2.0
"""The real supervisor over doubles of the roles: `python director_with_doubles.py RUN_DIR FILE`."""

from __future__ import annotations

import pathlib
import sys

from bascule.daemon import director
from bascule.errors import BasculeError

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import doubles  # noqa: E402

if __name__ == "__main__":
    try:
        sys.exit(
            director.run(
                director.Options(
                    files=(pathlib.Path(sys.argv[2]),),
                    run_dir=pathlib.Path(sys.argv[1]),
                    command=doubles.command,
                )
            )
        )
    except BasculeError as error:
        print(f"bascule: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
