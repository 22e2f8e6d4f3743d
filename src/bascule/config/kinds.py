# SPDX-License-Identifier: Apache-2.0
"""Kinds of arguments: what a word must look like and the value that it stands for. One object a kind, no state.

Numbers are decimal only, as in keepalived (`0x10` is none, `010` is 10).
"""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

UINT_MAX = 2**32 - 1
INT_MAX = 2**31 - 1
SECONDS_MAX = (2**64 - 2) / 1e6
"""The longest delay that keepalived accepts: microseconds in 64 bits."""

DECIMALS = 6
"""Decimal places of a number of seconds."""

_DECIMAL = re.compile(r"\+?(\d+\.?|\d*\.\d+)", re.ASCII)
_TAIL = re.compile(r"[/-][0-9A-Fa-f.:]+$", re.ASCII)
_QUAD = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.(?!$)|$)){4}")
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)


class RefusedWordError(Exception):
    """A word that is not of the kind: a diagnostic code, what is wrong, and what to write."""

    def __init__(self, code: str, message: str, hint: str | None = None, instead: Any = None) -> None:
        """Say why. `instead`: the value that is used all the same; None = the default stays."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.instead = instead


class Kind:
    """Any word."""

    def __init__(self, shown: str = "WORD", longest: int | None = None, cut: int | None = None) -> None:
        """`shown` stands for it in documents; words over `longest` characters are refused, over `cut` shortened."""
        self.shown = shown
        self.longest = longest
        self.cut = cut

    def parse(self, word: str) -> Any:
        """The value of a word. Raises RefusedWordError."""
        if self.longest is not None and len(word) > self.longest:
            raise RefusedWordError("bad-word", f"'{word}' is longer than {self.longest} characters")
        if self.cut is not None and len(word) > self.cut:
            message = f"'{word}' is longer than {self.cut} characters: '{word[: self.cut]}' is used"
            raise RefusedWordError("shortened", message, instead=word[: self.cut])
        return word


class Integer(Kind):
    """A whole number within bounds."""

    def __init__(self, low: int = 0, high: int = UINT_MAX, shown: str = "N", instead: int | None = None) -> None:
        """Both bounds are allowed. `instead`: what a number outside stands for; None = it is refused."""
        super().__init__(shown)
        self.low = low
        self.high = high
        self.instead = instead

    def parse(self, word: str) -> int:
        """The number."""
        if word == "" and self.low <= 0:
            raise RefusedWordError("bad-number", "'' is no number: 0 is used, as keepalived does", instead=0)
        if not _WHOLE.fullmatch(word):
            raise RefusedWordError("bad-number", f"'{word}' is not a whole number")
        number = int(word) if len(word) < 40 else UINT_MAX + 1
        if not self.low <= number <= self.high:
            used = "" if self.instead is None else f": {self.instead} is used"
            message = f"{word} is outside {self.low}..{self.high}{used}"
            raise RefusedWordError("out-of-range", message, instead=self.instead)
        return number


class Decimal(Kind):
    """Seconds, with up to six decimals."""

    def __init__(self, low: float = 0.0, high: float = UINT_MAX / 1e6, shown: str = "SECONDS") -> None:
        """Both bounds are allowed."""
        super().__init__(shown)
        self.low = low
        self.high = high

    def parse(self, word: str) -> float:
        """The seconds."""
        if not _DECIMAL.fullmatch(word):
            raise RefusedWordError("bad-number", f"'{word}' is not a number of seconds")
        number = float(word)
        if not self.low <= number <= self.high:
            raise RefusedWordError("out-of-range", f"{word} is outside {self.low:.10g}..{self.high:.10g}")
        if len(word.partition(".")[2]) > DECIMALS:
            rounded = round(number, DECIMALS)
            message = f"'{word}' has more than {DECIMALS} decimal places: {rounded:.10g} is used"
            raise RefusedWordError("rounded", message, instead=rounded)
        return number


class Choice(Kind):
    """One of some words."""

    def __init__(self, values: dict[str, Any], shown: str, any_case: bool = False) -> None:
        """`values`: what each word stands for. With `any_case` capitals do not matter."""
        super().__init__(shown)
        self.values = values
        self.any_case = any_case
        self._folded = {word.lower(): word for word in values}

    def parse(self, word: str) -> Any:
        """What the word stands for."""
        if word in self.values:
            return self.values[word]
        meant = self._folded.get(word.lower())
        if meant is not None and self.any_case:
            return self.values[meant]
        if meant is not None:
            raise RefusedWordError("wrong-case", f"'{word}' must be written '{meant}'", f"write '{meant}'")
        raise RefusedWordError("bad-word", f"'{word}' is not one of {', '.join(self.values)}")


class IPAddressKind(Kind):
    """An IP address. A prefix length or the end of a range after it has no meaning here; keepalived drops it too."""

    def __init__(self, multicast: bool = False, version: int | None = None) -> None:
        """With `multicast`, only addresses of groups; with `version`, only those of IPv4 or IPv6."""
        super().__init__("ADDRESS")
        self.multicast = multicast
        self.version = version

    def parse(self, word: str) -> Address:
        """The address."""
        if not self.multicast and _QUAD.fullmatch(word):
            return ipaddress.IPv4Address(int.from_bytes(map(int, word.split(".")), "big"))
        try:
            address = ipaddress.ip_address(_TAIL.sub("", word))
        except ValueError:
            raise RefusedWordError("bad-address", f"'{word}' is not an IP address") from None
        if self.multicast and not address.is_multicast:
            raise RefusedWordError("bad-address", f"'{word}' is not a multicast address")
        if self.version not in (None, address.version):
            raise RefusedWordError("bad-address", f"'{word}' is not an IPv{self.version} address")
        return address


class Pattern(Kind):
    """A word of a given form."""

    def __init__(self, pattern: str, shown: str, what: str) -> None:
        """`pattern` must match the whole word; `what` names it in messages."""
        super().__init__(shown)
        self._text = pattern
        self.what = what

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """Compiled when the first word asks for it."""
        return re.compile(self._text, re.ASCII)

    def parse(self, word: str) -> str:
        """The word itself."""
        if not self.pattern.fullmatch(word):
            raise RefusedWordError("bad-word", f"'{word}' is not {self.what}")
        return word


WORD = Kind()
NAME = Kind("NAME")
SCRIPT = Kind("SCRIPT")
INTERFACE = Kind("INTERFACE", 15)
IP = IPAddressKind()
PORT = Integer(1, 65535, "PORT")
BOOL = Choice({"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}, "on|off")
GROUP = IPAddressKind(multicast=True)
GROUP4 = IPAddressKind(multicast=True, version=4)
GROUP6 = IPAddressKind(multicast=True, version=6)


def words(shown: str, any_case: bool = False) -> Choice:
    """One of some words that stand for themselves, given as `A|B`."""
    return Choice({word: word for word in shown.split("|")}, shown, any_case)


REVERSE = words("reverse|noreverse")
REVERSED = words("reverse")
