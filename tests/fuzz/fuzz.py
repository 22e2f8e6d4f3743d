# SPDX-License-Identifier: Apache-2.0
"""A bounded, coverage-guided fuzz run of the configuration reader: `make fuzz`.

Texts are mutated from the seeds (seeds/) and from what was found on the way; one that reaches a new step from line to
line of the reader's code is kept and mutated further. A text fails when reading it raises, when what comes back does
not hold together, or when it takes more steps than its size allows. Failures are written to results/fuzz/ and end the
run with 1; one that has been mended becomes a seed. The same number gives the same run.
"""

from __future__ import annotations

import argparse
import pathlib
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from bascule.config import loader
from bascule.config.diagnostics import Findings
from bascule.config.keywords.top import TOP
from bascule.config.render import as_text
from bascule.config.schema import walk
from bascule.config.source import Source

HERE = pathlib.Path(__file__).parent
CODE = str(pathlib.Path(loader.__file__).parent)

STEPS_FIXED = 400_000
"""Lines of code that any text may take: the bound on generated text is as large."""

STEPS_PER_CHARACTER = 400

SIZE_MAX = 4000
"""Characters of a text."""

WORDS = (
    *sorted({keyword.name for _, keyword in walk(TOP)}),
    *("{", "}", '"', "#", "!", "\\", "\\\n", "$A=", "$A", "${A}", "~SEQ(i, 3) ", "~LST(i, a, b) ", "@x ", "@^x ", "\n"),
    *("10.0.0.1", "10.0.0.1/24", "fd00::1", "80", "0", "-1", "1.5", "99999999999", "eth0", "DR", "MASTER", "\x00", "é"),
)

Step = tuple[int, int, int]
"""A piece of code, and the lines that follow each other in it."""


class TooManyStepsError(Exception):
    """A text took more steps than its size allows."""


def steps_of(text: str) -> set[Step]:
    """Read a text; which steps the reader took. Raises what the reader raises, and TooManyStepsError."""
    return traced(lambda: check(text), CODE, STEPS_FIXED + STEPS_PER_CHARACTER * len(text))


def traced(run: Callable[[], object], code_below: str | tuple[str, ...], left: int) -> set[Step]:
    """Run something; which steps it took in the code below folders. Raises what it raises, and TooManyStepsError."""
    seen: set[Step] = set()

    def enter(frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG001
        if not frame.f_code.co_filename.startswith(code_below):
            return None
        code, before = id(frame.f_code), 0

        def line(frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG001
            nonlocal before, left
            seen.add((code, before, frame.f_lineno))
            before = frame.f_lineno
            left -= 1
            if left < 0:
                raise TooManyStepsError
            return line

        return line

    outer = sys.gettrace()
    sys.settrace(enter)
    try:
        run()
    finally:
        sys.settrace(outer)
    return seen


def check(text: str) -> None:
    """Read a text and hold what comes back together. Raises AssertionError."""
    found = loader.load_sources([Source("k.conf", text)], Findings(), "x")
    for one in found.diagnostics:
        assert one.line is None or (one.column is not None and one.end_column is not None)
        assert one.line is None or one.column is None or 1 <= one.column <= len(one.source) + 1, one
    assert bool(as_text(found.diagnostics, colour=False)) == bool(found.diagnostics)


def mutated(text: str, others: list[str], choose: random.Random) -> str:
    """The text with some pieces cut out, doubled, moved, replaced, or taken from others."""
    for _ in range(choose.choice((1, 1, 2, 4))):
        first = choose.randrange(len(text) + 1)
        last = min(len(text), first + choose.choice((0, 1, 1, 4, 20, 120)))
        piece = choose.choice(
            (
                "",
                choose.choice(WORDS),
                f" {choose.choice(WORDS)} {choose.choice(WORDS)}\n",
                text[first:last] * choose.choice((2, 2, 30)),
                chr(choose.randrange(0x300)),
                slice_of(choose.choice(others), choose),
            )
        )
        text = text[:first] + piece + text[last:]
    return text[:SIZE_MAX]


def slice_of(text: str, choose: random.Random) -> str:
    """Some lines of a text."""
    lines = text.splitlines(keepends=True)
    first = choose.randrange(len(lines) + 1)
    return "".join(lines[first : first + choose.randrange(1, 8)])


def runs(seeds: list[str], number: int) -> Iterator[tuple[str, str | None, int]]:
    """Without end: a text that was read, how it failed (None: it did not), and how many steps are known by now."""
    choose = random.Random(number)
    known: set[Step] = set()
    kept = list(seeds)
    waiting = list(seeds)
    while True:
        text = waiting.pop() if waiting else mutated(choose.choice(kept), kept, choose)
        failure = None
        try:
            steps = steps_of(text)
        except Exception:
            failure = traceback.format_exc()
        else:
            if not steps <= known:
                known |= steps
                kept.append(text)
        yield text, failure, len(known)


def main() -> int:
    """Run until the time is over or a text fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--number", type=int, default=1, help="which run: another number, other texts")
    arguments = parser.parse_args()
    seeds = [path.read_text("utf-8") for path in sorted((HERE / "seeds").iterdir())]
    end = time.monotonic() + arguments.seconds
    for count, (text, failure, steps) in enumerate(runs(seeds, arguments.number), 1):
        if failure is not None:
            folder = pathlib.Path("results/fuzz")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{arguments.number}-{count}.conf").write_text(text, "utf-8")
            print(f"{failure}\n{folder}/{arguments.number}-{count}.conf fails, text {count} of run {arguments.number}")
            return 1
        if time.monotonic() > end:
            print(f"{count} texts, {steps} different steps, no failure")
            break
    return 0


if __name__ == "__main__":
    sys.exit(main())
