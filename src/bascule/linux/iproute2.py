# SPDX-License-Identifier: Apache-2.0
"""Names of routing tables, protocols, scopes, realms and the like, as iproute2 lists them on this machine."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator, Sequence

FOLDERS = (pathlib.Path("/usr/share/iproute2"), pathlib.Path("/etc/iproute2"))
"""Where the lists are; what a later one says counts."""

FILES = ("rt_tables", "rt_protos", "rt_scopes", "rt_realms", "rt_dsfield", "group")

_LINE = re.compile(r"\s*(0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})\s+([^\s#]+)")


def listed_names(folders: Sequence[pathlib.Path] = FOLDERS) -> dict[str, dict[str, int]]:
    """By list: the number of each name. A list that is not there or cannot be read is empty."""
    found: dict[str, dict[str, int]] = {file: {} for file in FILES}
    for folder in folders:
        for file, names in found.items():
            for path in (folder / file, *sorted((folder / f"{file}.d").glob("*.conf"))):
                names.update(_names(path))
    return found


def _names(path: pathlib.Path) -> Iterator[tuple[str, int]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        said = _LINE.match(line)
        if said is not None:
            yield said[2], int(said[1], 16 if said[1][1:2] in ("x", "X") else 10)
