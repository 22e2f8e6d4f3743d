# SPDX-License-Identifier: Apache-2.0
"""Statements into sections of values, by the declarations of the keywords. Knows no keyword by name.

Text that cannot be used is reported and skipped; everything else stays in effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from bascule.config.diagnostics import Findings
from bascule.config.kinds import RefusedWordError
from bascule.config.schema import Block, Keyword, RefusedLineError
from bascule.config.tree import Statement

_SPOKEN_IN_MISSPELT = frozenset({"wrong-case", "unknown-keyword", "skipped", "unexpected-brace"})
"""What is still said inside a block that is not in effect because its own keyword is misspelt."""


_NONE: list[tuple[str, Section]] = []
"""What every section without blocks inside shares, since most have none."""

SAID_OF_A_LINE = 20
"""Wrong options of one line that are told."""

REMEMBERED = 1000
"""Different lines of one kind of block whose values are kept for the next that is the same."""

_WIDTH, _MASK = 32, 0xFFFFFFFF
"""Bits of a place in `Section.packed`."""


class Section(msgspec.Struct, gc=False, eq=False):
    """The values of one block. A large file has tens of thousands: kept small, places packed into one number."""

    block: Block
    statement: Statement | None = None
    """What opens the block; None for the top of the files."""
    children: Sequence[Statement] = ()
    """What stands in it."""
    title: Any = None
    """What the arguments after its keyword say; None for the top. A block whose name is refused is skipped."""
    values: dict[str, Any] = {}
    """By keyword: what its arguments say; a list for one that repeats."""
    packed: int = 0
    """For each of `values`, in their order, the index in `children` of where it stands."""
    borrowed: dict[str, Statement] | None = None
    """Of several blocks that count as one: where each value stands, instead of `packed`."""
    sections: list[tuple[str, Section]] = msgspec.field(default_factory=lambda: _NONE)
    """The blocks inside, in order, under their keywords."""
    misspelt: frozenset[str] = frozenset()
    """Keywords that stand here in wrong capitals, which has been reported."""
    refused: frozenset[str] = frozenset()
    """Keywords that are here with arguments that were refused, which has been reported."""

    @property
    def where(self) -> Places:
        """By keyword: where its value stands (the first time, for one that repeats)."""
        return Places(self)

    def put(self, name: str, value: Any, at: int) -> None:
        """A value of a keyword of which the last counts, standing in child `at`."""
        values = self.values
        if name in values:
            shift = list(values).index(name) * _WIDTH
            self.packed += (at - (self.packed >> shift & _MASK)) << shift
        else:
            self.packed |= at << len(values) * _WIDTH
        values[name] = value

    def more(self, name: str, values: Iterable[Any], at: int) -> None:
        """Values of a keyword that repeats, standing in child `at`."""
        if name not in self.values:
            self.put(name, [], at)
        self.values[name].extend(values)

    def add(self, name: str, section: Section) -> None:
        """A block inside."""
        if self.sections is _NONE:
            self.sections = [(name, section)]
        else:
            self.sections.append((name, section))

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a keyword."""
        return self.values.get(name, default)

    def each(self, name: str) -> list[Section]:
        """The blocks under a keyword."""
        return [section for keyword, section in self.sections if keyword == name]

    def lacks(self, name: str) -> bool:
        """The keyword is nowhere, not even misspelt or with a refused value."""
        return name not in self.values and name not in self.misspelt and name not in self.refused


class Places(Mapping[str, Statement]):
    """Where the values of a section stand, found when asked for."""

    __slots__ = ("_section",)

    def __init__(self, section: Section) -> None:
        self._section = section

    def __getitem__(self, name: str) -> Statement:
        section = self._section
        if section.borrowed is not None:
            return section.borrowed[name]
        if name not in section.values:
            raise KeyError(name)
        at = section.packed >> list(section.values).index(name) * _WIDTH & _MASK
        return section.children[at]

    def __iter__(self) -> Iterator[str]:
        return iter(self._section.values)

    def __len__(self) -> int:
        return len(self._section.values)


