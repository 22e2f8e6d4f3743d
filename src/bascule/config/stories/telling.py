# SPDX-License-Identifier: Apache-2.0
"""Stories as text for terminals."""

from __future__ import annotations

import difflib
import textwrap

from bascule.config.codes import CODES
from bascule.config.render import as_text
from bascule.config.stories.library import FIRST, SECOND, Story, found_in, stories

WIDTH = 100


def listing() -> str:
    """Every code with its severity and what it means, a line each."""
    width = max(map(len, CODES))
    return "".join(f"{code:{width}}  {severity.value:7}  {meaning}\n" for code, (severity, meaning) in CODES.items())


def nearest(word: str) -> str | None:
    """The code that is written most like `word`, with or without the part before the slash."""
    short = {code.rpartition("/")[2]: code for code in CODES}
    close = difflib.get_close_matches(word.rpartition("/")[2], list(short), 1)
    return short[close[0]] if close else None


def told(code: str) -> str | None:
    """The story of a code; None when there is no such code."""
    story = stories().get(code)
    if story is None or code not in CODES:
        return None
    severity, meaning = CODES[code]
    parts = [f"{code} ({severity.value})\n{_filled(meaning)}"]
    parts += [
        f"{head}\n{_filled(text)}"
        for head, text in (
            ("What keepalived 2.2.7 does", story.keepalived),
            ("What goes wrong", story.failure),
            ("What to write", story.write),
        )
    ]
    parts += [f"{head}\n{textwrap.indent(text, '    ')}" for head, text in examples(code, story)]
    return "\n".join(parts)


def examples(code: str, story: Story) -> list[tuple[str, str]]:
    """The files of the example, and what is said of them: a heading and a text each."""
    files = [(name, text) for name, text in ((FIRST, story.example), (SECOND, story.peer)) if text]
    shown = [(f"Example, {name}" if len(files) > 1 else "Example", _plain(text)) for name, text in files]
    said = as_text([found for found in found_in(story) if found.code == code], colour=False)
    return [*shown, ("What bascule says of it", said)]


def _plain(text: str) -> str:
    """A file as it can be shown: what a terminal would not show is named."""
    named = text.replace("\ufeff", "<byte order mark>").replace("\0", "<NUL>")
    return named if named.strip() else "<an empty file>\n"


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="    ", subsequent_indent="    ") + "\n"
