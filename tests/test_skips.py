# SPDX-License-Identifier: Apache-2.0
"""No test skips itself, sleeps, or is expected to fail, unless `skips.toml` lists it with its reason."""

from __future__ import annotations

import ast
import pathlib
import tomllib
from collections.abc import Iterator

import pytest

SKIPS = {"skip", "skipif", "skipIf", "skipUnless", "SkipTest", "xfail", "importorskip"}


def skippers(source: str) -> Iterator[str]:
    """The functions (or `module`) in a test file's source in which something skips or expects a failure."""
    tree = ast.parse(source)
    owners = {
        id(inner): outer.name
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None
        if name in SKIPS:
            yield owners.get(id(node), "module")


def sleeps(source: str) -> list[int]:
    """The lines on which a test file sleeps by the clock."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep"
        if ast.unparse(node.func) in {"time.sleep", "asyncio.sleep"} and ast.unparse(node.args[0]) != "0"
    ]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pytest\ndef test_a():\n    pytest.skip('no')", ["test_a"]),
        ("import pytest\n@pytest.mark.xfail\ndef test_a(): ...", ["test_a"]),
        ("from pytest import importorskip\nx = importorskip('y')", ["module"]),
        ("def test_a(): ...", []),
    ],
)
def test_a_skip_is_seen(source: str, found: list[str]) -> None:
    assert list(skippers(source)) == found


def test_a_sleep_is_seen() -> None:
    assert sleeps("import time\ntime.sleep(1)\nclock.sleep(2)") == [2]


def test_no_test_skips_unlisted(root: pathlib.Path) -> None:
    listed = tomllib.loads((root / "tests" / "skips.toml").read_text("utf-8")).get("skips", {})
    own = pathlib.Path(__file__)
    found = {
        f"{path.relative_to(root)}::{name}"
        for path in (root / "tests").rglob("*.py")
        if path not in {own, own.with_name("conftest.py")}
        for name in skippers(path.read_text("utf-8"))
    }
    assert sorted(found - set(listed)) == []
    assert all(isinstance(reason, str) and len(reason) > 20 for reason in listed.values())


def test_no_test_sleeps(root: pathlib.Path) -> None:
    found = [
        f"{path.relative_to(root)}:{line}"
        for path in (root / "tests").rglob("*.py")
        for line in sleeps(path.read_text("utf-8"))
    ]
    assert found == []
