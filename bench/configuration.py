# SPDX-License-Identifier: Apache-2.0
"""What reading a configuration costs: `bascule check` as a whole process, beside `keepalived -t` and `python -c pass`.

    .venv/bin/python -m bench.configuration [--services 10000] [--rounds 5] [--json FILE] [--write FOLDER]

Method: the files are generated; the programs run in turn, another order each round; processor time and peak memory are
the kernel's own (wait4), and each figure is the median of all rounds. Ratios are of processor time, which other work on
the machine disturbs least: to `python -c pass`, what it costs at the least to be a Python program, and to
`keepalived -t` where that is installed.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from typing import NamedTuple

from bascule.model.base import Model, to_json

ADDRESSES = 40
"""Virtual addresses that the services share."""

SECONDS_MAX = 2.5
MEMORY_MAX = 130 * 2**20
START_RATIO_MAX = 8.0


class ProgramFigures(Model, frozen=True, kw_only=True):
    """One program on one file: medians."""

    program: str
    seconds: float
    """From start to end."""
    processor_seconds: float
    """In user space and kernel together."""
    memory: int
    """Most bytes resident."""


class FileFigures(Model, frozen=True, kw_only=True):
    """One file."""

    services: int
    lines: int
    programs: tuple[ProgramFigures, ...]
    ratio_to_python: float
    """`bascule check` to `python -c pass`, processor time."""
    ratio_to_keepalived: float | None = None
    """`bascule check` to `keepalived -t`, processor time; None where keepalived is not installed."""


class ConfigurationReport(Model, frozen=True, kw_only=True):
    """A whole run."""

    python: str
    rounds: int
    """Of which each figure is the median."""
    files: tuple[FileFigures, ...]


class Run(NamedTuple):
    """One process, from start to end."""

    seconds: float
    processor_seconds: float
    memory: int
    status: int


def services_text(count: int) -> str:
    """A clean file of `count` services with two real servers each."""
    addresses = [f"10.64.{index // 250}.{index % 250 + 1}" for index in range(min(count, ADDRESSES))]
    parts = [HEAD.format(addresses="\n        ".join(addresses))]
    for index in range(count):
        address, port = addresses[index % len(addresses)], 1024 + index // len(addresses)
        servers = "\n".join(
            SERVER.format(address=f"10.{65 + number}.{index // 250}.{index % 250 + 1}", port=port) for number in (0, 1)
        )
        parts.append(SERVICE.format(address=address, port=port, servers=servers))
    return "\n".join(parts) + "\n"


HEAD = """\
vrrp_instance VI_1 {{
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 100
    virtual_ipaddress {{
        {addresses}
    }}
}}"""

SERVICE = """\
virtual_server {address} {port} {{
    delay_loop 6
    lb_algo wlc
    lb_kind DR
    protocol TCP
{servers}
}}"""

SERVER = """\
    real_server {address} {port} {{
        weight 3
        TCP_CHECK {{
            connect_timeout 10
            retry 3
            delay_before_retry 3
            connect_port {port}
        }}
    }}"""


STARTER = """
import os, sys, time
nothing = os.open(os.devnull, os.O_RDWR)
before = time.monotonic()
process = os.posix_spawnp(
    sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, nothing, fd) for fd in (0, 1, 2)]
)
_, status, usage = os.wait4(process, 0)
print(time.monotonic() - before, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, status)
"""
"""Starts a program from a small process: a child's peak memory counts from its parent's at the start."""


def run(command: list[str]) -> Run:
    """One process to its end, its output thrown away. Raises CalledProcessError when there is no such program."""
    starter = [sys.executable, "-I", "-S", "-c", STARTER, *command]
    # As installed: modules compiled once, not at each start.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(starter, capture_output=True, check=True, env=environment)
    seconds, processor_seconds, memory, status = done.stdout.split()
    return Run(float(seconds), float(processor_seconds), int(memory), os.waitstatus_to_exitcode(int(status)))


def programs(path: pathlib.Path) -> dict[str, list[str]]:
    """The commands to compare, by name."""
    found = {
        "bascule check": [str(pathlib.Path(sys.executable).with_name("bascule")), "check", str(path)],
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    if shutil.which("keepalived") is not None:
        found["keepalived -t"] = ["keepalived", "-t", "-f", str(path)]
    return found


def measure(path: pathlib.Path, services: int, rounds: int, order: random.Random) -> FileFigures:
    """All programs on one file, in another order each round. Raises RuntimeError when bascule finds fault with it."""
    commands = programs(path)
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for command in commands.values():
        run(command)
    for _ in range(rounds):
        for name in order.sample(sorted(commands), len(commands)):
            runs[name].append(run(commands[name]))
            if name == "bascule check" and runs[name][-1].status:
                raise RuntimeError(f"{path}: bascule check ended with {runs[name][-1].status}")
    figures = {
        name: ProgramFigures(
            program=name,
            seconds=statistics.median(one.seconds for one in found),
            processor_seconds=statistics.median(one.processor_seconds for one in found),
            memory=int(statistics.median(one.memory for one in found)),
        )
        for name, found in runs.items()
    }
    ours, keepalived = figures["bascule check"].processor_seconds, figures.get("keepalived -t")
    return FileFigures(
        services=services,
        lines=path.read_text().count("\n"),
        programs=tuple(figures.values()),
        ratio_to_python=ours / figures["python -c pass"].processor_seconds,
        ratio_to_keepalived=ours / keepalived.processor_seconds if keepalived else None,
    )


def as_table(report: ConfigurationReport) -> str:
    """The report for people."""
    parts = [f"Python {report.python}, medians of {report.rounds} rounds"]
    for figures in report.files:
        parts.append(f"\n{figures.services} services x 2 real servers, {figures.lines} lines")
        parts += [
            f"  {one.program:<16} {one.seconds * 1e3:>9.1f} ms   processor {one.processor_seconds * 1e3:>9.1f} ms"
            f"   {one.memory / 2**20:>6.1f} MiB"
            for one in figures.programs
        ]
        ratio = f"  {figures.ratio_to_python:.1f} x python -c pass"
        if figures.ratio_to_keepalived is not None:
            ratio += f", {figures.ratio_to_keepalived:.1f} x keepalived -t"
        parts.append(ratio)
    return "\n".join([*parts, *(f"over the bound: {line}" for line in over(report))])


def over(report: ConfigurationReport) -> list[str]:
    """What is slower or larger than it may be: a large file in time and memory, a small one beside an empty Python."""
    found = []
    small, large = report.files
    ours = large.programs[0]
    if ours.processor_seconds > SECONDS_MAX:
        found.append(f"{ours.processor_seconds:.2f} s for {large.services} services (bound {SECONDS_MAX} s)")
    if ours.memory > MEMORY_MAX:
        found.append(f"{ours.memory / 2**20:.0f} MiB for {large.services} services (bound {MEMORY_MAX >> 20} MiB)")
    if small.ratio_to_python > START_RATIO_MAX:
        found.append(f"{small.ratio_to_python:.1f} x python -c pass for {small.lines} lines (bound {START_RATIO_MAX})")
    return found


def main() -> int:
    """Run it; 1 when a bound is not held."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--write", type=pathlib.Path, help="write the generated files there and end")
    arguments = parser.parse_args()
    texts = {2: services_text(2), arguments.services: services_text(arguments.services)}
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for services, text in texts.items():
            path = pathlib.Path(arguments.write or folder) / f"{services}-services.conf"
            path.write_text(text)
            # Small files are over quickly: more rounds make their medians steady.
            rounds = arguments.rounds * (5 if services == 2 else 1)
            if not arguments.write:
                files.append(measure(path, services, rounds, random.Random(services)))
    if arguments.write:
        return 0
    report = ConfigurationReport(python=sys.version.partition(" ")[0], rounds=arguments.rounds, files=tuple(files))
    print(as_table(report))
    if arguments.json:
        arguments.json.write_bytes(to_json(report) + b"\n")
    return 1 if over(report) else 0


if __name__ == "__main__":
    sys.exit(main())
