# SPDX-License-Identifier: Apache-2.0
"""Writes docs/reference/ from the code: keywords, findings, VRRP's transitions, packets, commands, JSON schemas.

Only what the code itself knows stands there, so it cannot grow old; a test compares. `--check` writes nothing and
ends with 1 if a file differs.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import pathlib
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import click
import msgspec

from bascule.cli import verbs
from bascule.config import codes, schema
from bascule.config.keywords.top import TOP
from bascule.config.stories import library, telling
from bascule.dataplane.xdp import layout
from bascule.health import judge
from bascule.lab.records import DemoReport, Request
from bascule.model.base import IPAddress, Model
from bascule.model.change import Change
from bascule.model.configuration import Configuration
from bascule.model.diagnostic import Diagnostic
from bascule.model.keyword import KeywordDescription
from bascule.model.status import DirectorStatus
from bascule.vrrp import sync_group, transitions
from bench.report import BenchReport, DeathReport, EnduranceReport, FailoverReport
from tests.ledger import vrrp_3768, vrrp_5798, vrrp_9568, vrrp_9568_operation
from tests.ledger.requirement import Requirement

REFERENCE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "reference"
WIDTH = 100
HEADER = "<!-- Written by `make docs` from the code; edit that. -->\n"


def page(title: str, *parts: str) -> str:
    """A page of the reference."""
    return "\n".join((f"{HEADER}\n# {title}", *(f"\n{part.rstrip()}" for part in parts), ""))


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
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


def block_paths() -> dict[str, tuple[schema.Block, list[str]]]:
    """Every block once, by the first path that leads to it, with all paths."""
    found: dict[int, tuple[schema.Block, list[str]]] = {id(TOP): (TOP, ["top of a file"])}
    for path, word in schema.walk(TOP):
        for block, kind in ((word.options, ": options of a line"), (word.block, "")):
            if block is not None:
                found.setdefault(id(block), (block, []))[1].append(" / ".join((*path, word.name)) + kind)
    return {paths[0]: (block, paths) for block, paths in found.values()}


def keywords_page() -> str:
    """Every keyword, block by block."""
    parts = [
        "*acted on*: bascule does what the keyword says. The others are understood and answered with the warning "
        "`not-acted-on`. *Unknown to keepalived 2.2.7* are words of later versions and bascule's own.",
    ]
    for path, (block, paths) in block_paths().items():
        parts.append(f"## {path}")
        if len(paths) > 1:
            parts.append(f"Also as: {', '.join(paths[1:])}.")
        parts.append(table(("keyword", "default", "acted on", "meaning"), keyword_rows(block)))
    return page("Keywords", *parts)


def findings_page() -> str:
    """What `bascule check` may say, and the story of each."""
    rows = [
        (f"[`{code}`](#{_anchor(code)})", severity.value, meaning) for code, (severity, meaning) in codes.CODES.items()
    ]
    return page(
        "Findings",
        "What `bascule check` says of a file. A finding's severity is the one below unless it says otherwise; "
        "`bascule explain CODE` tells the same stories on a terminal.",
        table(("code", "severity", "meaning"), rows),
        *(_story(code, story) for code, story in library.stories().items()),
    )


def _anchor(code: str) -> str:
    return code.replace("/", "")


def _story(code: str, story: library.Story) -> str:
    """A story in Markdown."""
    severity, meaning = codes.CODES[code]
    parts = [
        f"## {code}",
        f"{severity.value.capitalize()}. {meaning}",
        f"*keepalived 2.2.7*: {story.keepalived}",
        f"*What goes wrong*: {story.failure}",
        f"*What to write*: {story.write}",
        *(f"{head}:\n\n```text\n{text.strip(chr(10))}\n```" for head, text in telling.examples(code, story)),
    ]
    return "\n\n".join(parts)


def vrrp_page() -> str:
    """The VRRP machine's transitions, as the machine itself looks them up."""
    return page(
        "VRRP: states and transitions",
        "The table that the machine runs on; a pair of state and cause that is not here cannot occur.",
        transitions.as_table(),
        f"```dot\n{transitions.as_diagram()}\n```",
        "## Sync groups",
        "What the members of a group do for each other, looked up from the top after every event of one of them. While "
        "one is in FAULT nobody moves: its faults are everybody's.",
        sync_group.as_table(),
    )


def requirements_page() -> str:
    """What VRRP's standards demand, and the tests that show it."""
    heads = ("section", "level", "demand", "standing", "shown by", "the opposite", "remark")
    return page(
        "VRRP: what the standards demand",
        "Every MUST and SHOULD of RFC 9568 (with its verified errata 7949 and 8298 to 8301) and of RFC 3768, the MAYs "
        "that matter, and the steps of their state machines, in our own words, with the tests (below `tests/`) in "
        "which each is done and those in which the opposite is refused or a defect would be noticed; then where RFC "
        "5798 demands something else. What stands there in small letters says so. `test_a_defect_is_found[...]` builds "
        "a deliberate defect into the machine, and finds it by [simulation](../simulation.md).",
        "## RFC 9568 (version 3)",
        table(heads, requirement_rows((*vrrp_9568.PROTOCOL, *vrrp_9568_operation.OPERATION))),
        "## RFC 3768 (version 2)",
        table(heads, requirement_rows(vrrp_3768.VERSION_2)),
        "## RFC 5798 (version 3, before RFC 9568)",
        table(heads, requirement_rows(vrrp_5798.VERSION_3_BEFORE)),
    )


def requirement_rows(requirements: Iterable[Requirement]) -> Iterator[tuple[str, ...]]:
    """A ledger's lines; a test is its function's name, with the file's as its title."""
    for entry in requirements:
        tests = ("; ".join(_test_link(name) for name in names) for names in (entry.shown, entry.against))
        yield (entry.section, entry.level.value.upper(), entry.what, entry.standing.value, *tests, entry.why)


