# SPDX-License-Identifier: Apache-2.0
"""The real supervisor over doubles of the roles: `python director_with_doubles.py RUN_DIR FILE`."""

from __future__ import annotations

import pathlib
import sys

from bascule.daemon import director
from bascule.errors import BasculeError
from bascule.model.messages import Role

HERE = pathlib.Path(__file__).parent


def double(role: Role) -> tuple[str, ...]:
    """The program of a double."""
    return (sys.executable, str(HERE / "doubles.py"), role.value)


if __name__ == "__main__":
    try:
        sys.exit(
            director.run(
                director.Options(
                    files=(pathlib.Path(sys.argv[2]),),
                    run_dir=pathlib.Path(sys.argv[1]),
                    command=double,
                )
            )
        )
    except BasculeError as error:
        print(f"bascule: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
