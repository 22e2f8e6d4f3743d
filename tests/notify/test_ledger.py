# SPDX-License-Identifier: Apache-2.0
"""What scripts have heard survives the role that ran them."""

from __future__ import annotations

import pathlib

from bascule.notify.ledger import NAME, Ledger


def test_a_successor_knows_what_was_heard(tmp_path: pathlib.Path) -> None:
    first = Ledger(tmp_path / "state", known=False)
    assert first.get("VI_1") is None
    first.note("VI_1", "MASTER")
    first.note("VI_2", "BACKUP")
    first.note("VI_2", "BACKUP")
    first.forget("VI_2")
    first.forget("VI_2")
    second = Ledger(tmp_path / "state", known=True)
    assert (second.get("VI_1"), second.get("VI_2")) == ("MASTER", None)


def test_a_director_that_starts_afresh_knows_nothing(tmp_path: pathlib.Path) -> None:
    Ledger(tmp_path, known=False).note("VI_1", "MASTER")
    assert Ledger(tmp_path, known=False).get("VI_1") is None
    assert Ledger(tmp_path, known=True).get("VI_1") is None, "nor does what follows it"


def test_a_torn_file_is_no_file(tmp_path: pathlib.Path) -> None:
    for text in ("{", '{"VI_1": 5}', "[]"):
        (tmp_path / NAME).write_text(text)
        assert Ledger(tmp_path, known=True).get("VI_1") is None


def test_what_cannot_be_written_disturbs_nobody(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    ledger = Ledger(tmp_path / "file" / "state", known=False)
    ledger.note("VI_1", "MASTER")
    assert ledger.get("VI_1") == "MASTER"
