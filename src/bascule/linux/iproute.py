# SPDX-License-Identifier: Apache-2.0
"""ip(8) as a tool for what is set up once: namespaces, a real server's loopback. Not for what a running daemon does."""

from __future__ import annotations

import subprocess

import msgspec

from bascule.errors import KernelRefusedError
from bascule.model.base import Model

COMMAND_SECONDS = 10.0


class _Lenient(Model, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """ip(8) prints more with every release; what we do not read does not matter."""


class AddressInfo(_Lenient, frozen=True, kw_only=True):
    """An address of an interface."""

    family: str = ""
    local: str = ""
    prefixlen: int = 0


class LinkInfo(_Lenient, frozen=True, kw_only=True):
    """An interface with its addresses, as `ip -json address` prints it."""

    ifname: str = ""
    flags: tuple[str, ...] = ()
    addr_info: tuple[AddressInfo, ...] = ()


class RouteInfo(_Lenient, frozen=True, kw_only=True):
    """A route, as `ip -json route` prints it. A host's `dst` is its address without a prefix length."""

    dst: str = ""
    dev: str = ""


def ip(*arguments: str) -> str:
    """Run `ip ARGUMENTS` in the thread's network namespace; its output. Raises KernelRefusedError in ip's words."""
    command = ["ip", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    except FileNotFoundError as error:
        raise KernelRefusedError("ip(8) is missing: install iproute2") from error
    except subprocess.TimeoutExpired as error:
        raise KernelRefusedError(f"`{' '.join(command)}` did not end within {COMMAND_SECONDS:g} s") from error
    if done.returncode != 0:
        raise KernelRefusedError(f"`{' '.join(command)}`: {done.stderr.strip()}")
    return done.stdout


def links() -> tuple[LinkInfo, ...]:
    """Every interface with its IPv4 and IPv6 addresses. Raises KernelRefusedError."""
    return msgspec.json.decode(ip("-json", "address", "show"), type=tuple[LinkInfo, ...])


def routes() -> tuple[RouteInfo, ...]:
    """The IPv4 routes of the main table. Raises KernelRefusedError."""
    return msgspec.json.decode(ip("-json", "-4", "route", "show", "table", "main"), type=tuple[RouteInfo, ...])
