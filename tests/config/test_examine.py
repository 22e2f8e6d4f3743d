# SPDX-License-Identifier: Apache-2.0
"""Several directors' files: each by itself, each finding once, then beside each other."""

from __future__ import annotations

import pathlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bascule.config.examine import examine

INSTANCE = "vrrp_instance A {\n interface eth0\n virtual_router_id 51\n priority %d\n}\n"


class Bare:
    """A machine without anything."""

    def names(self) -> dict[str, dict[str, int]]:
        """What it calls routing tables and the like."""
        return {"rt_tables": {"blue": 7}}

    def interfaces(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def missing(self, script: str) -> str | None:
        """All are."""
        return f"no {script}"

    def insecure(self, script: str) -> str | None:
        """Never asked, since all are missing."""
        raise AssertionError(script)


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Where the files are."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(*directors: tuple[str, ...], surroundings: Bare | None = None) -> list[tuple[str, int | None, str]]:
    """File, line and code of what is found."""
    files = [[pathlib.Path(name) for name in director] for director in directors]
    return [(found.file, found.line, found.code) for found in examine(files, "lb1", surroundings)]


def test_one_director_is_compared_with_nobody(folder: pathlib.Path) -> None:
    (folder / "a.conf").write_text(INSTANCE % 100)
    assert said(("a.conf",)) == []


def test_two_directors(folder: pathlib.Path) -> None:
    for name in "ab":
        (folder / f"{name}.conf").write_text(INSTANCE % 100 + "foo\n")
    assert said(("a.conf",), ("b.conf",)) == [
        ("a.conf", 6, "unknown-keyword"),
        ("b.conf", 6, "unknown-keyword"),
        ("b.conf", 4, "meaning/peer-priority"),
    ]


def test_two_files_of_one_director_are_read_as_one(folder: pathlib.Path) -> None:
    (folder / "a.conf").write_text(INSTANCE % 100)
    (folder / "b.conf").write_text("vrrp_sync_group G {\n group {\n  A\n  B\n }\n}\n")
    assert ("b.conf", 4, "meaning/sync-group") in said(("a.conf", "b.conf"))


def test_what_stands_in_a_file_that_both_include_is_said_once(folder: pathlib.Path) -> None:
    (folder / "both.conf").write_text("foo\n")
    for name, priority in (("a", 1), ("b", 2)):
        (folder / f"{name}.conf").write_text(INSTANCE % priority + "include both.conf\n")
    assert said(("a.conf",), ("b.conf",)) == [("both.conf", 1, "unknown-keyword")]


def test_a_file_that_is_not_there_does_not_hide_the_other(folder: pathlib.Path) -> None:
    (folder / "a.conf").write_text("foo\n")
    found = said(("gone.conf",), ("a.conf",))
    assert found == [("gone.conf", None, "unreadable-file"), ("a.conf", 1, "unknown-keyword")]


@given(st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_mutilated_files_beside_each_other(root: pathlib.Path, tmp_path: pathlib.Path, data: st.DataObject) -> None:
    """Whatever two directors' files have become, there is an answer, and each finding is of one of the files."""
    files = []
    for name in ("keepalived.conf", "keepalived.backup.conf"):
        lines = (root / "examples" / name).read_text().splitlines()
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, len(lines) - 1))
            lines[at : at + 1] = data.draw(st.sampled_from(([], ["}"], ["{"], lines[at : at + 1] * 2, ["x y"])))
        files.append(tmp_path / name)
        files[-1].write_text("\n".join(lines))
    found = examine([[file] for file in files], "lb1", Bare())
    assert {each.file for each in found} <= {str(file) for file in files}
    assert len(set(found)) == len(found)


def test_the_machine_is_looked_at_for_each(folder: pathlib.Path) -> None:
    for name, priority in (("a", 1), ("b", 2)):
        (folder / f"{name}.conf").write_text(INSTANCE % priority)
    found = said(("a.conf",), ("b.conf",), surroundings=Bare())
    assert found == [("a.conf", 2, "meaning/no-interface"), ("b.conf", 2, "meaning/no-interface")]


def test_names_of_tables_are_a_machine_s_only_where_one_is_looked_at(folder: pathlib.Path) -> None:
    (folder / "a.conf").write_text("static_routes {\n 10.0.0.0/8 dev lo table blue\n 10.0.0.0/9 dev lo table red\n}\n")
    offline = [(2, "meaning/unlisted-name"), (3, "meaning/unlisted-name")]
    assert [each for each in said(("a.conf",)) if each[2] != "not-acted-on"] == [("a.conf", *each) for each in offline]
    here = [each for each in said(("a.conf",), surroundings=Bare()) if each[2] != "not-acted-on"]
    assert ("a.conf", 3, "bad-word") in here
    assert not [each for each in here if each[1] == 2 and each[2] == "bad-word"]
