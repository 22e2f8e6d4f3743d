# SPDX-License-Identifier: Apache-2.0
"""Files into the typed configuration: the door that everybody else uses. Opens no socket and looks at no interface."""

from __future__ import annotations

import contextlib
import gc
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from bascule.config import tree
from bascule.config.assemble import bfd, routing
from bascule.config.assemble import globals as global_settings
from bascule.config.assemble.announcing import gaps
from bascule.config.assemble.instances import instances
from bascule.config.assemble.services import services
from bascule.config.assemble.track_groups import track_groups
from bascule.config.assemble.tracking import following
from bascule.config.diagnostics import STRUCTURAL, Findings
from bascule.config.families import check_families
from bascule.config.keywords.bascule import honours_legacy
from bascule.config.keywords.inline_kinds import Names, with_names
from bascule.config.keywords.top import TOP
from bascule.config.meaning import check_together
from bascule.config.ordered import check_order
from bascule.config.probing import check_checks
from bascule.config.reader import Reader, Section
from bascule.config.source import Source, SourceError, read
from bascule.config.unread import ENDS, nowhere, report_unread
from bascule.model.configuration import Configuration
from bascule.model.diagnostic import Diagnostic, Severity


class Loaded(NamedTuple):
    """What the files say, and what is wrong with them."""

    configuration: Configuration | None
    """None when there is a fatal finding."""
    diagnostics: tuple[Diagnostic, ...]
    """Sorted, each once."""


Look = Callable[[Section, Findings], None]
"""Looks at everything that the files say, and may add to what is found."""


def load(
    paths: Sequence[pathlib.Path],
    config_id: str | None = None,
    look: Look | None = None,
    whole: bool = True,
    names: Names | None = None,
) -> Loaded:
    """The files as one configuration, in their order. Never raises for what stands in them or for what is missing.

    `config_id`: what `@ID` lines are compared with; None = this machine's name without its domain, as in keepalived.
    `look`: called with what has been read, values and places, before the findings are put in order.
    `whole`: False for whoever does not need `Configuration.declared`, which then stays empty.
    `names`: of tables and the like, as the machine lists them that the files are for; None = any machine.
    """
    with _without_collector(), with_names(names):
        return _load(paths, config_id, look, whole)


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """No garbage collection meanwhile: a large file makes objects by the million, none of which is garbage yet."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _load(paths: Sequence[pathlib.Path], config_id: str | None, look: Look | None, whole: bool) -> Loaded:
    findings = Findings()
    sources: list[Source] = []
    for path in paths:
        try:
            sources.append(read(path))
        except SourceError as error:
            findings.add_file("unreadable-file", error.name, str(error))
    return load_sources(sources, findings, config_id, look, whole)


def load_sources(
    sources: Sequence[Source],
    findings: Findings,
    config_id: str | None = None,
    look: Look | None = None,
    whole: bool = True,
) -> Loaded:
    """The same, of text that has been read already."""
    torn: set[tuple[str, int]] = set()
    children: list[tree.Statement] = []
    for source, expanded in _expanded(sources, findings, config_id, torn):
        statements = tree.build(expanded, TOP.shape, findings)
        _remark(source, statements, findings)
        children.extend(statements)
    legacy = honours_legacy(children)
    top = Reader(findings, legacy).section(TOP, None, children)
    complaints: set[tuple[str, int]] = set()
    if torn or findings.places(STRUCTURAL):
        from bascule.config.lost import report_lost

        complaints = report_lost(children, TOP, torn, findings)
    configuration = _configuration(tuple(source.name for source in sources), top, findings)
    findings.settle("meaning/line-continuation")
    if findings.places({*ENDS, "duplicate"}) or nowhere(children) is not None:
        report_unread(children, complaints, findings)
    if look is not None:
        look(top, findings)
    diagnostics = findings.sorted()
    if any(diagnostic.severity is Severity.FATAL for diagnostic in diagnostics):
        return Loaded(None, diagnostics)
    if whole:
        configuration = _with_declared(configuration, children, legacy, findings)
    return Loaded(configuration, diagnostics)


def _with_declared(
    configuration: Configuration, statements: Sequence[tree.Statement], legacy: bool, findings: Findings
) -> Configuration:
    """The configuration with what its structs do not carry. What that takes is only then imported."""
    import msgspec

    from bascule.config.assemble.declared import declared

    return msgspec.structs.replace(configuration, declared=declared(statements, legacy, findings.fates))


def _expanded(
    sources: Sequence[Source], findings: Findings, config_id: str | None, torn: set[tuple[str, int]]
) -> Iterator[tuple[Source, Source]]:
    """Each source with what it stands for; the files and lines of undefined `${NAME}` are added to `torn`."""
    if all(source.plain for source in sources):
        yield from ((source, source) for source in sources)
        return
    from bascule.config.expand import Expander

    expander = Expander(findings, config_id if config_id is not None else os.uname().nodename.partition(".")[0])
    for source in sources:
        yield source, expander.expand(source)
    torn |= expander.torn


def _remark(source: Source, statements: list[tree.Statement], findings: Findings) -> None:
    """What there is to say of a file as a whole."""
    if source.starts_with_bom:
        message = "the file starts with a byte order mark: keepalived would not know its first keyword"
        findings.add_file("byte-order-mark", source, message, "save the file as UTF-8 without a byte order mark")
    if statements:
        return
    lines = [line for line in source.lines if line.strip()]
    if lines and all(line.lstrip()[0] in "!#" for line in lines):
        message = "the whole file is a comment: '!' and '#' start one anywhere"
        findings.add_file("comment-file", source, message, "put each keyword on a line of its own")
    elif not lines:
        findings.add_file("empty-file", source, "the file is empty")


def _configuration(files: tuple[str, ...], top: Section, findings: Findings) -> Configuration:
    defaults = global_settings.merged(top, "global_defs")
    options = global_settings.merged(top, "bascule")
    sessions = bfd.sessions(top, findings)
    found = following(top, defaults, instances(top, defaults, findings), findings, sessions)
    settings = global_settings.definitions(defaults, options, findings)
    running, groups = track_groups(top, settings.default_interface, found.instances, findings)
    configuration = Configuration(
        files=files,
        globals=settings,
        instances=running,
        virtual_servers=services(top, defaults, findings),
        sync_groups=found.groups,
        track_scripts=found.scripts,
        track_processes=found.processes,
        track_files=found.files,
        track_groups=groups,
        options=global_settings.options(options, findings),
        static_addresses=routing.listed(top, "static_ipaddress"),
        static_routes=routing.routes(top, "static_routes"),
        static_rules=routing.rules(top, "static_rules"),
        announcement_gaps=gaps(top, defaults),
        bfd_sessions=sessions,
    )
    check_families(top, findings)
    check_order(top, findings)
    check_checks(top, findings)
    check_together(top, findings)
    return routing.numbered(configuration)