def _test_link(name: str) -> str:
    file, function = name.split("::")
    return f"[`{function}`](../../tests/{file})"


def health_page() -> str:
    """How a check's results become a verdict on its server."""
    said = {True: "up", False: "down", None: "nothing yet"}
    moves = ((before.value, outcome.value, after.value) for (before, outcome), after in judge.TRANSITIONS.items())
    return page(
        "Health: from attempts to verdicts",
        "*failed*: with retries left; *exhausted*: with none left.",
        table(("standing", "an attempt has", "standing then"), moves),
        "## What a standing says of the server",
        table(("standing", "verdict"), ((standing.value, said[up]) for standing, up in judge.VERDICTS.items())),
    )


def enumerators(header: str, prefix: str) -> list[tuple[str, str]]:
    """Name (as Python spells it) and comment of each enumerator with a prefix in a C header."""
    found = re.findall(rf"\b{prefix}_(\w+) = \d+,\s*/\* (.*?) \*/", header, re.DOTALL)
    return [(f"`{name.lower()}`", " ".join(text.split())) for name, text in found]


def packets_page() -> str:
    """What the XDP director counts, and how long it remembers."""
    header = (pathlib.Path(layout.__file__).parent / "bpf" / "layout.h").read_text(encoding="utf-8")
    return page(
        "Packets and connections of the XDP director",
        "## Packets by verdict\n\nEvery packet looked at has one verdict; `status --json` has the sums.",
        table(("verdict", "what was done"), enumerators(header, "VERDICT")),
        "## Incidents\n\nCounted beside the verdict.",
        table(("incident", "what happened"), enumerators(header, "INCIDENT")),
        "## Connection states\n\nA connection is over when no packet came for this long.",
        table(
            ("state", "seconds", "counted as"),
            (
                (state.name, str(seconds), "active" if state in layout.ACTIVE_STATES else "inactive")
                for state, seconds in layout.TIMEOUTS.items()
            ),
        ),
        "## Sizes",
        table(
            ("at most", "of what"),
            [
                (f"{layout.MAX_SERVICES - 1:,}", "virtual services"),
                (f"{layout.MAX_SERVERS - 1:,}", "real servers in all"),
                (f"{layout.SERVERS_PER_SERVICE:,}", "real servers of one service"),
                (f"{layout.OVERFLOW_ENTRIES:,}", "connections that found no room where they belong in the table"),
                (f"{layout.MAX_ACCEPTED:,}", "MAC addresses, over all interfaces, whose frames are balanced"),
                (f"{layout.MAX_RELAYS:,}", "virtual addresses that are relayed in planned switches at once"),
            ],
        ),
    )


def commands(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[str]:
    """The help of a command and of those below it."""
    settings = {**command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from commands(found, below, context)


def commands_page() -> str:
    """Every verb's own help."""
    return page("Commands", *commands(verbs.cli, "bascule"))


def field_texts(kind: type[Any]) -> dict[str, str]:
    """What a struct's source says below each of its fields."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in itertools.pairwise(body.body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[ast.unparse(field.target)] = inspect.cleandoc(str(text.value.value))
    return found


def structs(kind: Any) -> Iterator[type[Any]]:
    """The structs of the model that a type is made of."""
    (made,), components = msgspec.json.schema_components([kind], schema_hook=_address_schema)
    del made
    models = ("change", "configuration", "diagnostic", "keyword", "messages", "service", "status")
    rooms = (*(f"model.{name}" for name in models), "lab.records")
    for module in (*(f"bascule.{room}" for room in rooms), "bench.report"):
        found = importlib.import_module(module)
        yield from (getattr(found, name) for name in components if hasattr(found, name))


def json_schema(kind: Any) -> str:
    """The JSON schema of what a `--json` prints, with the fields' own words."""
    made = msgspec.json.schema(kind, schema_hook=_address_schema)
    for struct in structs(kind):
        for field, text in field_texts(struct).items() if issubclass(struct, Model) else ():
            made["$defs"][struct.__name__]["properties"][field].setdefault("description", text)
    return msgspec.json.format(msgspec.json.encode(made, order="deterministic"), indent=2).decode() + "\n"


def _address_schema(kind: type[Any]) -> dict[str, Any]:
    if kind == IPAddress:
        return {"type": "string", "description": "an IPv4 or IPv6 address"}
    raise NotImplementedError(kind)


PAGES: dict[str, Callable[[], str]] = {
    "keywords.md": keywords_page,
    "findings.md": findings_page,
    "vrrp.md": vrrp_page,
    "vrrp-requirements.md": requirements_page,
    "health.md": health_page,
    "packets.md": packets_page,
    "commands.md": commands_page,
    "check.schema.json": lambda: json_schema(list[Diagnostic]),
    "config-print.schema.json": lambda: json_schema(Configuration),
    "config-diff.schema.json": lambda: json_schema(list[Change]),
    "config-keywords.schema.json": lambda: json_schema(list[KeywordDescription]),
    "status.schema.json": lambda: json_schema(DirectorStatus),
    "demo.schema.json": lambda: json_schema(DemoReport),
    "bench.schema.json": lambda: json_schema(BenchReport),
    "bench-failover.schema.json": lambda: json_schema(FailoverReport),
    "bench-deaths.schema.json": lambda: json_schema(DeathReport),
    "bench-endurance.schema.json": lambda: json_schema(EnduranceReport),
    "requests.schema.json": lambda: json_schema(Request),
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
        print(
            *(f"docs/reference/{name} is out of date: run make docs" for name in found),
            sep="\n",
            end="\n" * bool(found),
        )
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
