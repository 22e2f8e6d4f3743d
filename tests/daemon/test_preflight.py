# SPDX-License-Identifier: Apache-2.0
"""What is missing is named in one line."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from bascule.daemon import preflight
from bascule.errors import KernelRefusedError
from bascule.linux import privileges


def test_a_machine_that_has_all_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(privileges, "effective", lambda: (1 << 41) - 1)
    preflight.check()


@pytest.mark.parametrize(
    ("user", "held", "release", "says"),
    [
        (1000, 0, "6.1.0", "cannot run: root is needed, this is user 1000"),
        (0, 1 << 13, "6.1.0", "cannot run: root without CAP_NET_ADMIN"),
        (0, 0, "6.1.0", "cannot run: root without CAP_NET_ADMIN and CAP_NET_RAW"),
        (
            1000,
            0,
            "4.19.0-27",
            "cannot run: kernel 5.10 or later is needed, this is 4.19.0-27; root is needed, this is user 1000",
        ),
        (0, (1 << 41) - 1, "strange", "cannot run: kernel 5.10 or later is needed, this is strange"),
    ],
)
def test_one_line_names_all_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, user: int, held: int, release: str, says: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(release=release))
    monkeypatch.setattr(privileges, "effective", lambda: held)
    with pytest.raises(KernelRefusedError) as refused:
        preflight.check()
    assert str(refused.value) == says


def test_another_system_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "plan9")
    with pytest.raises(KernelRefusedError, match="needs Linux, this is plan9"):
        preflight.check()
