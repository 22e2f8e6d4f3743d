# SPDX-License-Identifier: Apache-2.0
"""The keepalived configuration language: text to typed model, with findings. Pure but for reading the files."""
