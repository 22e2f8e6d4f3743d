# SPDX-License-Identifier: Apache-2.0
"""The keywords of the language as descriptions: what `bascule config keywords` shows, from the declarations alone."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from bascule.config.keywords.top import TOP
from bascule.config.kinds import UINT_MAX, Choice, Decimal, Integer, IPAddressKind, Kind, Pattern
from bascule.config.schema import Block, Keyword
from bascule.model.keyword import ArgumentDescription, KeywordDescription

WIDTH = 100

UNITS = ("SECONDS", "MILLISECONDS", "MICROSECONDS", "BYTES")
"""What an argument may be called that says its unit."""


def catalogue(top: Block = TOP) -> tuple[KeywordDescription, ...]:
    """Every keyword by every path that leads to it, in the order of the declarations."""
    return tuple(_below(top, ()))


def _below(block: Block, path: tuple[str, ...], inline: bool = False) -> Iterator[KeywordDescription]:
    for keyword in block.table.values():
        inside = (*path, keyword.name)
        yield describe(keyword, block, "/".join(inside), inline)
        if keyword.options is not None:
            yield from _below(keyword.options, inside, inline=True)
        if keyword.block is not None:
            yield from _below(keyword.block, inside)


def describe(keyword: Keyword, block: Block, path: str, inline: bool = False) -> KeywordDescription:
    """One keyword of `block`; `inline`, an option of a line."""
    needed = len(keyword.arguments) - keyword.optional
    arguments = [_argument(kind, index >= needed) for index, kind in enumerate(keyword.arguments)]
    if keyword.rest is not None:
        arguments.append(_argument(keyword.rest, optional=True, repeats=True))
    others = (other.name for other in block.table.values() if other.value == keyword.name and other is not keyword)
    return KeywordDescription(
        path=path,
        usage=keyword.usage,
        arguments=tuple(arguments),
        unit=keyword.unit or _unit(keyword.arguments),
        default=keyword.default,
        meaning=keyword.meaning,
        acted_on=keyword.acted,
        spelling_of=keyword.value if keyword.value != keyword.name else None,
        aliases=tuple(others),
        deprecated=keyword.old is not None,
        legacy=keyword.legacy is not None,
        later=keyword.later,
        repeats=keyword.repeats,
        block=keyword.braced,
        inline=inline,
    )


def _argument(kind: Kind, optional: bool, repeats: bool = False) -> ArgumentDescription:
    return ArgumentDescription(shown=kind.shown, range=span_of(kind), optional=optional, repeats=repeats)


def _unit(kinds: Iterable[Kind]) -> str | None:
    return next((kind.shown.lower() for kind in kinds if kind.shown in UNITS), None)


def span_of(kind: Kind) -> str | None:
    """What words of a kind may be; None when anything goes."""
    if isinstance(kind, Integer):
        return f"{kind.low} or more" if kind.high >= UINT_MAX else f"{kind.low}..{kind.high}"
    if isinstance(kind, Decimal):
        return f"{kind.low:.10g}..{kind.high:.10g}"
    if isinstance(kind, Choice):
        return " | ".join(kind.values)
    if isinstance(kind, IPAddressKind):
        return "a multicast address" if kind.multicast else "an IP address"
    if isinstance(kind, Pattern):
        return kind.what
    return f"at most {kind.longest} characters" if kind.longest is not None else None


def select(found: Sequence[KeywordDescription], words: Sequence[str]) -> tuple[KeywordDescription, ...]:
    """Those at or below the path that `words` give (`a b`, `a/b`); else those that are called so, wherever they stand.

    Everything without words; nothing when there is neither such a path nor such a keyword. Capitals do not matter.
    """
    path = "/".join(part for word in words for part in word.split("/") if part).lower()
    if not path:
        return tuple(found)
    below = [each for each in found if f"{each.path.lower()}/".startswith(f"{path}/")]
    return tuple(below or [each for each in found if f"/{each.path.lower()}".endswith(f"/{path}")])


def nearest(found: Sequence[KeywordDescription], word: str) -> str | None:
    """The keyword that is written most like `word`, if any is."""
    names = {each.path.rpartition("/")[2] for each in found}
    close = difflib.get_close_matches(word.rpartition("/")[2], sorted(names), 1)
    return close[0] if close else None


def as_text(found: Sequence[KeywordDescription]) -> str:
    """The keywords for people: usage with its path, and below it what there is to know."""
    return "\n".join(_entry(each) for each in found) + "\n"


def _entry(each: KeywordDescription) -> str:
    path = each.path.rpartition("/")[0].replace("/", " / ")
    head = f"{path} / {each.usage}" if path else each.usage
    said = [f"{each.meaning[:1].upper()}{each.meaning[1:]}." if each.meaning else ""]
    said.append("An option on the line." if each.inline else "")
    said += [f"{argument.shown}: {argument.range}." for argument in each.arguments if _says_more(argument)]
    said.append(f"Unit: {each.unit}." if each.unit and each.unit.upper() not in each.usage else "")
    said.append(f"Default: {each.default}." if each.default else "")
    said.append(f"Also written {', '.join(each.aliases)}." if each.aliases else "")
    said.append(f"Another spelling of {each.spelling_of}{_standing(each)}." if each.spelling_of else "")
    said.append("May stand several times." if each.repeats else "")
    said.append("keepalived 2.2.7 does not know it." if each.later else "")
    said.append("" if each.acted_on else "Understood, not acted on yet.")
    indent = "    "
    text = " ".join(part for part in said if part)
    return f"{head}\n{textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent)}"


def _says_more(argument: ArgumentDescription) -> bool:
    """The range of an argument is not what the usage shows already."""
    return argument.range is not None and argument.range.replace(" ", "") != argument.shown


def _standing(each: KeywordDescription) -> str:
    if each.legacy:
        return ", which keepalived 2.2.7 skips"
    return ", and an old one" if each.deprecated else ""
