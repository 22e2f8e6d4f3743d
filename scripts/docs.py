# SPDX-License-Identifier: Apache-2.0
"""Writes docs/reference/ from the code: keywords, findings, VRRP's transitions, packets, commands, JSON schemas.

Only what the code itself knows stands there, so it cannot grow old; a test compares. `--check` writes nothing and
ends with 1 if a file differs.
"""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click
import msgspec

from bascule import cli
from bascule.config import codes, keywords, schema
from bascule.model.base import IPAddress
from bascule.model.diagnostic import Diagnostic
from bascule.model.status import DirectorStatus
from bascule.vrrp import transitions

REFERENCE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "reference"
WIDTH = 100
HEADER = "<!-- Written by `make docs` from the code; edit that. -->\n"


def page(title: str, *parts: str) -> str:
    """A page of the reference."""
    return "\n".join((f"{HEADER}\n# {title}", *(f"\n{part.rstrip()}" for part in parts), ""))


def table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def keyword_rows(block: schema.Block) -> Iterator[tuple[str, ...]]:
    """A block's own keywords: usage, default, whether bascule acts on it, meaning."""
    for keyword in block.table.values():
        default = " ".join(part for part in (keyword.default, keyword.unit) if part)
        acted = "yes" if keyword.acted else "not yet"
        notes = [keyword.meaning, keyword.old, keyword.legacy]
        if keyword.value != keyword.name:
            notes.append(f"another spelling of `{keyword.value}`")
        if keyword.later:
            notes.append("unknown to keepalived 2.2.7")
        yield f"`{keyword.usage}`", default, acted, "; ".join(note for note in notes if note)


def keywords_page() -> str:
    """Every keyword, block by block."""
    blocks = [((), keywords.TOP)]
    blocks += [((*path, word.name), word.block) for path, word in schema.walk(keywords.TOP) if word.block is not None]
    parts = ["`acted on`: what it says happens. A keyword that is understood and not acted on yet gives a warning."]
    for path, block in blocks:
        parts.append(f"## {' / '.join(path) or 'top of a file'}")
        parts.append(table(("keyword", "default", "acted on", "meaning"), keyword_rows(block)))
    return page("Keywords", *parts)


def findings_page() -> str:
    """What `bascule check` may say."""
    rows = [(f"`{code}`", severity.value, meaning) for code, (severity, meaning) in codes.CODES.items()]
    return page(
        "Findings",
        "What `bascule check` says of a file. A finding's severity is the one below unless it says otherwise.",
        table(("code", "severity", "meaning"), rows),
    )


def vrrp_page() -> str:
    """The VRRP machine's transitions, as the machine itself looks them up."""
    return page(
        "VRRP: states and transitions",
        "The table that the machine runs on; a pair of state and cause that is not here cannot occur.",
        transitions.as_table(),
        f"```dot\n{transitions.as_diagram()}\n```",
    )


def commands(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[str]:
    """The help of a command and of those below it."""
    context = click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH)
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from commands(found, below, context)


def commands_page() -> str:
    """Every verb's own help."""
    return page("Commands", *commands(cli.cli, "bascule"))


def json_schema(kind: Any) -> str:
    """The JSON schema of what a `--json` prints."""
    made = msgspec.json.schema(kind, schema_hook=_address_schema)
    return msgspec.json.format(msgspec.json.encode(made, order="deterministic"), indent=2).decode() + "\n"


def _address_schema(kind: type[Any]) -> dict[str, Any]:
    if kind is IPAddress:
        return {"type": "string", "description": "an IPv4 or IPv6 address"}
    raise NotImplementedError(kind)


PAGES: dict[str, Callable[[], str]] = {
    "keywords.md": keywords_page,
    "findings.md": findings_page,
    "vrrp.md": vrrp_page,
    "commands.md": commands_page,
    "check.schema.json": lambda: json_schema(list[Diagnostic]),
    "status.schema.json": lambda: json_schema(DirectorStatus),
}
"""File below docs/reference: what makes its text."""


def outdated() -> dict[str, str]:
    """The files that differ from what the code says now, with the text they should have; a stray file gets ""."""
    wanted = {name: make() for name, make in PAGES.items()}
    stray = {path.name: "" for path in REFERENCE.glob("*") if path.name not in wanted}
    there = {path.name: path.read_text(encoding="utf-8") for path in REFERENCE.glob("*")}
    return stray | {name: text for name, text in wanted.items() if there.get(name) != text}


def main(arguments: list[str]) -> int:
    """Write what is out of date, or say what is; the process's exit status."""
    found = outdated()
    if arguments == ["--check"]:
        print(*(f"docs/reference/{name} is out of date: run make docs" for name in found), sep="\n", end="\n" * bool(found))
        return 1 if found else 0
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name, text in found.items():
        if text:
            (REFERENCE / name).write_text(text, encoding="utf-8")
        else:
            (REFERENCE / name).unlink()
        print(f"docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
