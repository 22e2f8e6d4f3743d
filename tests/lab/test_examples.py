# SPDX-License-Identifier: Apache-2.0
"""The demonstration runs the example files themselves, or copies that differ in their timers alone."""

from __future__ import annotations

import pathlib

import pytest

from bascule.errors import UsageError
from bascule.lab import examples


def test_verbatim_files_are_the_examples_themselves(tmp_path: pathlib.Path, root: pathlib.Path) -> None:
    found = examples.files(tmp_path, fast=False)
    assert found == {
        "d1": root / "examples" / "keepalived.conf",
        "d2": root / "examples" / "keepalived.backup.conf",
    }
    assert list(tmp_path.iterdir()) == []


def test_fast_copies_differ_in_the_timers_alone(tmp_path: pathlib.Path) -> None:
    verbatim, fast = examples.files(tmp_path, fast=False), examples.files(tmp_path, fast=True)
    for director in examples.FILES:
        before = verbatim[director].read_text().splitlines()
        after = fast[director].read_text().splitlines()
        changed = {(a.split()[0], b.split()[0]) for a, b in zip(before, after, strict=True) if a != b}
        # The files' connect_timeout and the others are all longer than the fast ones.
        assert changed == {(keyword, keyword) for keyword in examples.SHORT_TIMERS}
        assert "advert_int 1" in fast[director].read_text()


def test_a_file_without_a_timer_is_no_example() -> None:
    with pytest.raises(UsageError, match="advert_int"):
        examples.with_short_timers("vrrp_instance VI_1 {\n}\n")