class Reader:
    """One pass over statements."""

    def __init__(self, findings: Findings, legacy: bool = True) -> None:
        """What is found goes to `findings`. Without `legacy`, spellings that keepalived skips are skipped here, too."""
        self.findings = findings
        self._legacy = legacy
        self.lost = False
        """A block inside a block was unknown: keepalived loses its place there."""
        self._misspelt = 0
        """How many of the blocks around us are misspelt."""
        self._idle = 0
        """How many of the blocks around us are not acted on."""
        self._said: dict[int, dict[tuple[str, ...], tuple[str, Any]]] = {}

    def section(self, block: Block, statement: Statement | None, children: list[Statement]) -> Section:
        """The values that `children` give."""
        found = Section(block, statement, children)
        table = block.table
        plain = self._plain(block)
        at = -1
        for child in children:
            at += 1
            said = plain.get(child.words)
            if said is not None and child.children is None:
                found.put(said[0], said[1], at)
                continue
            keyword = table.get(child.words[0])
            if keyword is None:
                self._unknown(child, block, found)
            else:
                self._known(child, keyword, found, at)
        if block.needs and statement is not None and not self._misspelt:
            self._incomplete(block, statement, found)
        return found

    def _incomplete(self, block: Block, statement: Statement, found: Section) -> None:
        """A block without what it cannot do without: said at its end, as keepalived does."""
        lacking = [need for need in block.needs if all(found.lacks(name) for name in need.split("|"))]
        for need in lacking:
            name = need.split("|")[0]
            message = f"'{' '.join(statement.words)}' has no {name} and is skipped"
            hint = f"add '{block.table[name].usage}'"
            self.findings.add_at_end("incomplete", statement, message, hint)

    def _plain(self, block: Block) -> dict[tuple[str, ...], tuple[str, Any]]:
        """By the words of lines of a block: what they say. Large files repeat most of theirs."""
        return self._said.setdefault(id(block), {})

    def _known(self, child: Statement, keyword: Keyword, into: Section, at: int) -> None:
        """A keyword that the block has, in its child `at`."""
        if keyword.legacy and not self._legacy:
            self._skip_legacy(child, keyword)
            return
        before = len(self.findings)
        if not keyword.acted or keyword.legacy or keyword.old or keyword.later:
            self._remark(child, keyword)
        if child.children is not None and not keyword.braced:
            self._unexpected_brace(child)
        try:
            value = self.arguments(child, keyword)
        except RefusedLineError as refusal:
            self._refused(child, refusal)
            value = refusal.instead
            if value is None:
                into.refused |= {keyword.value}
                return
        name = keyword.value
        if name in into.values and self._stands_back(child, keyword, into):
            return
        if keyword.block is not None:
            section = self._inside(child, keyword, keyword.block)
            section.title = value
            into.add(name, section)
        if keyword.lines is not None:
            value = self._lines(child, keyword)
            if keyword.filled and not value and child.close is not None and not self._misspelt:
                message = f"'{' '.join(child.words)}' holds nothing and is dropped"
                self.findings.add_at("incomplete", child.source, child.close, message)
        if keyword.repeats or keyword.lines is not None:
            into.more(name, value if keyword.lines is not None else (value,), at)
        else:
            into.put(name, value, at)
            if keyword.plain and len(self.findings) == before and not self._misspelt:
                self._remember(child, into.block, name, value)

    def _stands_back(self, child: Statement, keyword: Keyword, into: Section) -> bool:
        """Whether a keyword that stands above already is what counts."""
        if keyword.once:
            self.findings.add(
                "duplicate", child, 0, f"'{child.words[0]}' stands in this block already: this one is skipped"
            )
            return True
        if keyword.latest:
            message = f"'{child.words[0]}' stands in this block already: this one counts"
            self.findings.add("repeated", child, 0, message)
        # keepalived goes by the right spelling.
        return keyword.legacy is not None and into.where[keyword.value].words[0] != child.words[0]

    def _remember(self, child: Statement, block: Block, name: str, value: Any) -> None:
        """What a line says without there being anything to say of it."""
        plain = self._plain(block)
        if len(plain) < REMEMBERED and child.children is None:
            plain[child.words] = name, value

    def _skip_legacy(self, child: Statement, keyword: Keyword) -> None:
        """A spelling that keepalived skips, where the file says 'legacy skip'."""
        word = child.words[0]
        hint = f"write '{keyword.value}'" if keyword.value != word else "drop it"
        self.findings.add("unknown-keyword", child, 0, f"'{word}' is skipped, as keepalived does (legacy skip)", hint)

    def _inside(self, child: Statement, keyword: Keyword, block: Block) -> Section:
        idle = not keyword.acted
        self._idle += idle
        section = self.section(block, child, child.children or [])
        self._idle -= idle
        return section

    def _lines(self, child: Statement, keyword: Keyword) -> list[Any]:
        """The lines of a block of lines, without those that were refused."""
        found: list[Any] = []
        assert keyword.lines is not None
        for line in child.children or ():
            if line.children is not None:
                self._unexpected_brace(line)
                if line.words == ("",):
                    continue  # A brace with no word before it.
            try:
                value = keyword.lines(line)
            except RefusedLineError as refusal:
                self._refused(line, refusal)
                legacy = any(each.code == "legacy-spelling" for each in (refusal, *refusal.also))
                value = None if legacy and not self._legacy else refusal.instead
                if value is None:
                    continue
            if isinstance(value, list):
                found.extend(value)
            else:
                found.append(value)
        return found

    def arguments(self, child: Statement, keyword: Keyword) -> Any:
        """What the words after a keyword say: the value of one argument, a tuple of several, True for none.

        Raises RefusedLineError.
        """
        if keyword.reader is not None:
            return keyword.reader(child)
        words = child.words
        kinds = keyword.arguments
        given = len(words) - 1
        if given < len(kinds) - keyword.optional:
            code = (
                "missing-name" if keyword.braced else "meaning/missing-argument" if keyword.bare else "missing-argument"
            )
            raise RefusedLineError(
                code,
                given,
                f"'{keyword.name}' lacks an argument",
                f"write '{keyword.usage}'",
            )
        if given > len(kinds) and keyword.rest is None:
            self._extra_words(child, len(kinds) + 1)
        index = 0
        try:
            if len(kinds) == 1 and keyword.rest is None:
                index = 1
                return kinds[0].parse(words[1]) if given else True
            values = []
            for kind, word in zip(kinds, words[1:], strict=False):
                index += 1
                values.append(kind.parse(word))
            if keyword.rest is not None:
                for word in words[len(kinds) + 1 :]:
                    index += 1
                    values.append(keyword.rest.parse(word))
        except RefusedWordError as refusal:
            message = f"{refusal.message} ('{keyword.name}')"
            raise RefusedLineError(refusal.code, index, message, refusal.hint, refusal.instead) from None
        return tuple(values) if values else True

    def _remark(self, child: Statement, keyword: Keyword) -> None:
        """What there is to say of a keyword that is understood, once for each."""
        word = child.words[0]
        if self._misspelt:
            return
        if keyword.legacy is not None:
            hint = f"write '{keyword.value}'" if keyword.value != word else "drop it"
            self.findings.add("legacy-spelling", child, 0, f"'{word}' {keyword.legacy}", hint)
        elif keyword.later:
            does = "bascule acts on it" if keyword.acted else "bascule does not act on it yet"
            who = "keepalived as Debian builds it" if keyword.unbuilt else "keepalived 2.2.7"
            message = f"'{word}' is not known to {who}, and skipped; {does}"
            self.findings.add("unknown-to-keepalived", child, 0, message)
        elif keyword.old is not None:
            self.findings.add("deprecated", child, 0, f"'{word}' {keyword.old}", f"write '{keyword.value}'")
        elif not self._idle:
            self.findings.add("not-acted-on", child, 0, f"'{word}' is understood, but bascule does not act on it yet")

    def _refused(self, child: Statement, refusal: RefusedLineError) -> None:
        for each in (refusal, *refusal.also[: SAID_OF_A_LINE - 1]):
            if not self._misspelt or each.code in _SPOKEN_IN_MISSPELT:
                self.findings.add(each.code, child, each.index, each.message, each.hint)

    def _extra_words(self, child: Statement, index: int) -> None:
        if self._misspelt:
            return
        extra = " ".join(child.words[index:])
        message = f"'{extra}' after '{' '.join(child.words[:index])}' is ignored"
        self.findings.add("meaning/extra-words", child, index, message, "one keyword to a line")

    def _unknown(self, child: Statement, block: Block, into: Section) -> None:
        """A word that is no keyword of the block: the right capitals or the nearest, and nothing is applied."""
        word = child.words[0]
        meant = block.other_case(word)
        if meant is not None:
            self._wrong_case(child, meant, into)
            return
        if word == "" and child.children is not None:
            self.findings.add("unexpected-brace", child, 0, "'{' stands where no block can begin; all of it is skipped")
            return
        code, message, hint = describe(word, block)
        if child.children is not None:
            message += ", its block is skipped" + _KEEPALIVED[bool(block.name)]
        self.findings.add(code, child, 0, message, hint)
        if child.children is not None:
            self.lost = self.lost or bool(block.name)
            self._skipped(child, block)

    def _wrong_case(self, child: Statement, keyword: Keyword, into: Section) -> None:
        right = keyword.value if keyword.legacy else keyword.name
        word = child.words[0]
        message = f"'{word}' must be written '{right}': keywords are in small letters"
        if right != right.lower():
            message = f"'{word}' must be written '{right}'"
        self.findings.add("wrong-case", child, 0, f"{message}; it is not applied", f"write '{right}'")
        into.misspelt |= {keyword.value}
        self._misspelt += 1
        try:
            self.arguments(child, keyword)
        except RefusedLineError as refusal:
            self._refused(child, refusal)
        if keyword.block is not None:
            self.section(keyword.block, child, child.children or [])
        self._misspelt -= 1

    def _unexpected_brace(self, child: Statement) -> None:
        word = child.words[0]
        self.findings.add("unexpected-brace", child, 0, f"'{word}' takes no block: what is in the braces is skipped")
        for line in child.walk():
            self.findings.add("skipped", line, 0, f"'{line.words[0]}' is skipped: '{word}' takes no block")

    def _skipped(self, unknown: Statement, block: Block) -> None:
        """Every line of an unknown block, since none is in effect."""
        name = unknown.words[0]
        for line in unknown.walk():
            word = line.words[0]
            if word in block.table:
                message = (
                    f"'{word}' is skipped with '{name}'; keepalived would apply it to the block around, '{block.name}'"
                )
                self.findings.add("meaning/keepalived-applies", line, 0, message)
            else:
                self.findings.add("skipped", line, 0, f"'{word}' is skipped with the unknown block '{name}'")
        if not block.name:
            for line in (unknown, *unknown.walk()):
                if line.close is not None:
                    message = f"'}}' ends what is skipped with the unknown block '{name}'"
                    self.findings.add_at("skipped", line.source, line.close, message)


_KEEPALIVED = {
    False: " (keepalived would complain of each line)",
    True: " (keepalived would read its lines as the enclosing block's and end that at this one's '}')",
}


def describe(word: str, block: Block) -> tuple[str, str, str | None]:
    """Code, message and hint for a word that `block` does not have."""
    place = f"in '{block.name}'" if block.name else "at the top of a file"
    nearest = block.nearest(word)
    return (
        "unknown-keyword",
        f"unknown keyword '{word}' {place}",
        f"did you mean '{nearest}'?" if nearest is not None else None,
    )
