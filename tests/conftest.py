# SPDX-License-Identifier: Apache-2.0
"""What holds for every test: the project's files as fixtures, and no skip or expected failure that is not listed."""

from __future__ import annotations

import os
import pathlib
import subprocess
import tomllib
from collections.abc import Iterator

import hypothesis
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent

# No deadline for one example: a machine with other work is slow now and then, and pytest limits each test's time.
hypothesis.settings.register_profile("desk", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "desk")


@pytest.fixture(scope="session")
def root() -> pathlib.Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def files(root: pathlib.Path) -> tuple[pathlib.Path, ...]:
    """Every file of the project, tracked or about to be, relative to its folder."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    names = (pathlib.Path(name) for name in listed.stdout.split("\0") if name)
    return tuple(sorted(name for name in names if (root / name).is_file()))


def listed_skips() -> dict[str, str]:
    """`tests/skips.toml`: the tests that may be skipped or fail, by node id without parameters, and why."""
    found = tomllib.loads((ROOT / "tests" / "skips.toml").read_text(encoding="utf-8"))
    return {node: str(reason) for node, reason in found.get("skips", {}).items()}


def _outcomes(reporter: pytest.TerminalReporter) -> Iterator[str]:
    for kind in ("skipped", "xfailed", "xpassed"):
        for report in reporter.stats.get(kind, []):
            yield str(report.nodeid).partition("[")[0]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run with an unlisted skip is a failed run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not isinstance(reporter, pytest.TerminalReporter):
        return
    unlisted = sorted(set(_outcomes(reporter)) - set(listed_skips()))
    for node in unlisted:
        reporter.write_line(f"skipped, and not listed with its reason in tests/skips.toml: {node}", red=True)
    if unlisted and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
