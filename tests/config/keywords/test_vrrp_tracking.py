# SPDX-License-Identifier: Apache-2.0
"""What instances share or follow: which lines keepalived 2.2.7 takes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.diagnostics import Findings
from bascule.config.keywords.vrrp_tracking import VRRP_SCRIPT
from bascule.config.reader import Section

Read = Callable[[str], tuple[Section, Findings]]


def test_scripts_have_their_keywords() -> None:
    assert {"script", "interval", "timeout", "weight", "rise", "fall", "user", "init_fail"} <= set(VRRP_SCRIPT.table)


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        (
            'vrrp_script a {\nscript "/bin/x y"\ninterval 2\nweight -10\nrise 2\nfall 3\nuser nobody\ninit_fail\n}',
            [],
        ),
        ("vrrp_script a {\nweight 254\n}", ["out-of-range", "incomplete"]),
        ("vrrp_script {\n}", ["missing-name"]),
        ("vrrp_sync_group G {\ngroup {\nA\n}\n}", []),
        ("vrrp_sync_group G {\nglobal_tracking\n}", ["deprecated"]),
        ("vrrp_track_process p {\nprocess x\nquorum 0\n}", ["out-of-range"]),
        ("vrrp_track_file f {\nfile /x\n}", []),
        ("bfd_instance b {\nneighbor_ip 10.0.0.1\nmultiplier 256\n}", ["out-of-range"]),
        ("vrrp_script a {\nscript x\ninterval 0\n}", ["out-of-range"]),
        ("vrrp_script a {\nscript x\nweight 5 x\n}", ["bad-word"]),
        ("track_file f {\nfile /x\ninit_file x\n}", ["bad-word"]),
        ("bfd_instance b {\nmultiplier 5\n}", ["incomplete"]),
        ("garp_group {\ninterfaces {\neth0\n}\n}", []),
        ("track_file f {\n}", ["incomplete"]),
    ],
)
def test_lines(read_text: Read, line: str, codes: list[str]) -> None:
    _, findings = read_text(line)
    assert [found.code for found in findings.sorted()] == codes
