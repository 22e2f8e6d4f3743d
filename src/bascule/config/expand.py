# SPDX-License-Identifier: Apache-2.0
"""Definitions, sequences, conditional lines and included files: lines into the lines that they stand for.

Works on whole lines before they are split into words, as keepalived does. Every line that comes out knows the file and
line that it comes from. All text that is generated is bounded, so that no file can make this run away. Random numbers
(`${_RANDOM}`) are the same at each reading, so that a reload of an unchanged file changes nothing.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Sequence

from bascule.config.diagnostics import Findings
from bascule.config.includes import IncludeError, included
from bascule.config.lexer import without_comment
from bascule.config.sequences import SequenceError, rounds
from bascule.config.source import Origin, Source, Span

GENERATED_LINES_MAX = 500_000
"""Lines that definitions, sequences and included files may add."""

FILE_COST = 500
"""What including a file counts for, in lines: files that include files may be many without a line in them."""

DEPTH_MAX = 32
"""How deep sequences and definitions may stand in each other."""

LINE_MAX = 65_536
"""Characters of a line after substitution."""

REPLACEMENTS_MAX = 1000
"""References that are replaced in one line."""

_DEFINITION = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)=[ \t]*(.*)", re.DOTALL)
_REFERENCE = re.compile(
    r"\$(?:\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)(?P<arguments>[ \t][^{}]*)?\}"
    r"|(?P<plain>[A-Za-z_][A-Za-z0-9_]*)(?=[ \t,)]|$))"
)
_CONDITION = re.compile(r"@(\^?)([^ \t]*)")
_COMMENTS = re.compile("[#!]")
_ESCAPED = re.compile(r"\\([#!])")
_INCLUDE = re.compile(r"include([rmwba]?)[ \t]+(\S.*)")
_NEEDED = re.compile(r"\$|^[ \t]*(?:[@~]|include[rmwba]?[ \t])", re.MULTILINE)
"""A text without any of this stands for itself."""


def _goes_on(text: str) -> bool:
    """Whether a definition has a further line: the backslash counts before a comment, and even at its end."""
    return any(each.rstrip(" \t\r").endswith("\\") for each in (text, without_comment(text)))


class Expander:
    """The definitions made so far; they outlive the file that makes them."""

    def __init__(self, findings: Findings, config_id: str) -> None:
        """`config_id` is what `@ID` lines are compared with."""
        self.findings = findings
        self.config_id = config_id
        self.torn: set[tuple[str, int]] = set()
        """Files and lines in which an undefined `${NAME}` stands outside quotes."""
        self._definitions: dict[str, list[str]] = {"_INSTANCE": [config_id], "_HASH": ["#"], "_BANG": ["!"]}
        self._lines: list[str] = []
        self._origins: list[Origin] = []
        self._files: list[str] = []
        self._generated = 0
        self._random = 0
        self._told_of_limit = False

    def expand(self, source: Source) -> Source:
        """What `source` stands for; itself when there is nothing to expand."""
        if source.plain or not any(_NEEDED.search(line) for line in source.lines):
            return source
        self._lines, self._origins, self._files = [], [], []
        self._file(source)
        return Source.generated(source, self._lines, self._origins)

    def _file(self, source: Source) -> None:
        folder = pathlib.Path(source.name).parent
        outer = self._definitions.get("_PWD")
        self._definitions["_PWD"] = [str(folder)]
        self._files.append(os.path.realpath(source.name))
        self._run(source.lines, [Origin(source, number) for number in range(1, len(source.lines) + 1)], 0)
        self._files.pop()
        if outer is not None:
            self._definitions["_PWD"] = outer

    def _run(self, texts: Sequence[str], origins: Sequence[Origin], depth: int) -> None:
        """Each of some lines in turn; a definition of several lines takes them all."""
        index = 0
        while index < len(texts):
            text, origin = texts[index], origins[index]
            index += 1
            if "$" not in text and text.lstrip(" \t")[:1] not in ("@", "~", "i"):
                self._out(text, origin, depth)
                continue
            conditional = self._condition(text)
            if conditional is None:
                continue
            definition = _DEFINITION.match(without_comment(conditional).strip(" \t\r"))
            if definition is None:
                self._line(conditional, origin, depth)
                continue
            value = [definition[2]]
            while _goes_on(text) and index < len(texts):
                text = texts[index]
                value.append(without_comment(text).strip(" \t\r"))
                index += 1
            lines = [line.removesuffix("\\").rstrip(" \t") for line in value]
            # An escaped sign is none here, but wherever the definition is used.
            self._definitions[definition[1]] = [_ESCAPED.sub(r"\1", line) for line in lines]

    def _condition(self, text: str) -> str | None:
        """The line without its condition, which becomes blanks; None when it does not hold here."""
        start = len(text) - len(text.lstrip(" \t"))
        condition = _CONDITION.match(text, start)
        if condition is None:
            return text
        if (condition[2].rstrip("\r") == self.config_id) == bool(condition[1]):
            return None
        return " " * condition.end() + text[condition.end() :]

    def _line(self, text: str, origin: Origin, depth: int) -> None:
        """A line that is no definition."""
        if depth:
            self._generated += 1
            if self._spent(origin, depth):
                return
        if text.lstrip(" \t").startswith("~"):
            self._sequence(text, origin, depth)
            return
        replaced, more = self._replace(text, origin)
        if more or (replaced != text and _NEEDED.match(replaced.lstrip(" \t")[:1])):
            self._run([replaced, *more], [origin] * (1 + len(more)), depth + 1)
            return
        include = _INCLUDE.match(without_comment(replaced).strip(" \t\r"))
        if include is not None:
            self._include(include[1], include[2], origin)
            return
        self._out(replaced, origin, depth)

    def _out(self, text: str, origin: Origin, depth: int) -> None:
        if depth or len(self._files) > 1:
            self._generated += 1
            if self._spent(origin, depth):
                return
        self._lines.append(text)
        self._origins.append(origin)

    def _spent(self, origin: Origin, depth: int) -> bool:
        """Whether the bound on generated text is reached; said once."""
        if self._generated <= GENERATED_LINES_MAX and depth <= DEPTH_MAX:
            return False
        if not self._told_of_limit:
            self._told_of_limit = True
            # Nothing is generated from here on, however many ways would lead to this depth again.
            self._generated = GENERATED_LINES_MAX + 1
            self._say("expansion-limit", origin, "this generates too much text: the rest of it is left out")
        return True

    def _replace(self, text: str, origin: Origin) -> tuple[str, list[str]]:
        """The line with its references replaced, and the lines that follow it from a definition of several lines."""
        if "$" not in text:
            return text, []
        bare = without_comment(text)
        position = count = 0
        while (reference := _REFERENCE.search(bare, position)) is not None:
            name = reference["braced"] or reference["plain"]
            value = self._value(name, reference["arguments"] or "")
            after = bare[reference.end() :]
            quoted = bare.count('"', 0, reference.start()) % 2
            if value is None and reference["braced"]:
                if not quoted:
                    self.torn.add((origin.source.name, origin.line))
                self._say(
                    "meaning/undefined-in-quotes" if quoted else "undefined",
                    origin,
                    f"nothing named '{name}' is defined above",
                    reference.group(),
                )
                bare = f"{bare[: reference.start()]}${name}{after}"
                position = reference.start() + 1
                continue
            if value is None or (len(value) > 1 and after.strip(" \t\r")):
                position = reference.end()
                continue
            bare = f"{bare[: reference.start()]}{value[0]}{after}"
            if _COMMENTS.search(value[0]):
                # What stands for a comment's sign makes one; references behind it are not looked at.
                bare = without_comment(bare)
            position = reference.start()
            count += 1
            if len(value) > 1:
                return bare, value[1:]
            if count > REPLACEMENTS_MAX or len(bare) > LINE_MAX:
                self._say(
                    "expansion-limit", origin, f"'{name}' is defined by itself or far too long: the line is left out"
                )
                return "", []
        return (bare, []) if count or position else (text, [])

    def _value(self, name: str, arguments: str) -> list[str] | None:
        """What a definition stands for; None when there is none."""
        if name == "_ENV":
            return [os.environ.get(arguments.strip(), "")]
        if name == "_RANDOM" and name not in self._definitions:
            bounds = [int(word) for word in arguments.split() if word.isascii() and word.isdigit() and len(word) < 10]
            low, high = (*bounds, 32767)[:2] if bounds else (0, 32767)
            self._random = (self._random * 1_103_515_245 + 12_345) % 2**31
            return [str(low + self._random % (max(high - low, 0) + 1))]
        return self._definitions.get(name)

    def _sequence(self, text: str, origin: Origin, depth: int) -> None:
        """`~SEQ(...) text` and `~LST(...) text`: the text once for each round, with its variables set."""
        head, closing, body = text.partition(")")
        if not closing:
            self._say("bad-definition", origin, "this has no ')'")
            return
        try:
            names, values = rounds(self._replace(head + ")", origin)[0].strip(" \t"))
        except SequenceError as error:
            self._say("bad-definition", origin, str(error))
            return
        before = {name: self._definitions.get(name) for name in names}
        for row in values:
            if self._spent(origin, depth):
                break
            self._definitions.update(zip(names, ([value] for value in row), strict=True))
            self._run([body.lstrip(" \t")], [origin], depth + 1)
        for name, value in before.items():
            self._definitions.pop(name, None)
            if value is not None:
                self._definitions[name] = value

    def _include(self, variant: str, pattern: str, origin: Origin) -> None:
        """The files that a pattern names, each in its place."""
        folder = pathlib.Path(origin.source.name).parent
        try:
            sources = included(folder, pattern, variant)
        except IncludeError as error:
            self._say("include", origin, str(error))
            return
        for source in sources:
            self._generated += FILE_COST
            if self._spent(origin, 0):
                return
            if os.path.realpath(source.name) in self._files:
                self._say("include", origin, f"'{source.name}' includes itself")
            elif len(self._files) > DEPTH_MAX:
                self._say("include", origin, "files include each other too deep")
            else:
                self._file(source)

    def _say(self, code: str, origin: Origin, message: str, word: str | None = None) -> None:
        """A finding at the line that a text comes from: under a word of it, or under all of it."""
        line = origin.source.line(origin.line)
        start = line.find(word) if word is not None else -1
        if word is None or start < 0:
            word, start = line.strip(), len(line) - len(line.lstrip())
        span = Span(origin.line, start + 1, start + 1 + max(1, len(word)))
        self.findings.add_at(code, origin.source, span, message)
