# SPDX-License-Identifier: Apache-2.0
"""Twin of `scripts/twin_coverage`: a full, a poor, a failing and a missing twin are told apart."""

from __future__ import annotations

import pathlib

import pytest

from scripts import twin_coverage

MODULE = "def f(x: int) -> int:\n    if x:\n        return 1\n    return 2\n\n\nf(0)\n"


@pytest.fixture
def project(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A project with one pure module, without a twin yet."""
    (tmp_path / "src" / "bascule" / "health").mkdir(parents=True)
    (tmp_path / "tests" / "health").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["src/bascule/health"]\n')
    (tmp_path / "src" / "bascule" / "health" / "sample.py").write_text(MODULE)
    monkeypatch.setattr(twin_coverage, "ROOT", tmp_path)
    monkeypatch.setattr(twin_coverage, "PACKAGE", tmp_path / "src" / "bascule")
    return tmp_path


@pytest.mark.parametrize(
    ("twin", "percent", "missing"),
    [
        ("import sample\ndef test_f():\n    assert sample.f(1) == 1\n", 100.0, ""),
        ("import sample\ndef test_f():\n    assert sample\n", 80.0, "3"),
        ("import sample\ndef test_f():\n    assert sample.f(1) == 2\n", None, "1 failed"),
        ("def test_f():\n    assert True\n", None, "does not import"),
        (None, None, "no twin"),
    ],
)
def test_a_twin_is_measured_alone(project: pathlib.Path, twin: str | None, percent: float | None, missing: str) -> None:
    if twin is not None:
        (project / "tests" / "health" / "test_sample.py").write_text(twin)
    found = twin_coverage.measure(pathlib.Path("health/sample.py"))
    assert found.percent == percent
    assert missing in found.missing
    assert found.good == (percent == 100.0)


def test_a_weak_twin_fails_the_gate(project: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert twin_coverage.main(["health"]) == 1
    assert "0 of 1 twins" in capsys.readouterr().out
    (project / "tests" / "health" / "test_sample.py").write_text("import sample\ndef test_f(): assert sample.f(1)\n")
    assert twin_coverage.main(["health"]) == 0


def test_a_twin_may_have_parts_that_are_no_other_modules_twin(project: pathlib.Path) -> None:
    tests, package = project / "tests" / "health", project / "src" / "bascule" / "health"
    (tests / "test_sample.py").write_text("import sample\ndef test_f():\n    assert sample\n")
    (tests / "test_sample_rest.py").write_text("import sample\ndef test_f():\n    assert sample.f(1) == 1\n")
    assert twin_coverage.measure(pathlib.Path("health/sample.py")).percent == 100.0
    (package / "sample_rest.py").write_text("")
    assert twin_coverage.measure(pathlib.Path("health/sample.py")).percent == 80.0


def test_lines_are_joined_to_spans() -> None:
    assert twin_coverage.spans([3, 4, 5, 9, 11, 12]) == "3-5 9 11-12"
