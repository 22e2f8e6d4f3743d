# SPDX-License-Identifier: Apache-2.0
"""The wheel's build hook: has the Makefile compile the BPF objects, so that who installs the wheel needs no compiler,
and puts the laboratory's example files in.

An editable install is left alone: there the Makefile's rule keeps the objects fresh.
"""

from __future__ import annotations

import pathlib
import subprocess
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OBJECTS = "src/bascule/dataplane/xdp/bpf"
EXAMPLES = ("keepalived.conf", "keepalived.backup.conf")


class BpfObjects(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's generic has no public argument
    """Compiles before a wheel is packed."""

    PLUGIN_NAME = "bpf-objects"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and name the objects as files of the wheel though version control ignores them."""
        if version != "standard":
            return
        subprocess.run(["make", "--silent", "bpf"], cwd=self.root, check=True)
        for path in sorted((pathlib.Path(self.root) / OBJECTS).glob("*.bpf.o")):
            relative = path.relative_to(self.root)
            build_data["force_include"][str(relative)] = str(relative.relative_to("src"))
        for name in EXAMPLES:
            build_data["force_include"][f"examples/{name}"] = f"bascule/lab/examples/{name}"
