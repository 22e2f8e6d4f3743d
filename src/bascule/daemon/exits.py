# SPDX-License-Identifier: Apache-2.0
"""Exit statuses of a role's process, as the supervisor reads them. Everything else is a crash and is restarted."""

from __future__ import annotations

ORDERED = 0
"""Ended as told, or because the supervisor is gone."""

REFUSED = 3
"""This configuration or this machine cannot be served: starting again would change nothing."""

CRASHED = 70
"""A defect (EX_SOFTWARE of sysexits(3)); the log's `crashed` line has its traceback."""
