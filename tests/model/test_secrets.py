# SPDX-License-Identifier: Apache-2.0
"""How keys are written."""

from __future__ import annotations

import pytest

from bascule.model.secrets import secret_of


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (b"x" * 32, b"x" * 32),
        (b"x" * 64, b"x" * 64),
        (b"x" * 31, None),
        (b"x" * 65, None),
        (b"hex:" + b"0a" * 32, b"\n" * 32),
        (b"hex:" + b"0a" * 31, None),
        (b"hex:" + b"0g" * 32, None),
        (b"hex:" + b"\xff" * 64, None),
        (b"", None),
        # What keepalived 2.4.3 made of key files, seen by what its adverts verify with.
        (b"  " + b"x" * 32 + b"  ", b"  " + b"x" * 32 + b"  "),
        (b"x" * 16 + b"\n" + b"y" * 16, b"x" * 16 + b"\n" + b"y" * 16),
        (b"hex: " + b"0A " * 32, b"\n" * 32),
        (b"hex:" + b"0a" * 16 + b"\n" + b"0a" * 16, None),
        (b" hex:" + b"0a" * 32, None),
        (b"HEX:" + b"0a" * 32, None),
        (b"x" * 16 + b"\0" + b"x" * 16, None),
    ],
)
def test_a_key_is_itself_or_hexadecimal(text: bytes, secret: bytes | None) -> None:
    assert secret_of(text) == secret
