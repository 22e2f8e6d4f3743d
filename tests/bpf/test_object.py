# SPDX-License-Identifier: Apache-2.0
"""The built object: of the present sources, of the layout that Python believes, within its budget, without a defect."""

from __future__ import annotations

import hashlib
import pathlib
import re
from collections.abc import Iterator

import numpy as np
import pytest

from bascule.dataplane.xdp import layout
from bascule.dataplane.xdp.loader import OBJECT
from bascule.dataplane.xdp.objectfile import FOLDER, ObjectFile
from tests.bpf.trial import Trial

pytestmark = pytest.mark.root

RECORDS = {
    "slot": layout.RAW_SLOT,
    "settings": layout.SETTINGS,
    "service": layout.SERVICE,
    "server_list": layout.SERVER_LIST,
    "cursor": layout.CURSOR,
    "server": layout.SERVER,
    "accepted": layout.ACCEPTED,
    "relay_key": layout.RELAY_KEY,
    "relay": layout.RELAY,
    "counters": layout.COUNTERS,
    "request": layout.REQUEST,
    "clock": layout.CLOCK,
}
ENUMS = {
    "STATE_": layout.State,
    "SCHEDULER_": layout.SchedulerNumber,
    "REQUEST_": layout.RequestKind,
    "RESULT_": layout.RequestResult,
    "VERDICT_": layout.Verdict,
    "INCIDENT_": layout.Incident,
}
INSTRUCTIONS_VERIFIED = {"director": 300_000, "housekeep": 20_000, "read_clock": 100}
"""What the verifier may walk; its own limit is a million. A load takes about a second for each million."""


@pytest.fixture
def built() -> Iterator[ObjectFile]:
    """The object that ships, opened."""
    opened = ObjectFile(OBJECT)
    yield opened
    opened.close()


def sources_hash(name: str) -> int:
    """What the Makefile's rule hashes: the program and all headers, sorted by path."""
    files = sorted([FOLDER / name, *FOLDER.glob("*.h")])
    return int(hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16], 16)


@pytest.mark.parametrize("name", ["director", "pass"])
def test_built_from_the_present_sources(name: str) -> None:
    opened = ObjectFile(FOLDER / f"{name}.bpf.o")
    try:
        assert opened.constant("source_hash") == sources_hash(f"{name}.bpf.c")
    finally:
        opened.close()


def test_the_layouts_version(built: ObjectFile) -> None:
    assert built.constant("layout_version") == layout.LAYOUT_VERSION


@pytest.mark.parametrize("name", RECORDS)
def test_records_lie_where_python_believes(built: ObjectFile, name: str) -> None:
    record = RECORDS[name]
    assert built.btf.size(name) == record.itemsize
    members = built.btf.members(name)
    for field, (_, offset, *_) in (record.fields or {}).items():
        assert members[field] == offset, field


def test_a_slots_halves(built: ObjectFile) -> None:
    offsets = {name: int(rest[1]) for name, rest in (layout.SLOT.fields or {}).items()}
    members = built.btf.members("slot")
    assert (members["stamp"], members["meta"]) == (offsets["stamp"], offsets["meta"])
    assert layout.SLOT.itemsize == layout.RAW_SLOT.itemsize


def test_a_line_is_a_cache_line(built: ObjectFile) -> None:
    assert built.btf.size("line") == layout.SLOTS_PER_LINE * layout.RAW_SLOT.itemsize == 64


@pytest.mark.parametrize("prefix", ENUMS)
def test_enumerators(prefix: str) -> None:
    text = (FOLDER / "layout.h").read_text(encoding="utf-8")
    found = re.findall(rf"\b{prefix}(\w+) = (\d+)", text)
    assert [(name, int(number)) for name, number in found] == [(m.name, m.value) for m in ENUMS[prefix]]


def test_constants() -> None:
    text = (FOLDER / "layout.h").read_text(encoding="utf-8")
    defined = dict(re.findall(r"^#define (\w+) (0x[0-9a-f]+|\d+)u?\b", text, re.MULTILINE))
    assert len(defined) > 20
    mirrored = {name for name in defined if hasattr(layout, name)}
    assert set(defined) - mirrored == set()
    assert {name: int(defined[name], 0) for name in mirrored} == {name: getattr(layout, name) for name in mirrored}


def test_states_that_are_active() -> None:
    text = (FOLDER / "layout.h").read_text(encoding="utf-8")
    (line,) = re.findall(r"^#define ACTIVE_STATES (.*)$", text, re.MULTILINE)
    assert set(re.findall(r"STATE_(\w+)", line)) == {state.name for state in layout.ACTIVE_STATES}


@pytest.mark.parametrize("program", INSTRUCTIONS_VERIFIED)
def test_the_verifiers_budget(trial: Trial, program: str) -> None:
    descriptor = trial.director.program(program)
    text = pathlib.Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="utf-8")
    (walked,) = re.findall(r"^verified_insns:\s+(\d+)$", text, re.MULTILINE)
    print(f"{program}: {walked} instructions verified")
    assert int(walked) <= INSTRUCTIONS_VERIFIED[program]


def test_functions_are_short() -> None:
    longest = max(
        (len(body.splitlines()), path.name)
        for path in [*FOLDER.glob("*.h"), *FOLDER.glob("*.c")]
        for body in re.findall(r"^\{\n(.*?)^\}", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    )
    assert longest <= (60, ""), longest


def test_no_defect_is_built_in(built: ObjectFile) -> None:
    names = np.array(re.findall(r"#ifdef (DEFECT_\w+)", (FOLDER / "defects.h").read_text(encoding="utf-8")))
    tests = "".join(path.read_text(encoding="utf-8") for path in pathlib.Path(__file__).parent.glob("test_*.py"))
    assert [name for name in names if f'"{name}"' not in tests] == []
    assert built.constant("source_hash") != 0  # objects with defects are built with none
