# SPDX-License-Identifier: Apache-2.0
"""Lists of names as iproute2 has them: a later folder counts, what is no entry is passed over."""

from __future__ import annotations

import pathlib

from bascule.linux.iproute2 import FILES, listed_names


def test_names_of_all_folders(tmp_path: pathlib.Path) -> None:
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    for folder in (shipped, own):
        folder.mkdir()
    (shipped / "rt_tables").write_text("#\n255\tlocal\n254\tmain\n")
    (own / "rt_tables").write_text("77 blue # ours\n0x10 ten\nblue 5\n253 main\n")
    (own / "rt_tables.d").mkdir()
    (own / "rt_tables.d" / "more.conf").write_text("100 small\n")
    (own / "rt_tables.d" / "not.txt").write_text("101 large\n")
    (own / "group").mkdir()
    found = listed_names((shipped, own, tmp_path / "none"))
    assert found["rt_tables"] == {"local": 255, "main": 253, "blue": 77, "ten": 16, "small": 100}
    assert set(found) == set(FILES)
    assert found["group"] == {}


def test_this_machine_lists_the_common_tables() -> None:
    assert listed_names()["rt_tables"]["main"] == 254
