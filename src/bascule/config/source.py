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
    """One file: its name as the user gave it, and its lines without their line ends."""

    __slots__ = ("encoding", "lines", "name", "starts_with_bom")

    def __init__(self, name: str, text: str, encoding: str = "utf-8") -> None:
        """Take the text of a file as it stands; a byte order mark at its start is dropped and remembered."""
        self.name = name
        self.encoding = encoding
        self.starts_with_bom = text.startswith(BOM)
        self.lines = text.removeprefix(BOM).split("\n")

    def line(self, number: int) -> str:
        """Line `number`, counted from 1, without its line end; empty past the end of the file."""
        return self.lines[number - 1].rstrip("\r") if 0 < number <= len(self.lines) else ""

    def bytes_of(self, word: str) -> bytes:
        """The bytes that stand in the file for `word`."""
        return word.encode(self.encoding)


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
