// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Counting: per CPU for packets, atomically for the connections that a server has now. */
#ifndef BASCULE_COUNTERS_H
#define BASCULE_COUNTERS_H

#include "maps.h"

static __always_inline void count_one(__u32 index)
{
	__u64 *counter = bpf_map_lookup_elem(&verdicts, &index);

	if (counter)
		*counter += 1;
}

static __always_inline void count_verdict(enum verdict verdict)
{
	count_one(verdict);
}

static __always_inline void count_incident(enum incident incident)
{
	count_one(VERDICTS + incident);
}

static __always_inline void count_packet(__u32 service, __u32 server, __u32 bytes, __u32 connections)
{
	struct counters *of_service = bpf_map_lookup_elem(&service_counters, &service);
	struct counters *of_server = bpf_map_lookup_elem(&server_counters, &server);

	if (!of_service || !of_server)
		return;
	of_service->connections += connections;
	of_service->packets += 1;
	of_service->bytes += bytes;
	of_server->connections += connections;
	of_server->packets += 1;
	of_server->bytes += bytes;
}

/* Adds `change` (+1, -1) to the server's count that a slot with this meta belongs to. */
static __always_inline void account(__u32 meta, __s32 change)
{
	__u32 index = meta & META_SERVER_MASK;
	__u32 state = (meta & META_STATE_MASK) >> META_STATE_SHIFT;
	struct server *server = bpf_map_lookup_elem(&servers, &index);

	if (!server)
		return;
	if (meta & META_TEMPLATE)
		__sync_fetch_and_add(&server->persistent, change);
	else if (ACTIVE_STATES >> state & 1)
		__sync_fetch_and_add(&server->active, change);
	else
		__sync_fetch_and_add(&server->inactive, change);
}

#endif
