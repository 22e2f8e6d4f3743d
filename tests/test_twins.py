# SPDX-License-Identifier: Apache-2.0
"""Every module has its test twin, and stays of a size that one reads in a sitting."""

from __future__ import annotations

import pathlib
import re

LINES_MAX = 600

UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")


def twin(module: pathlib.Path) -> pathlib.Path:
    """Where the test twin of a module stands; both relative, the module to the package, the twin to the tests."""
    return module.parent / f"test_{module.stem.strip('_')}.py"


def test_where_a_twin_stands() -> None:
    assert twin(pathlib.Path("vrrp/machine.py")) == pathlib.Path("vrrp/test_machine.py")
    assert twin(pathlib.Path("daemon/roles/__main__.py")) == pathlib.Path("daemon/roles/test_main.py")


def test_every_module_has_its_twin(root: pathlib.Path) -> None:
    package = root / "src" / "bascule"
    modules = [path.relative_to(package) for path in package.rglob("*.py") if path.name != "__init__.py"]
    assert modules
    assert sorted(str(module) for module in modules if not (root / "tests" / twin(module)).is_file()) == []


def test_no_module_is_longer_than_a_sitting(root: pathlib.Path, files: tuple[pathlib.Path, ...]) -> None:
    lengths = {
        str(name): len((root / name).read_bytes().splitlines()) for name in files if name.suffix in {".py", ".c", ".h"}
    }
    assert {name: lines for name, lines in lengths.items() if lines > LINES_MAX} == {}


def test_nothing_is_left_unfinished(root: pathlib.Path, files: tuple[pathlib.Path, ...]) -> None:
    found = [
        f"{name}:{number}: {line.strip()}"
        for name in files
        if name.suffix in {".py", ".c", ".h", ".md"} or name.parts[0] == "scripts"
        for number, line in enumerate((root / name).read_text(encoding="utf-8").splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert found == []
