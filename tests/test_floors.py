# SPDX-License-Identifier: Apache-2.0
"""Rooms stand on floors: imports go to the own room or below, and the pure rooms import no clock, socket or loop."""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

FLOORS: tuple[tuple[str, ...], ...] = (
    ("", "model", "errors"),
    ("config", "vrrp", "bfd", "health"),
    ("linux", "dataplane", "probes", "notify", "routing"),
    ("daemon", "web"),
    ("lab", "doctor", "realserver"),
    ("cli",),
)
"""Rooms from the ground up; "" is the package itself (its version)."""

FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

SHARED = {"", "model", "errors", "linux"}
"""Rooms that others on their own floor may import."""

PURE = FLOORS[1]

IMPURE_MODULES = frozenset(
    ("asyncio", "socket", "time", "random", "logging", "secrets", "select", "selectors", "structlog", "subprocess",
     "threading", "multiprocessing", "signal")
)  # fmt: skip

LIGHT = {
    "bascule.daemon.roles.vrrp": ("asyncio", "pyroute2", "rich", "numpy", "logging.config"),
    "bascule.daemon.roles.__main__": ("asyncio", "pyroute2", "rich", "numpy"),
}
"""Modules whose start must stay light, and what importing them must not bring in."""


def modules(root: pathlib.Path) -> list[tuple[str, pathlib.Path]]:
    """Every module of the package: its dotted name below `bascule`, and its file."""
    package = root / "src" / "bascule"
    found = []
    for path in sorted(package.rglob("*.py")):
        parts = list(path.relative_to(package).with_suffix("").parts)
        found.append((".".join(parts[:-1] if parts[-1] == "__init__" else parts), path))
    return found


def imported(source: str, package: str) -> Iterator[str]:
    """Absolute names of everything that a module imports, wherever in it; `package` resolves relative imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join((*parents, base)).rstrip(".")
            yield base
            if base == "bascule":
                yield from (f"bascule.{alias.name}" for alias in node.names)


def room_of(name: str) -> str:
    """The room of a dotted name below `bascule`."""
    room = name.partition(".")[0]
    return room if room in FLOOR_OF else ""


def trespasses(name: str, source: str) -> list[str]:
    """What a module imports against the rules, in words."""
    own = room_of(name)
    found = []
    for target in imported(source, f"bascule.{name}"):
        if target.startswith("bascule."):
            other = room_of(target.removeprefix("bascule."))
            if other == own:
                continue
            if FLOOR_OF[other] > FLOOR_OF[own]:
                found.append(f"{name}: imports {target}, a floor above")
            elif FLOOR_OF[other] == FLOOR_OF[own] and other not in SHARED:
                found.append(f"{name}: imports {target}, another room of its floor")
        elif own in PURE and target.partition(".")[0] in IMPURE_MODULES:
            found.append(f"{name}: is pure and imports {target}")
    return found


def test_every_room_stands_on_a_floor(root: pathlib.Path) -> None:
    rooms = {name.partition(".")[0] for name, _ in modules(root)}
    assert rooms <= set(FLOOR_OF)


def test_imports_go_to_the_own_room_or_below(root: pathlib.Path) -> None:
    assert [line for name, path in modules(root) for line in trespasses(name, path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("vrrp.machine", "import time"),
        ("vrrp.machine", "def f():\n    from random import random"),
        ("health.pool", "from bascule.vrrp import machine"),
        ("health.pool", "from bascule import daemon"),
        ("config.loader", "from bascule.linux.links import interfaces"),
        ("probes.tcp", "from bascule.notify import mail"),
        ("model.base", "import bascule.config.loader"),
    ],
)
def test_a_trespass_is_seen(name: str, source: str) -> None:
    assert len(trespasses(name, source)) == 1


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("probes.tcp", "import asyncio\nfrom bascule.linux import netlink"),
        ("health.pool", "from bascule.health import judge\nfrom bascule.model.base import Seconds"),
        ("cli.run", "from bascule import __version__\nfrom bascule.daemon import supervisor"),
    ],
)
def test_what_is_allowed_is_not_called_a_trespass(name: str, source: str) -> None:
    assert trespasses(name, source) == []


@pytest.mark.parametrize("name", sorted(LIGHT))
def test_the_start_of_a_light_module_stays_light(name: str) -> None:
    code = f"import sys, {name}; print(*sorted(set(sys.modules) & set({LIGHT[name]!r})))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (run.stdout.strip(), run.stderr) == ("", "")
