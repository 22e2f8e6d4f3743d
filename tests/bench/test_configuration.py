# SPDX-License-Identifier: Apache-2.0
"""The bench of the reader: its files are clean, its figures are those of whole processes."""

from __future__ import annotations

import pathlib
import random

import pytest

from bascule.config.loader import load
from bench import configuration


@pytest.mark.parametrize("services", [2, 300])
def test_the_files_are_clean_and_as_large_as_they_say(tmp_path: pathlib.Path, services: int) -> None:
    path = tmp_path / "k.conf"
    path.write_text(configuration.services_text(services))
    loaded = load([path])
    assert loaded.diagnostics == ()
    assert loaded.configuration is not None
    assert len(loaded.configuration.virtual_servers) == services
    assert all(len(service.real_servers) == 2 for service in loaded.configuration.virtual_servers)


def test_a_small_file_is_about_fifty_lines() -> None:
    assert 45 <= configuration.services_text(2).count("\n") <= 60


def test_whole_processes_are_measured(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "k.conf"
    path.write_text(configuration.services_text(2))
    figures = configuration.measure(path, 2, 1, random.Random(1))
    assert {one.program for one in figures.programs} >= {"bascule check", "python -c pass"}
    assert figures.ratio_to_python > 1
    assert all(one.memory > 2**20 for one in figures.programs)


def test_a_file_with_faults_is_no_measure(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "k.conf"
    path.write_text("foo\n")
    with pytest.raises(RuntimeError, match="ended with 1"):
        configuration.measure(path, 0, 1, random.Random(1))
