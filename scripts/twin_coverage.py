# SPDX-License-Identifier: Apache-2.0
"""Runs the test twin of every module of the pure floors alone, and says how much of its module it covers.

A module counts as covered by its own twin only: what other tests happen to run does not help it. A twin that would be
too long has further parts, `test_MODULE_PART.py` beside it (unless there is a module of that name). Status 1 if one
covers less than `WANTED`, fails, or is missing. Arguments: rooms or modules to look at; without any, all of them.
"""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import NamedTuple

import coverage

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "bascule"
ROOMS = ("config", "vrrp", "bfd", "health")
WANTED = 90.0
"""Percent of the module's lines."""
DEADLINE = 300.0
"""Seconds that one twin may take."""


class Result(NamedTuple):
    """What one twin came to; `percent` None = it failed, and `missing` says how."""

    module: str
    percent: float | None
    missing: str

    @property
    def good(self) -> bool:
        """The twin does what is asked of it."""
        return self.percent is not None and self.percent >= WANTED


def modules(wanted: list[str]) -> list[pathlib.Path]:
    """The modules to look at, relative to the package; `wanted` are rooms or modules, empty = all pure rooms."""
    chosen = [PACKAGE / name for name in wanted or ROOMS]
    found = [path for name in chosen for path in ([name] if name.is_file() else sorted(name.rglob("*.py")))]
    return [path.relative_to(PACKAGE) for path in found if path.name != "__init__.py"]


def parts(module: pathlib.Path) -> list[pathlib.Path]:
    """The further files of a module's twin."""
    found = sorted((ROOT / "tests" / module.parent).glob(f"test_{module.stem}_*.py"))
    return [path for path in found if not (PACKAGE / module.parent / path.name.removeprefix("test_")).is_file()]


def measure(module: pathlib.Path) -> Result:
    """Run the twin of a module alone under coverage."""
    twin = ROOT / "tests" / module.parent / f"test_{module.stem}.py"
    if not twin.is_file():
        return Result(str(module), None, "no twin")
    twins = [str(twin), *map(str, parts(module))]
    with tempfile.TemporaryDirectory() as folder:
        data = f"{folder}/data"
        covered = [sys.executable, "-m", "coverage", "run", f"--data-file={data}", f"--include={PACKAGE / module}"]
        run = subprocess.run(
            [*covered, "-m", "pytest", "-q", "-p", "no:cacheprovider", *twins],
            cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=False,
        )  # fmt: skip
        if run.returncode:
            return Result(str(module), None, run.stdout.strip().splitlines()[-1] if run.stdout.strip() else run.stderr)
        return read(module, data)


def read(module: pathlib.Path, data: str) -> Result:
    """What coverage has written down for a module."""
    found = coverage.Coverage(data_file=data, config_file=False)
    found.load()
    if str(PACKAGE / module) not in found.get_data().measured_files():
        return Result(str(module), None, "its twin does not import it")
    _, statements, _, missing, _ = found.analysis2(str(PACKAGE / module))
    percent = 100 * (1 - len(missing) / len(statements)) if statements else 100.0
    return Result(str(module), percent, spans(missing))


def spans(lines: list[int]) -> str:
    """Line numbers, consecutive ones joined: `3-5 9`."""
    runs: list[list[int]] = []
    for line in lines:
        if runs and line == runs[-1][-1] + 1:
            runs[-1].append(line)
        else:
            runs.append([line])
    return " ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def main(wanted: list[str]) -> int:
    """Print a line a module, the weak ones with what they miss; the process's exit status."""
    found = modules(wanted)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(measure, found))
    width = max((len(result.module) for result in results), default=0)
    for result in results:
        percent = "failed" if result.percent is None else f"{result.percent:.1f} %"
        print(f"{result.module:{width}}  {percent:>8}  {'' if result.good else result.missing}".rstrip())
    weak = [result.module for result in results if not result.good]
    print(f"{len(results) - len(weak)} of {len(results)} twins cover at least {WANTED:.0f} % of their module")
    return 1 if weak or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
