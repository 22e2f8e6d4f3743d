# SPDX-License-Identifier: Apache-2.0
"""Sections of values into the typed model, one module a block family, with the checks of meaning on the way."""
