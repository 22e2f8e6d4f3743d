# SPDX-License-Identifier: Apache-2.0
"""Which roles a configuration needs. A file without instances runs no vrrp process, and so on."""

from __future__ import annotations

from bascule.model.configuration import Configuration
from bascule.model.messages import Role
from bascule.notify import changes

START_ORDER: tuple[Role, ...] = (Role.PLANE, Role.CHECKS, Role.NOTIFY, Role.VRRP)
"""The plane's readiness is what vrrp waits for, so it gets a head start."""


def roles_needed(configuration: Configuration) -> tuple[Role, ...]:
    """The roles to run, in the order of their start.

    `notify` runs only where mail has a receiver and a server, or there are scripts or FIFOs: log lines are written by
    the role that they are about.
    """
    mail = configuration.globals.mail
    needed = {
        Role.VRRP: bool(configuration.instances) or configuration.has_statics,
        Role.PLANE: bool(configuration.virtual_servers),
        Role.CHECKS: any(rs.checks for vs in configuration.virtual_servers for rs in vs.real_servers),
        Role.NOTIFY: bool(mail.to and mail.server) or changes.is_wanted(configuration),
    }
    return tuple(role for role in START_ORDER if needed[role])
