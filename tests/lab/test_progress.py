# SPDX-License-Identifier: Apache-2.0
"""Progress is plain lines where no terminal is, and keeps counting at one."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table

from bascule.lab.progress import Progress
from bascule.lab.waiting import wait_for


def test_lines_where_no_terminal_is() -> None:
    output = io.StringIO()
    with Progress(Console(file=output, width=80), lambda: "7 sent") as progress:
        progress.step("The network")
        progress.say("rs1: [LVS_DEVEL] is text, not [bold]markup[/]")
        progress.trouble("mail missing")
        table = Table("host")
        table.add_row("d1")
        progress.show(table)
    lines = output.getvalue()
    assert "The network  0.0 s" in lines
    assert "  rs1: [LVS_DEVEL] is text, not [bold]markup[/]\n" in lines
    assert "  ! mail missing\n" in lines
    assert "d1" in lines
    assert "7 sent" not in lines


def test_a_terminal_sees_the_counts_move() -> None:
    output = io.StringIO()
    numbers = iter(range(1000))
    console = Console(file=output, width=80, force_terminal=True)
    with Progress(console, lambda: f"{next(numbers)} sent") as progress:
        progress.step("Traffic")
        wait_for(lambda: "3 sent" in output.getvalue(), 10, "the line to be drawn several times")
    assert "Traffic" in output.getvalue()
