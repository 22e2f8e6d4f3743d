# SPDX-License-Identifier: Apache-2.0
"""The generated reference is what the code says, and links in the documentation lead somewhere."""

from __future__ import annotations

import pathlib
import re

import msgspec
import pytest

from scripts import docs

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def test_the_reference_is_up_to_date() -> None:
    assert sorted(docs.outdated()) == []


@pytest.mark.parametrize("name", [name for name in docs.PAGES if name.endswith(".json")])
def test_schemas_are_json_and_describe_their_fields(name: str) -> None:
    schema = msgspec.json.decode(docs.PAGES[name]())
    assert schema["$defs"]
    assert all("title" in definition for definition in schema["$defs"].values())


def test_a_pipe_does_not_break_a_table() -> None:
    assert docs.table(("a",), [("x|y",)]) == "| a |\n| --- |\n| x\\|y |"


def test_links_lead_to_files(root: pathlib.Path, files: tuple[pathlib.Path, ...]) -> None:
    broken = [
        f"{name}: {target}"
        for name in files
        if name.suffix == ".md"
        for target in LINK.findall((root / name).read_text(encoding="utf-8"))
        if "://" not in target and not (root / name.parent / target).exists()
    ]
    assert broken == []
