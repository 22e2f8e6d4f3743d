# SPDX-License-Identifier: Apache-2.0
"""Our own block: its values, and that keepalived would read nothing of it as its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config import tree
from bascule.config.diagnostics import Findings
from bascule.config.keywords.bascule import BASCULE, honours_legacy
from bascule.config.keywords.top import TOP
from bascule.config.reader import Section
from bascule.config.source import Source

Read = Callable[[str], tuple[Section, Findings]]


def test_no_keyword_is_one_of_keepalived_s_top_level_words_and_no_block_is_inside() -> None:
    for name, keyword in BASCULE.table.items():
        assert name not in TOP.table
        assert not keyword.braced


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("data_plane nfqueue", "bad-word"),
        ("data_plane XDP", "wrong-case"),
        ("xdp_mode fast", "bad-word"),
        ("xdp_interface " + "x" * 16, "bad-word"),
        ("connection_table_size 5", "out-of-range"),
        ("vip_lifetime -1", "bad-number"),
        ("api 127.0.0.1:9650", "not-acted-on"),
        ("witness gateway", "bad-address"),
        ("witness 192.0.2.1 127.0.0.1", "bad-address"),
        ("witness 0.0.0.0", "bad-address"),
        ("witness 224.0.0.18", "bad-address"),
        ("witness fe80::1", "bad-address"),
        ("witness", "missing-argument"),
        ("witness_answers most", "bad-word"),
        ("witness_timeout 0.01", "out-of-range"),
    ],
)
def test_what_is_said_of_its_lines(read_text: Read, line: str, code: str) -> None:
    _, findings = read_text(f"bascule {{\n{line}\n}}")
    assert [found.code for found in findings.sorted()] == [code]


@pytest.mark.parametrize(
    ("text", "honoured"),
    [
        ("", True),
        ("bascule {\nxdp_mode auto\n}", True),
        ("bascule {\nlegacy skip\n}", False),
        ("bascule {\nlegacy skip\n}\nbascule {\nlegacy honour\n}", True),
        ("bascule {\nlegacy\n}", True),
        ("global_defs {\nlegacy skip\n}", True),
        ("bascule", True),
    ],
)
def test_whether_legacy_spellings_are_honoured(text: str, honoured: bool) -> None:
    assert honours_legacy(tree.build(Source("k.conf", text), TOP.shape, Findings())) is honoured
