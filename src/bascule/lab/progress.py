# SPDX-License-Identifier: Apache-2.0
"""What a long run shows while it goes on: headings, lines, and at a terminal one line that keeps counting."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

REFRESH_PER_SECOND = 4


class Progress:
    """The display of one run, between `with` and its end."""

    def __init__(self, console: Console, counts: Callable[[], str]) -> None:
        """`counts` gives the changing part of the counting line."""
        self._console = console
        self._counts = counts
        self._start = time.monotonic()
        self._doing = ""
        self._status = console.status(self, refresh_per_second=REFRESH_PER_SECOND)

    def __enter__(self) -> Progress:
        """Show the counting line, at a terminal."""
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        self._status.stop()

    def __rich__(self) -> str:
        """The counting line as it is now."""
        return f"{self._passed()}  {self._counts()}  [bold]{self._doing}[/]"

    def step(self, title: str) -> None:
        """A new part begins."""
        self._doing = title
        self._console.rule(f"[bold]{title}[/]  {self._passed()}", align="left", style="dim")

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(f"  {text}", highlight=False, markup=False, soft_wrap=True)

    def trouble(self, text: str) -> None:
        """A deviation, at the moment it is met."""
        self._console.print(f"  ! {text}", style="bold red", highlight=False, markup=False, soft_wrap=True)

    def show(self, what: RenderableType) -> None:
        """A table or a block."""
        self._console.print(what)

    def _passed(self) -> str:
        return f"{time.monotonic() - self._start:.1f} s"
