# SPDX-License-Identifier: Apache-2.0
"""A run as a message-sequence chart in text: a lane for each router, time goes down. Recording is off in mass runs."""

from __future__ import annotations

import dataclasses

LANE = 26
"""Characters of a router's lane."""


@dataclasses.dataclass(slots=True, frozen=True)
class Line:
    """Something at a router, or a message between two."""

    at: float
    text: str
    router: int
    to: int | None = None
    arrived: bool = True


class Record:
    """Lines in the order in which they happened."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.lines: list[Line] = []

    def note(self, at: float, router: int, text: str) -> None:
        """Something happened at a router."""
        self.lines.append(Line(at, text, router))

    def message(self, at: float, sender: int, receiver: int, text: str, *, arrived: bool = True) -> None:
        """A message came to a router, or got lost on its way there."""
        self.lines.append(Line(at, text, sender, receiver, arrived))

    def chart(self, heads: list[str], last: float, span: float) -> str:
        """Everything that routers did, and the messages of the last `span` seconds before `last`."""
        shown = [line for line in self.lines if line.to is None or line.at >= last - span]
        head = " " * 10 + "".join(text.center(LANE) for text in heads)
        return "\n".join([head.rstrip(), *(_drawn(line, len(heads)) for line in shown)])


def _middle(router: int) -> int:
    return router * LANE + LANE // 2


def _drawn(line: Line, routers: int) -> str:
    width = routers * LANE
    canvas = [" "] * width
    for router in range(routers):
        canvas[_middle(router)] = "|"
    if line.to is None:
        _write(canvas, _middle(line.router) + 2, line.text, width + 40)
    else:
        _arrow(canvas, line)
    return f"{line.at:9.4f} {''.join(canvas)}".rstrip()


def _write(canvas: list[str], start: int, text: str, limit: int) -> None:
    canvas.extend(" " * max(0, min(start + len(text), limit) - len(canvas)))
    canvas[start : start + len(text)] = list(text[: limit - start])


def _arrow(canvas: list[str], line: Line) -> None:
    assert line.to is not None
    start, end = _middle(line.router), _middle(line.to)
    left, right = min(start, end) + 1, max(start, end) - 1
    canvas[left : right + 1] = list("-" * (right - left + 1))
    head = right if end > start else left
    canvas[head] = (">" if end > start else "<") if line.arrived else "x"
    text = f" {line.text} "
    begin = left + (right - left - len(text)) // 2
    canvas[begin : begin + len(text)] = list(text)
