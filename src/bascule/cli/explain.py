# SPDX-License-Identifier: Apache-2.0
"""`bascule explain`: the longer story of what `bascule check` says."""

from __future__ import annotations

import click

from bascule.errors import UsageError


@click.command()
@click.argument("code", required=False)
@click.option("--list", "list_all", is_flag=True, help="All codes, each with what it means.")
def explain(code: str | None, list_all: bool) -> None:
    """Tell the story behind a finding of `bascule check`, by its CODE.

    What keepalived does there, what goes wrong then, what to write, and an example with what is said of it.
    """
    from bascule.config.stories.telling import listing, nearest, told

    if list_all:
        click.echo(listing(), nl=False)
        return
    if code is None:
        raise UsageError("which code? `bascule explain --list` has all")
    code = code.strip("[]")
    text = told(code)
    if text is None:
        near = nearest(code)
        raise UsageError(f"no finding is called '{code}'" + (f": did you mean '{near}'?" if near else ""))
    click.echo(text, nl=False)
