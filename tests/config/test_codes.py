# SPDX-License-Identifier: Apache-2.0
"""The codes are words that stay, each with what it means; the code uses no other and every one of them."""

from __future__ import annotations

import pathlib
import re

import bascule.config
from bascule.config.codes import CODES


def test_codes_are_plain_words_with_a_sentence() -> None:
    for code, (_, meaning) in CODES.items():
        assert re.fullmatch(r"(meaning/)?[a-z]+(-[a-z]+)*", code), code
        assert meaning.endswith("."), code


def test_every_code_is_used_and_every_used_code_is_known() -> None:
    folder = pathlib.Path(bascule.config.__file__).parent
    text = "".join(path.read_text() for path in folder.rglob("*.py") if path.name != "codes.py")
    unused = [code for code in CODES if f'"{code}"' not in text]
    assert unused == []
    used = set(re.findall(r'(?:add|add_at|add_file|RefusedWordError|RefusedLineError)\(\s*"([a-z/-]+)"', text))
    assert used - set(CODES) == set()
    assert len(used) > 20
