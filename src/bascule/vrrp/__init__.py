# SPDX-License-Identifier: Apache-2.0
"""VRRP: packets, the table of states, and the machine. Pure: no clock, no socket."""
