# SPDX-License-Identifier: Apache-2.0
"""Data planes: where virtual services and connections live, behind one interface (`plane.Plane`)."""
