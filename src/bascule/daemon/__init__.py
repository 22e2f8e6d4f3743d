# SPDX-License-Identifier: Apache-2.0
"""The running director: a supervisor, its roles, and the bus between them."""
