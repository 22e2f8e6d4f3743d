# SPDX-License-Identifier: Apache-2.0
"""`auth_hmac` into the model: keys by number, in the file or in files of their own, which only the director reads.

As keepalived 2.4.3 takes it, but for one thing: where that gives up on signing, and sends and hears what is not signed,
the instance is left out here, or runs signed where it is plain with what.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bascule.config.diagnostics import Findings
from bascule.config.kinds import Integer, RefusedWordError
from bascule.config.reader import Section
from bascule.config.tree import Statement
from bascule.model.base import Seconds
from bascule.model.configuration import AuthHmac, HmacKey, HmacMode
from bascule.model.secrets import KEY_MAX, KEY_MIN, secret_of

_NUMBER = Integer(1, 255)
_LEAST_WINDOW = Seconds(5.0)
_WINDOW_ADVERTS = 3


def auth_hmac(section: Section, interval: Seconds, findings: Findings) -> tuple[AuthHmac | None, str | None]:
    """The blocks of an instance, as one, if they can be used; else what is wrong with them."""
    blocks = section.each("auth_hmac")
    if not blocks:
        return None, None
    keys = _keys(blocks, findings)
    numbers = [key.number for key in keys]
    mode: HmacMode = _last(blocks, "mode", HmacMode.ENFORCE)
    said: int | None = _last(blocks, "active_key", None)
    active = said if said in numbers else _instead(numbers, said, mode)
    if active is None:
        return None, f"its auth_hmac has no active_key among {numbers}" if numbers else "its auth_hmac has no key"
    if active != said:
        _say_active_key(blocks[-1], numbers, findings)
    window = _last(blocks, "time_window", max(_WINDOW_ADVERTS * interval, _LEAST_WINDOW))
    monotonic = _last(blocks, "anti_replay", "time") == "monotonic"
    return AuthHmac(keys=keys, active_key=active, window=Seconds(float(window)), monotonic=monotonic, mode=mode), None


def _last(blocks: Sequence[Section], keyword: str, default: Any) -> Any:
    return next((block.get(keyword) for block in reversed(blocks) if keyword in block.values), default)


def _instead(numbers: list[int], said: int | None, mode: HmacMode) -> int | None:
    """What stands for an active_key that is no key; 0 = none is needed, None = nothing can."""
    if numbers and mode is HmacMode.RECEIVE_ONLY:
        return 0
    return numbers[0] if said is None and len(numbers) == 1 else None


def _say_active_key(block: Section, numbers: list[int], findings: Findings) -> None:
    assert block.statement is not None
    message = "no active_key among the keys: keepalived 2.4.3 switches auth_hmac off for that; here it stays on"
    findings.add("meaning/active-key", block.statement, 0, message, f"write 'active_key {numbers[0]}'")


def _keys(blocks: Sequence[Section], findings: Findings) -> tuple[HmacKey, ...]:
    found: dict[int, HmacKey] = {}
    for line in (line for block in blocks for line in _lines(block)):
        key = _key(line, findings) if line.words[0] == "key" and len(line.words) > 1 else None
        if key is None:
            continue
        if key.number in found:
            findings.add("duplicate", line, 1, f"key {key.number} is defined already: this one is skipped")
        found.setdefault(key.number, key)
    return tuple(found.values())


def _lines(block: Section) -> Sequence[Statement]:
    assert block.statement is not None
    return block.statement.children or ()


def _key(line: Statement, findings: Findings) -> HmacKey | None:
    words: tuple[Any, ...] = tuple(line.words[1:])
    try:
        number = _NUMBER.parse(words[0])
    except RefusedWordError as error:
        findings.add(error.code, line, 1, f"{error.message}: a key's number")
        return None
    if len(words) < 2:
        findings.add("missing-argument", line, 0, f"key {number} has no value")
    elif words[1] == "file:":
        findings.add("bad-word", line, 2, f"key {number} names no file")
    elif words[1].startswith("file:"):
        return HmacKey(number=number, file=words[1][5:])
    else:
        secret = secret_of(line.source.bytes_of(words[1], line.line))
        if secret is not None:
            return HmacKey(number=number, secret=secret)
        sizes = f"{KEY_MIN} to {KEY_MAX} bytes, as they are or as hex: and pairs of digits"
        findings.add("bad-word", line, 2, f"key {number} is none: {sizes}")
    return None
