# SPDX-License-Identifier: Apache-2.0
"""Twin of `scripts/setup`: on a machine that is set up it is quick, silent and changes nothing."""

from __future__ import annotations

import pathlib
import re
import subprocess
import time

import pytest

QUICK = 15.0
"""Seconds; about one on an idle machine."""


@pytest.mark.root
@pytest.mark.lab  # by itself: it would install anew under the feet of other tests, were anything out of date
def test_a_second_run_is_quick_and_silent(root: pathlib.Path) -> None:
    policy = pathlib.Path("/usr/sbin/policy-rc.d")
    before = policy.read_bytes() if policy.exists() else None
    started = time.monotonic()
    run = subprocess.run([root / "scripts" / "setup"], capture_output=True, text=True, timeout=120, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert time.monotonic() - started < QUICK
    assert (policy.read_bytes() if policy.exists() else None) == before
    assert (root / ".venv" / "bin" / "bascule").is_file()


def test_the_lock_file_has_every_dependency_by_hash(root: pathlib.Path) -> None:
    locked = (root / "requirements.lock").read_text(encoding="utf-8")
    wanted = re.findall(
        r'^    "([a-z0-9-]+)[>=\[]', (root / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(wanted) > 10
    assert [name for name in wanted if f"\n{name}==" not in f"\n{locked}"] == []
    entries = re.split(r"\n(?=[a-z])", locked)
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_every_package_says_what_for(root: pathlib.Path) -> None:
    lines = (root / "scripts" / "packages").read_text(encoding="utf-8").splitlines()
    packages = [line.split(maxsplit=1) for line in lines if not line.startswith("#")]
    assert all(len(words) == 2 for words in packages)
    assert len({words[0] for words in packages}) == len(packages)
