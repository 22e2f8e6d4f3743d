# SPDX-License-Identifier: Apache-2.0
"""The short-lived child that reads configuration files: `python -m bascule.daemon.parse OUTPUT-FD FILE ...`.

A file can be hostile or endless; here it meets limits on memory and processor time, and nothing of the daemon's.
What this machine lacks for the configuration (an interface) is found here too.
"""

from __future__ import annotations

import pathlib
import resource
import socket
import sys
from collections.abc import Iterator, Sequence

import msgspec

from bascule.config.loader import load
from bascule.daemon.parsed import Parsed
from bascule.linux.iproute2 import listed_names
from bascule.model.base import pack
from bascule.model.configuration import Configuration

MEMORY_MAX = 1 << 30
"""Bytes of address space; 10,000 services need a tenth."""

PROCESSOR_SECONDS_MAX = 60


def main(arguments: Sequence[str]) -> int:
    """Parse the files and write the result; the exit status says only whether that went well."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS_MAX, PROCESSOR_SECONDS_MAX))
    loaded = load([pathlib.Path(name) for name in arguments[1:]], names=listed_names())
    parsed = Parsed(
        configuration=None if loaded.configuration is None else pack(loaded.configuration),
        diagnostics=loaded.diagnostics,
        missing=() if loaded.configuration is None else tuple(missing(loaded.configuration)),
        idle=loaded.configuration is not None and is_idle(loaded.configuration),
    )
    with open(int(arguments[0]), "wb") as output:
        output.write(msgspec.msgpack.encode(parsed))
    return 0


def is_idle(configuration: Configuration) -> bool:
    """Whether there is nothing in it for a director to do."""
    return not (configuration.instances or configuration.virtual_servers or configuration.has_statics)


def missing(configuration: Configuration) -> Iterator[str]:
    """Each interface that the configuration names and the machine does not have, with who needs it."""
    present = {name for _, name in socket.if_nameindex()}
    for instance in configuration.instances:
        listed = (*instance.virtual_addresses, *instance.excluded_addresses)
        wanted = [instance.interface, *(a.device for a in listed if a.device)]
        for name in dict.fromkeys(wanted):
            if name not in present:
                yield f"vrrp_instance {instance.name}: interface {name} does not exist"
    for name in configuration.options.xdp_interfaces:
        if name not in present:
            yield f"bascule: xdp_interface {name} does not exist"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
