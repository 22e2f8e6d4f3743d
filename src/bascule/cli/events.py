# SPDX-License-Identifier: Apache-2.0
"""`bascule events`: what happens in the running director, as it happens; for people, or as JSON lines."""

from __future__ import annotations

import datetime
import json
import pathlib
import sys

import click

from bascule.cli.control import run_dir_option

_SUBJECTS = ("instance", "group", "script", "kind", "name", "server", "service")
"""Fields that say what an event is about, in the order in which they are shown."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print each event as a line of JSON, as it comes.")
@run_dir_option
def events(as_json: bool, run_dir: pathlib.Path) -> None:
    """Instances and groups that change state, servers and quorums that come and go, results of track scripts.

    Ends with the director, or on Ctrl-C. Exit status: 0, or 3: no director runs.
    """
    from bascule.daemon.client import events as stream

    try:
        for line in stream(run_dir):
            text = line if as_json else (shown(line) + "\n").encode("utf-8", "backslashreplace")
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()
    except (KeyboardInterrupt, BrokenPipeError):
        return


def shown(line: bytes) -> str:
    """An event as a line of text: time, what it is, and its fields."""
    event = json.loads(line)
    kind = event.pop("type", "event")
    at = event.pop("at", None)
    when = "" if at is None else f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + " "
    about = " ".join(_words(event.pop(field)) for field in _SUBJECTS if field in event)
    why = event.pop("why", "")
    rest = " ".join(f"{name}={_words(value)}" for name, value in event.items() if value is not None)
    return " ".join(filter(None, (f"{when}{kind}", about, rest, f"({why})" if why else "")))


def _words(value: object) -> str:
    if isinstance(value, dict):
        protocol = f"{value['protocol']}:" if "protocol" in value else ""
        return f"[{value.get('address')}]:{protocol}{value.get('port')}"
    return str(value).lower() if isinstance(value, bool) else str(value)
