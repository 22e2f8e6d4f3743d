# SPDX-License-Identifier: Apache-2.0
"""`auth_hmac`: keepalived 2.4's defaults as published, keys that are none, and blocks that cannot be used."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bascule.config.assemble.hmac import auth_hmac
from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.model.base import Seconds
from bascule.model.configuration import AuthHmac, HmacKey, HmacMode

Read = Callable[[str], tuple[Section, Findings]]

SECRET = bytes(range(32))
KEY = f"key 1 hex:{SECRET.hex()}"
ACTIVE = f"{KEY}\nactive_key 1"


def read(read_text: Read, body: str, interval: float = 1.0) -> tuple[AuthHmac | None, str | None, list[str]]:
    top, _ = read_text(f"vrrp_instance A {{\nauth_hmac {{\n{body}\n}}\n}}\n")
    findings = Findings()
    found, why = auth_hmac(top.each("vrrp_instance")[0], Seconds(interval), findings)
    return found, why, [finding.code for finding in findings.sorted()]


def test_there_need_not_be_any(read_text: Read) -> None:
    top, _ = read_text("vrrp_instance A {\n}\n")
    assert auth_hmac(top.each("vrrp_instance")[0], Seconds(1.0), Findings()) == (None, None)


def test_defaults(read_text: Read) -> None:
    found, why, codes = read(read_text, ACTIVE)
    assert found == AuthHmac(keys=(HmacKey(number=1, secret=SECRET),), active_key=1, window=Seconds(5.0))
    assert (why, codes) == (None, [])
    slow, _, _ = read(read_text, ACTIVE, 10.0)
    assert slow is not None
    assert slow.window == 30.0


def test_everything_that_can_be_said(read_text: Read) -> None:
    body = f"{KEY}\nkey 2 file:/etc/keys/two\nkey 3 {'x' * 64}\nactive_key 2\nanti_replay monotonic\ntime_window 60\n"
    found, why, codes = read(read_text, body + "mode permissive")
    assert found is not None
    assert found.keys[1:] == (HmacKey(number=2, file="/etc/keys/two"), HmacKey(number=3, secret=b"x" * 64))
    assert (found.active_key, found.monotonic, found.window) == (2, True, 60.0)
    assert found.mode is HmacMode.PERMISSIVE
    assert (why, codes) == (None, [])


def test_blocks_count_as_one(read_text: Read) -> None:
    body = f"{KEY}\nkey 2 {'x' * 32}\nmode permissive\n}}\nauth_hmac {{\nactive_key 2\nmode enforce\nkey 3 file:x"
    found, why, codes = read(read_text, body)
    assert found is not None
    assert [key.number for key in found.keys] == [1, 2, 3]
    assert (found.active_key, found.mode, why, codes) == (2, HmacMode.ENFORCE, None, [])


def test_the_first_key_of_a_number_counts(read_text: Read) -> None:
    found, _, codes = read(read_text, f"{ACTIVE}\nkey 1 {'x' * 32}")
    assert found is not None
    assert (found.keys, codes) == ((HmacKey(number=1, secret=SECRET),), ["duplicate"])


@pytest.mark.parametrize(
    ("body", "active"),
    [(KEY, 1), (f"{KEY}\nkey 2 file:x\nmode receive-only", 0), (f"{KEY}\nactive_key 9\nmode receive-only", 0)],
)
def test_a_key_to_sign_with_that_is_not_said_and_not_in_doubt(read_text: Read, body: str, active: int) -> None:
    """keepalived 2.4.3 switches auth_hmac off instead, which is said."""
    found, why, codes = read(read_text, body)
    assert found is not None
    assert (found.active_key, why, codes) == (active, None, ["meaning/active-key"])


@pytest.mark.parametrize(
    ("body", "why", "codes"),
    [
        ("mode enforce", "has no key", []),
        ("mode receive-only", "has no key", []),
        (f"{KEY}\nkey 2 file:x", "has no active_key among [1, 2]", []),
        (f"{KEY}\nactive_key 3", "has no active_key among [1]", []),
        ("key 0 file:x", "has no key", ["out-of-range"]),
        ("key 256 file:x", "has no key", ["out-of-range"]),
        ("key one file:x", "has no key", ["bad-number"]),
        ("key 0x1 file:x", "has no key", ["bad-number"]),
        ("key 1 file:", "has no key", ["bad-word"]),
        ("key 1", "has no key", ["missing-argument"]),
        ("key 1 short", "has no key", ["bad-word"]),
        ("key 1 hex:0011", "has no key", ["bad-word"]),
    ],
)
def test_a_block_that_cannot_be_used_says_why(read_text: Read, body: str, why: str, codes: list[str]) -> None:
    found, because, said = read(read_text, body)
    assert found is None
    assert because is not None
    assert because.endswith(why)
    assert said == codes
