# SPDX-License-Identifier: Apache-2.0
"""Letters survive the process that was to send them."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bascule.notify import spool as spool_module
from bascule.notify.letters import Letter
from bascule.notify.spool import FOLDER, Spool

SOURCES = str(pathlib.Path(spool_module.__file__).parents[2])


@pytest.fixture
def spool(tmp_path: pathlib.Path) -> Iterator[Spool]:
    made = Spool(tmp_path)
    yield made
    made.close()


def letter(text: str) -> Letter:
    return Letter(subject=text, body=f"body of {text} é", at=12.5)


def test_what_was_put_is_found_in_its_order(spool: Spool, tmp_path: pathlib.Path) -> None:
    letters = [letter(f"{number}") for number in range(12)]
    for each in letters:
        spool.put(each)
    spool.drop(letters[3])
    spool.drop(letters[3])
    spool.drop(letter("4"))  # An equal one, but not the one that was put.
    successor = Spool(tmp_path)
    found = successor.load()
    assert found == (*letters[:3], *letters[4:])
    successor.put(letter("new"))
    for each in found:
        successor.drop(each)
    successor.close()
    last = Spool(tmp_path)
    assert last.load() == (letter("new"),)
    last.close()


def test_what_is_no_letter_is_thrown_away(spool: Spool, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / FOLDER
    spool.put(letter("whole"))
    (folder / "000000000002").write_text('{"subject": "torn')
    (folder / "000000000003.new").write_text("{}")
    (folder / "strange").write_text('{"subject":"s","body":"b","at":1.0}')
    (folder / "000000000004").symlink_to("/etc/passwd")
    successor = Spool(tmp_path)
    assert successor.load() == (letter("whole"),)
    successor.close()
    assert [entry.name for entry in folder.iterdir()] == ["000000000001"]


def test_a_folder_that_is_gone_disturbs_nobody(spool: Spool, tmp_path: pathlib.Path) -> None:
    first = letter("first")
    spool.put(first)
    (tmp_path / FOLDER / "000000000001").unlink()
    (tmp_path / FOLDER).rmdir()
    spool.put(letter("second"))
    spool.drop(first)


@pytest.mark.root
def test_a_role_without_root_uses_a_folder_that_it_could_not_reach(tmp_path: pathlib.Path) -> None:
    code = f"""
import pathlib, sys
sys.path.insert(0, {SOURCES!r})
from bascule.linux import privileges
from bascule.notify.letters import Letter
from bascule.notify.spool import Spool
spool = Spool(pathlib.Path({str(tmp_path)!r}) / "closed")
privileges.drop()
kept, gone = Letter(subject="kept", body="", at=1.0), Letter(subject="gone", body="", at=1.0)
spool.put(kept), spool.put(gone), spool.drop(gone)
"""
    (tmp_path / "closed").mkdir()
    os.chmod(tmp_path / "closed", 0o700)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    successor = Spool(tmp_path / "closed")
    assert [each.subject for each in successor.load()] == ["kept"]
    successor.close()
