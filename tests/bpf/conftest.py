# SPDX-License-Identifier: Apache-2.0
"""Directors on trial: one of the object that ships, and one of each deliberate defect that a test asks for."""

from __future__ import annotations

import pathlib
import subprocess
from collections.abc import Callable, Iterator

import pytest

from bascule.dataplane.xdp.loader import OBJECT
from tests.bpf.trial import Trial, build

MakeTrial = Callable[..., Trial]


@pytest.fixture(scope="session")
def bpffs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """A bpffs of this test process's own."""
    folder = tmp_path_factory.mktemp("bpffs")
    subprocess.run(["mount", "-t", "bpf", "bpf", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="session")
def made() -> Iterator[dict[tuple[str, ...], Trial]]:
    """Directors by defects, each loaded once a session."""
    trials: dict[tuple[str, ...], Trial] = {}
    yield trials
    for trial in trials.values():
        trial.director.close()


@pytest.fixture
def make_trial(
    made: dict[tuple[str, ...], Trial], bpffs: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> MakeTrial:
    """`make_trial("DEFECT_X")`: a director as new, with these defects."""

    def make(*defects: str) -> Trial:
        if defects not in made:
            path = build(tmp_path_factory.mktemp("object"), *defects) if defects else OBJECT
            made[defects] = Trial(bpffs / "-".join(("maps", *defects)), path)
        made[defects].reset()
        return made[defects]

    return make


@pytest.fixture
def trial(make_trial: MakeTrial) -> Trial:
    """The director that ships, as new."""
    return make_trial()
