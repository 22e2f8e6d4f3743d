# SPDX-License-Identifier: Apache-2.0
"""The network that the director's tests run in."""

from __future__ import annotations

import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from bascule.lab.network import Network
from bascule.lab.topologies import SEED
from tests.dataplane.xdp.bench import VIP, Bench, NamedServer, prepare


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> Iterator[Bench]:
    """The whole network; planes are destroyed and the file system unmounted at the end."""
    with Network(SEED) as network:
        bed = Bench(network, tmp_path / "run")
        for name in ("rs1", "rs2"):
            prepare(network.host(name))
            bed.servers[name] = NamedServer(network.host(name))
        network.host("d1").run(["ip", "address", "add", f"{VIP}/32", "dev", "eth0"])
        try:
            yield bed
        finally:
            for plane in bed.planes:
                with bed.director.entered():
                    plane.destroy()
            for server in bed.servers.values():
                server.close()
            subprocess.run(["umount", "-l", str(bed.run_dir / "bpf")], capture_output=True, check=False)
