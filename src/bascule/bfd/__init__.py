# SPDX-License-Identifier: Apache-2.0
"""Bidirectional forwarding detection (RFC 5880, RFC 5881): whether a neighbour can be reached, within milliseconds."""
