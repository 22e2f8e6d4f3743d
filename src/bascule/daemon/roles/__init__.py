# SPDX-License-Identifier: Apache-2.0
"""One runner a role. Each module has `run(context: RoleContext) -> int`, called in a process of its own."""
