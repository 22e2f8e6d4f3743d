# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pathlib

import numpy as np
import pytest

from bascule.dataplane.xdp.allocation import Records
from bascule.dataplane.xdp.layout import COUNTERS
from bascule.dataplane.xdp.rates import INTERVAL, STALE, Estimator, measured, read
from bascule.model.service import Rates


def totals(connections: int = 0, packets: int = 0, size: int = 0) -> Records:
    found = np.zeros(3, dtype=COUNTERS)
    found[2] = (connections, packets, size)
    return found


NOTHING = totals()


def test_a_sample_weighs_a_quarter(tmp_path: pathlib.Path) -> None:
    estimator = Estimator(tmp_path / "rates")
    estimator.sample(10.0, NOTHING, NOTHING)
    assert estimator.due(10.0) == 10.0 + INTERVAL
    estimator.sample(12.0, totals(800, 8000, 80000), totals(80, 800, 8000))
    assert estimator.view().service(2) == Rates(connections=100, packets_in=1000, bytes_in=10000)
    assert estimator.view().server(2) == Rates(connections=10, packets_in=100, bytes_in=1000)
    estimator.sample(14.0, totals(1600, 16000, 160000), totals(80, 800, 8000))
    assert estimator.view().service(2).connections == 175
    assert estimator.view().server(2).connections == 8
    estimator.close()


def test_a_steady_rate_is_reached_and_sinks_to_nothing(tmp_path: pathlib.Path) -> None:
    estimator = Estimator(tmp_path / "rates")
    for step in range(40):
        estimator.sample(step * INTERVAL, totals(packets=2000 * step), NOTHING)
    assert estimator.view().service(2).packets_in == pytest.approx(1000, abs=1)
    for step in range(40, 80):
        estimator.sample(step * INTERVAL, totals(packets=2000 * 39), NOTHING)
    assert estimator.view().service(2).packets_in == 0
    estimator.close()


def test_another_process_reads_them_while_they_are_fresh(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "state" / "rates"
    estimator = Estimator(path)
    estimator.sample(0.0, NOTHING, NOTHING)
    estimator.sample(2.0, totals(packets=800), NOTHING)
    estimator.close()
    fresh = read(path, 2.0 + STALE)
    assert fresh is not None
    assert fresh.service(2).packets_in == 100
    assert read(path, 2.1 + STALE) is None
    assert read(path, 1.0) is None
    assert read(tmp_path / "absent", 2.0) is None


def test_a_successor_goes_on_with_the_averages(tmp_path: pathlib.Path) -> None:
    first = Estimator(tmp_path / "rates")
    first.sample(0.0, NOTHING, NOTHING)
    first.sample(2.0, totals(packets=800), NOTHING)
    first.close()
    second = Estimator(tmp_path / "rates")
    assert second.view().service(2).packets_in == 100
    second.sample(3.0, totals(packets=900), NOTHING)
    assert second.view().service(2).packets_in == 100
    second.close()


def test_counters_that_were_cleared_do_not_count_backwards(tmp_path: pathlib.Path) -> None:
    estimator = Estimator(tmp_path / "rates")
    estimator.sample(0.0, totals(packets=800), NOTHING)
    estimator.sample(2.0, totals(packets=3), NOTHING)
    assert estimator.view().service(2).packets_in == 0
    estimator.close()


def test_rates_measured_between_two_readings() -> None:
    view = measured((NOTHING, NOTHING), (totals(4, 40, 400), totals(2, 20, 200)), 2.0)
    assert view.service(2) == Rates(connections=2, packets_in=20, bytes_in=200)
    assert view.server(2) == Rates(connections=1, packets_in=10, bytes_in=100)
