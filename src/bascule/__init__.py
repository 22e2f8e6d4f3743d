# SPDX-License-Identifier: Apache-2.0
"""Layer-4 load balancing and failover for Linux: virtual services, real servers, VRRP and health checks."""

__version__ = "0.1.0"
