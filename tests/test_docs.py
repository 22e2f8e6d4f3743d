# SPDX-License-Identifier: Apache-2.0
"""The generated reference is what the code says, and links in the documentation lead somewhere."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import msgspec
import pytest

from bascule.cli.verbs import VERBS
from scripts import docs

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def test_the_reference_is_up_to_date(root: pathlib.Path) -> None:
    """In a process of its own: commands that other tests have run keep some of their help."""
    check = [sys.executable, "-m", "scripts.docs", "--check"]
    run = subprocess.run(check, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


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


def words_after(word: str, root: pathlib.Path, files: tuple[pathlib.Path, ...]) -> set[str]:
    """The words that stand behind a command's name in the documentation's code, be it a line or in backquotes."""
    texts = [(root / name).read_text(encoding="utf-8") for name in files if name.suffix == ".md"]
    return {found for text in texts for found in re.findall(rf"(?:^    |`){word} ([a-z][a-z-]+)", text, re.MULTILINE)}


def test_the_documentation_names_only_rules_that_exist(root: pathlib.Path, files: tuple[pathlib.Path, ...]) -> None:
    rules = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = words_after("make", root, files)
    assert {"demo", "test", "check", "setup"} <= named <= rules


def test_the_documentation_names_only_verbs_that_exist(root: pathlib.Path, files: tuple[pathlib.Path, ...]) -> None:
    named = words_after("bascule", root, files)
    assert {"check", "run", "status", "ipvsadm"} <= named <= set(VERBS)


def test_every_page_is_listed_in_the_index(root: pathlib.Path) -> None:
    folder = root / "docs"
    linked = {
        (folder / target).resolve() for target in LINK.findall((folder / "README.md").read_text(encoding="utf-8"))
    }
    pages = {path.resolve() for path in folder.rglob("*") if path.is_file()} - {(folder / "README.md").resolve()}
    assert sorted(str(path.relative_to(folder)) for path in pages - linked) == []
