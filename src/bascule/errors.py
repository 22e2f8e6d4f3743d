# SPDX-License-Identifier: Apache-2.0
"""The tree of errors that users meet. Each prints as one line without a traceback; `exit_status` is the program's."""

from __future__ import annotations


class BasculeError(Exception):
    """Base of all errors that we raise on purpose."""

    exit_status = 1


class UsageError(BasculeError):
    """What was asked for makes no sense, or not here."""

    exit_status = 2


class ConfigurationError(BasculeError):
    """The configuration cannot be run."""

    exit_status = 2


class KernelRefusedError(BasculeError):
    """The kernel, or what it lacks, said no."""


class PeerMisbehavedError(BasculeError):
    """Another host sent what its protocol forbids."""
