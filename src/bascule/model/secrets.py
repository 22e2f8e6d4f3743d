# SPDX-License-Identifier: Apache-2.0
"""How a key is written, in a configuration or in a file of its own: `hex:` and digits, or as it is."""

from __future__ import annotations

import re

KEY_MIN, KEY_MAX = 32, 64
"""Bytes of a key of `auth_hmac`."""

_DIGITS = re.compile(rb"(?:[ \t]*[0-9A-Fa-f]{2})*[ \t]*")
_NUL = 0


def secret_of(text: bytes) -> bytes | None:
    """The key that a word or a file's content says. None = it has a wrong size, or is no hex although it says so.

    A NUL byte is in none: keepalived reads no further.
    """
    secret = text
    if text.startswith(b"hex:"):
        if not _DIGITS.fullmatch(text, 4):
            return None
        secret = bytes.fromhex(text[4:].decode("ascii"))
    elif _NUL in text:
        return None
    return secret if KEY_MIN <= len(secret) <= KEY_MAX else None
