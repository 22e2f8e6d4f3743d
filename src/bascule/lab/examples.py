# SPDX-License-Identifier: Apache-2.0
"""The files that the demonstration runs: those of `examples/`, as they are or with short timers."""

from __future__ import annotations

import pathlib
import re

from bascule.errors import UsageError

FILES = {"d1": "keepalived.conf", "d2": "keepalived.backup.conf"}
"""Director: its file."""

SHORT_TIMERS = {
    "advert_int": 1,
    "delay_loop": 1,
    "connect_timeout": 2,
    "nb_get_retry": 1,
    "delay_before_retry": 1,
}
"""Keyword: its value in the fast demonstration, in the files' units."""


def folder() -> pathlib.Path:
    """Where the files are: beside this module when installed, else at the top of the checkout. Raises UsageError."""
    here = pathlib.Path(__file__).resolve()
    for candidate in (here.parent / "examples", here.parents[3] / "examples"):
        if all((candidate / name).is_file() for name in FILES.values()):
            return candidate
    raise UsageError("the example files keepalived.conf and keepalived.backup.conf are not there")


def with_short_timers(text: str) -> str:
    """The same file with the timers of SHORT_TIMERS. Raises UsageError where one of them is not in it."""
    for keyword, value in SHORT_TIMERS.items():
        text, count = re.subn(rf"^(\s*{keyword}\s+)\d+", rf"\g<1>{value}", text, flags=re.MULTILINE)
        if not count:
            raise UsageError(f"the example file has no `{keyword}` that could be shortened")
    return text


def files(into: pathlib.Path, *, fast: bool) -> dict[str, pathlib.Path]:
    """Director: the path of its file; verbatim ones stay where they are, shortened copies go `into` a folder."""
    found = {director: folder() / name for director, name in FILES.items()}
    if not fast:
        return found
    copies = {director: into / path.name for director, path in found.items()}
    for director, copy in copies.items():
        copy.write_text(with_short_timers(found[director].read_text()))
    return copies
