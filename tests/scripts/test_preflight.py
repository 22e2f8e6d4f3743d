# SPDX-License-Identifier: Apache-2.0
"""Twin of `scripts/preflight`: it says in one line what is missing, and only that."""

from __future__ import annotations

import pathlib
import subprocess

import pytest

pytestmark = pytest.mark.root

NOBODY = 65534


def preflight(root: pathlib.Path, *before: str, user: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run it behind a command that takes something away, or as another user, who may be unable to read the file."""
    with (root / "scripts" / "preflight").open(encoding="utf-8") as script:
        return subprocess.run(
            [*before, "bash", "-s"],
            stdin=script, user=user, group=user, cwd="/", capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip


def test_a_machine_with_everything_passes_in_silence(root: pathlib.Path) -> None:
    run = preflight(root)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("before", "user", "line"),
    [
        ((), NOBODY, "needs root"),
        (("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"), None, "network namespaces"),
        (("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/kernel/btf; exec "$@"', "-"), None, "no BTF"),
    ],
)
def test_what_is_missing_is_named_in_one_line(
    root: pathlib.Path, before: tuple[str, ...], user: int | None, line: str
) -> None:
    run = preflight(root, *before, user=user)
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith("bascule: ")
    assert line in run.stderr
    assert run.stderr.count("\n") == 1
