# SPDX-License-Identifier: Apache-2.0
"""Each deliberate defect of the machine is found within 5,000 schedules, in which the machine itself is right."""

from __future__ import annotations

import dataclasses

import pytest

from bascule.model.configuration import VrrpState
from bascule.vrrp.transitions import Action, Cause
from tests.simulation.generator import generate
from tests.simulation.mutants.catalogue import MUTANTS
from tests.simulation.mutants.loading import Mutant, without
from tests.simulation.runs import Finding, Subject, run

SCHEDULES = 5_000
DEMANDED = 20


def first_finding(mutant: Mutant, subject: Subject) -> Finding | None:
    """The first schedule that tells the defect from the machine itself."""
    for seed in range(SCHEDULES):
        finding = run(generate(seed, mutant.version), subject)
        if finding is not None and run(finding.schedule) is None:
            return finding
    return None


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_defect_is_found(name: str) -> None:
    assert first_finding(MUTANTS[name], MUTANTS[name].subject()) is not None


def test_there_are_enough() -> None:
    assert len(MUTANTS) >= DEMANDED


def test_the_words_of_an_edit_must_be_there_once() -> None:
    for old in ("no such words", "self"):
        with pytest.raises(ValueError, match="mutant nothing: found"):
            Mutant(name="nothing", what="", edits=((old, ""),)).subject()


def test_a_row_can_only_leave_out_what_it_does() -> None:
    with pytest.raises(ValueError, match="MASTER, "):
        without(VrrpState.MASTER, Cause.ADVERT_DUE, Action.DRAIN)


def test_an_edit_that_changes_nothing_is_not_found() -> None:
    subject = Mutant(name="same", what="", edits=(("WATCH = 1.25", "WATCH = 5 / 4"),)).subject()
    assert all(run(generate(seed), subject) is None for seed in range(50))


def test_a_machine_that_raises_is_a_finding() -> None:
    mutant = Mutant(name="raises", what="", edits=(("WATCH = 1.25", "WATCH = None"),))
    finding = run(dataclasses.replace(generate(0), faults=()), mutant.subject())
    assert finding is not None
    assert "TypeError" in finding.text
