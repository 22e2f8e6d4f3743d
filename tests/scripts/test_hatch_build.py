# SPDX-License-Identifier: Apache-2.0
"""Twin of `scripts/hatch_build`: the wheel is for every machine and holds what a user without a compiler needs."""

from __future__ import annotations

import email
import pathlib
import subprocess
import sys
import zipfile

import pytest

from bascule import __version__

DEADLINE = 120


@pytest.fixture(scope="module")
def wheel(root: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=root, check=True, capture_output=True, timeout=DEADLINE)
    return next(folder.iterdir())


def test_one_wheel_is_for_every_machine(wheel: pathlib.Path) -> None:
    assert wheel.name == f"bascule-{__version__}-py3-none-any.whl"


def test_the_wheel_holds_every_object_as_compiled_here(root: pathlib.Path, wheel: pathlib.Path) -> None:
    sources = sorted((root / "src").rglob("*.bpf.c"))
    assert sources
    with zipfile.ZipFile(wheel) as archive:
        for source in sources:
            built = source.with_suffix(".o")
            assert archive.read(str(built.relative_to(root / "src"))) == built.read_bytes()


def test_the_wheel_holds_the_examples_and_the_licences(root: pathlib.Path, wheel: pathlib.Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        example = (root / "examples" / "keepalived.conf").read_bytes()
        assert archive.read("bascule/lab/examples/keepalived.conf") == example
        metadata = email.message_from_bytes(archive.read(f"bascule-{__version__}.dist-info/METADATA"))
    assert metadata["License-Expression"] == "Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)"
    assert {name.rpartition("/")[2] for name in names if "licenses" in name} == {
        "LICENSE", "NOTICE", "Apache-2.0.txt", "GPL-2.0-only.txt", "BSD-2-Clause.txt",
    }  # fmt: skip


def test_the_unpacked_wheel_runs(wheel: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
        "import bascule; print(bascule.__file__); from bascule.cli import main; sys.argv[1:] = ['--version']; main()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=DEADLINE)
    assert run.stdout.splitlines() == [str(tmp_path / "bascule" / "__init__.py"), f"bascule, version {__version__}"]
