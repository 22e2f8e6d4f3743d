# SPDX-License-Identifier: Apache-2.0
"""Whom scripts run as, where a file does not say: the one thing in which bascule is not what keepalived is."""

from __future__ import annotations

from collections.abc import Iterator

from bascule.config.assemble.globals import merged
from bascule.config.diagnostics import Findings
from bascule.config.kinds import SCRIPT
from bascule.config.reader import Section
from bascule.config.tree import Statement


def check_scripts(top: Section, findings: Findings) -> None:
    """Say once that scripts without a user do not run as root."""
    defaults = merged(top, "global_defs")
    if not defaults.lacks("script_user"):
        return
    without = list(_scripts(top))
    if not without:
        return
    more = f", and {len(without) - 1} more" if len(without) > 1 else ""
    message = f"no user is named for this script{more}: it runs as keepalived_script if there is one, else as nobody"
    hint = "add 'script_user USER' to global_defs ('script_user root' is what keepalived does)"
    findings.add("meaning/script-user", without[0], 0, message, hint)


def _scripts(top: Section) -> Iterator[Statement]:
    """Each line that bascule acts on and that names a program, but no user."""
    waiting = [top]
    while waiting:
        section = waiting.pop(0)
        waiting += [inner for _, inner in section.sections]
        if "user" in section.values:
            continue
        for name, value in section.values.items():
            keyword = section.block.table.get(name)
            if keyword is None or not keyword.acted or keyword.arguments[:1] != (SCRIPT,):
                continue
            if isinstance(value, tuple) and (len(value) == 1 or section.block.name == "vrrp_script"):
                yield section.where[name]
