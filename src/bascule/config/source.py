# SPDX-License-Identifier: Apache-2.0
"""The text of a configuration file and the places in it. Reads files; knows nothing of the language."""

from __future__ import annotations

import pathlib
from typing import NamedTuple

BOM = "\ufeff"


class Span(NamedTuple):
    """A place in a file. Lines and columns count from 1, columns in characters; `end_column` is past the last one."""

    line: int
    column: int
    end_column: int


class SourceError(Exception):
    """A file that cannot be read; the text says why, in words."""

    def __init__(self, name: str, why: str) -> None:
        """The file's name as it is shown, and why."""
        super().__init__(why)
        self.name = name


class Source:
    """A text to read: its name as the user gave it, and its lines without their line ends.

    Lines may come from elsewhere (an included file) or be generated: `origins` then says for each of them where it
    stands, and positions are those of the line as it is here.
    """

    __slots__ = ("encoding", "lines", "name", "origins", "plain", "starts_with_bom")

    def __init__(self, name: str, text: str, encoding: str = "utf-8") -> None:
        """Take the text of a file as it stands; a byte order mark at its start is dropped and remembered."""
        self.name = name
        self.encoding = encoding
        self.starts_with_bom = text.startswith(BOM)
        # Most large files have none of this, and need no look at each line for what it may stand for.
        self.plain = not any(mark in text for mark in ("$", "@", "~", "include"))
        # Large files repeat most of their lines: one string for all that are the same.
        seen: dict[str, str] = {}
        self.lines = [seen.setdefault(line, line) for line in text.removeprefix(BOM).split("\n")]
        self.origins: list[Origin] | None = None

    @classmethod
    def generated(cls, base: Source, lines: list[str], origins: list[Origin]) -> Source:
        """What `base` has become: new lines, and the file and line that each comes from."""
        made = cls(base.name, "", base.encoding)
        made.starts_with_bom = base.starts_with_bom
        made.lines = lines
        made.origins = origins
        return made

    def line(self, number: int) -> str:
        """Line `number`, counted from 1, without its line end; empty past the end of the file."""
        return self.lines[number - 1].rstrip("\r") if 0 < number <= len(self.lines) else ""

    def origin(self, number: int) -> Origin:
        """The file, and the line in it, that line `number` comes from."""
        return self.origins[number - 1] if self.origins is not None else Origin(self, number)

    def bytes_of(self, word: str, number: int) -> bytes:
        """The bytes that stand in line `number` for `word`."""
        return word.encode(self.origin(number).source.encoding)


class Origin(NamedTuple):
    """Where a line comes from: a file, and a line in it counted from 1."""

    source: Source
    line: int


def read(path: pathlib.Path) -> Source:
    """The file at `path`. Text that is not UTF-8 is taken byte by byte (Latin-1), so that no byte is lost.

    Raises SourceError when there is no such file or it cannot be read.
    """
    name = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SourceError(name, f"there is no file '{name}'") from None
    except IsADirectoryError:
        raise SourceError(name, f"'{name}' is a directory, not a file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SourceError(name, f"'{name}' cannot be read: {reason}") from None
    try:
        return Source(name, data.decode("utf-8"))
    except UnicodeDecodeError:
        return Source(name, data.decode("latin-1"), "latin-1")
