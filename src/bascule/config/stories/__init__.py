# SPDX-License-Identifier: Apache-2.0
"""The longer story of each finding, as data: a file a family; `library` reads them."""
