# SPDX-License-Identifier: Apache-2.0
"""The values that every room speaks: frozen structs and enums, without behaviour that needs a clock or a socket."""
