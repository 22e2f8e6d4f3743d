# SPDX-License-Identifier: Apache-2.0
"""All keywords, declared: one file a block family."""
