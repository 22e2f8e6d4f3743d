# SPDX-License-Identifier: Apache-2.0
"""`auth_hmac` into the model: keys by number, in the file or in files of their own, which only the director reads."""

from __future__ import annotations

from typing import Any

from bascule.config.diagnostics import Findings
from bascule.config.reader import Section
from bascule.model.base import Seconds
from bascule.model.configuration import AuthHmac, HmacKey, HmacMode
from bascule.model.secrets import KEY_MAX, KEY_MIN, secret_of

_NUMBER_MAX = 255
_LEAST_WINDOW = Seconds(5.0)
_WINDOW_ADVERTS = 3


def auth_hmac(section: Section, interval: Seconds, findings: Findings) -> tuple[AuthHmac | None, str | None]:
    """The block of an instance, if there is one that can be used; else what is wrong with it."""
    blocks = section.each("auth_hmac")
    if not blocks:
        return None, None
    block = blocks[-1]
    keys = _keys(block, findings)
    numbers = [key.number for key in keys]
    active: int | None = block.get("active_key", numbers[0] if len(numbers) == 1 else None)
    mode: HmacMode = block.get("mode", HmacMode.ENFORCE)
    if active not in numbers and (mode is not HmacMode.RECEIVE_ONLY or not numbers):
        return None, "its auth_hmac has no key" if not numbers else f"its auth_hmac has no active_key among {numbers}"
    window = block.get("time_window", max(_WINDOW_ADVERTS * interval, _LEAST_WINDOW))
    monotonic = block.get("anti_replay", "time") == "monotonic"
    settings = AuthHmac(
        keys=keys, active_key=active or 0, window=Seconds(float(window)), monotonic=monotonic, mode=mode
    )
    return settings, None


def _keys(block: Section, findings: Findings) -> tuple[HmacKey, ...]:
    found: dict[int, HmacKey] = {}
    assert block.statement is not None
    for line in block.statement.children or ():
        if line.words[0] != "key":
            continue
        words: tuple[Any, ...] = tuple(line.words[1:])
        number = int(words[0]) if words and words[0].isascii() and words[0].isdigit() else 0
        if not 1 <= number <= _NUMBER_MAX:
            findings.add("out-of-range", line, 1 if words else 0, f"a key's number is 1 to {_NUMBER_MAX}")
        elif len(words) < 2:
            findings.add("missing-argument", line, 0, f"key {number} has no value")
        elif words[1].startswith("file:"):
            found[number] = HmacKey(number=number, file=words[1][5:])
        else:
            secret = secret_of(line.source.bytes_of(words[1], line.line))
            if secret is None:
                sizes = f"{KEY_MIN} to {KEY_MAX} bytes, as they are or as hex: and digits"
                findings.add("bad-word", line, 2, f"key {number} is none: {sizes}")
            else:
                found[number] = HmacKey(number=number, secret=secret)
    return tuple(found.values())
