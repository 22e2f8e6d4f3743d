# SPDX-License-Identifier: Apache-2.0
"""Everything that can be said of the files of one director or of several: each by itself, then beside each other."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bascule.config.diagnostics import Findings
from bascule.config.loader import load
from bascule.config.reader import Section
from bascule.model.diagnostic import Diagnostic

if TYPE_CHECKING:
    from bascule.config.surroundings import Surroundings


def examine(
    directors: Sequence[Sequence[pathlib.Path]],
    config_id: str | None = None,
    surroundings: Surroundings | None = None,
) -> tuple[Diagnostic, ...]:
    """The findings of the files of each director, in the order given, and then of what must agree between them.

    `surroundings`: this machine, if what the files ask of it is to be checked, too.
    """
    found: dict[Diagnostic, None] = {}
    tops: list[Section] = []

    def look(top: Section, findings: Findings) -> None:
        tops.append(top)
        if surroundings is not None:
            from bascule.config.surroundings import check_surroundings

            check_surroundings(top, surroundings, findings)

    names = surroundings.names() if surroundings is not None else None
    for files in directors:
        found.update(dict.fromkeys(load(files, config_id, look, whole=False, names=names).diagnostics))
    if len(tops) > 1:
        found.update(dict.fromkeys(_between(directors, tops)))
    return tuple(found)


def _between(directors: Sequence[Sequence[pathlib.Path]], tops: Sequence[Section]) -> tuple[Diagnostic, ...]:
    """What is wrong between directors. Imported here only, since most checks are of one."""
    from bascule.config.directors import Director, compare

    findings = Findings()
    compare([Director(str(files[0]), top) for files, top in zip(directors, tops, strict=True)], findings)
    return findings.sorted()
