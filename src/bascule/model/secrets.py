# SPDX-License-Identifier: Apache-2.0
"""How a key is written, in a configuration or in a file of its own: `hex:` and digits, or as it is."""

from __future__ import annotations

KEY_MIN, KEY_MAX = 32, 64
"""Bytes of a key of `auth_hmac`."""


def secret_of(text: bytes) -> bytes | None:
    """The key that a word or a file's content says. None = it has a wrong size, or is no hex although it says so."""
    secret = text
    if text.startswith(b"hex:"):
        try:
            secret = bytes.fromhex(text[4:].decode("ascii"))
        except ValueError:
            return None
    return secret if KEY_MIN <= len(secret) <= KEY_MAX else None
