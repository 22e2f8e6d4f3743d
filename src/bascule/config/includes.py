# SPDX-License-Identifier: Apache-2.0
"""`include PATTERN` and its variants: which files a pattern names (keepalived.conf(5), INCLUDE FILES).

Unlike keepalived, a file that is missing or cannot be read is always said, whichever variant asks for it.
"""

from __future__ import annotations

import glob
import pathlib
import re

from bascule.config.source import Source, SourceError, read

ALTERNATIVES_MAX = 1000
"""Patterns that the braces of one pattern may stand for."""

_BRACES = re.compile(r"\{([^{}]*)\}")
_WILDCARD = re.compile(r"[*?\[]")


class IncludeError(Exception):
    """A pattern that names nothing that can be read; the text says why."""


def included(folder: pathlib.Path, pattern: str, variant: str) -> list[Source]:
    """The files that `pattern` names, seen from `folder`, sorted by name as the shell does. Raises IncludeError.

    `variant` is the letter after `include`: a pattern with wildcards may match nothing unless it is `w`, or `a`.
    """
    found: list[Source] = []
    for each in alternatives(pattern):
        paths = sorted(glob.glob(str(folder / each)))
        files = [path for path in map(pathlib.Path, paths) if path.is_file()]
        if not files and not (_WILDCARD.search(each) and variant not in ("w", "a")):
            raise IncludeError(f"no file matches '{each}'")
        try:
            found.extend(read(path) for path in files)
        except SourceError as error:
            raise IncludeError(str(error)) from None
    return found


def alternatives(pattern: str) -> list[str]:
    """The patterns that `{a,b}` in a pattern stands for. Raises IncludeError when there are too many."""
    done: list[str] = []
    waiting = [pattern]
    while waiting:
        each = waiting.pop()
        braces = _BRACES.search(each)
        if braces is None:
            done.append(each)
        else:
            parts = [each[: braces.start()] + part + each[braces.end() :] for part in braces[1].split(",")]
            waiting.extend(reversed(parts))
        if len(done) + len(waiting) > ALTERNATIVES_MAX:
            raise IncludeError(f"'{pattern}' stands for more than {ALTERNATIVES_MAX} patterns")
    return list(dict.fromkeys(done))
