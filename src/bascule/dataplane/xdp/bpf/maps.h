// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every map, and what it is for. All but the per-CPU counters, the overflow and the relays are arrays that user
 * space mmaps.
 */
#ifndef BASCULE_MAPS_H
#define BASCULE_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "layout.h"

/* The number of lines of the table less one; the loader sets it, and the table's size. */
const volatile __u32 table_mask = 1;

/* Connections and persistence templates: lines of four slots, two candidate lines a key. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct line);
} table SEC(".maps");

/* Connections that found both of their lines full. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OVERFLOW_ENTRIES);
	__type(key, __u64);
	__type(value, struct slot);
} overflow SEC(".maps");

/* Seed, timeouts, layout version: one record that outlives the programs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

/* Address, port and protocol of a packet to a service's index; address alone to "is a service's". User space writes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, DIRECTORY_LINES);
	__type(key, __u32);
	__type(value, struct line);
} directory SEC(".maps");

/* Virtual services by index. User space writes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct service);
} services SEC(".maps");

/* The real servers of each service, in scheduling order. User space writes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct server_list);
} lists SEC(".maps");

/* Where rr and wrr stand in each service. The program writes; user space zeroes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct cursor);
} cursors SEC(".maps");

/* Real servers by index; one belongs to one service. User space writes, but for the counts of connections. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MAX_SERVERS);
	__type(key, __u32);
	__type(value, struct server);
} servers SEC(".maps");

/* The (interface, MAC) pairs whose frames are looked at. User space writes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct accepted_list);
} accepted SEC(".maps");

/* To whom frames without a connection go for a moment after a planned switch. User space writes; time ends it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_RELAYS);
	__type(key, struct relay_key);
	__type(value, struct relay);
} relays SEC(".maps");

/* Connections, packets and bytes of each real server. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_SERVERS);
	__type(key, __u32);
	__type(value, struct counters);
} server_counters SEC(".maps");

/* The same of each service. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct counters);
} service_counters SEC(".maps");

/* Packets by verdict, then incidents. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, VERDICTS + INCIDENTS);
	__type(key, __u32);
	__type(value, __u64);
} verdicts SEC(".maps");

/* Orders to the housekeeping program; it writes back what became of them. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MAX_REQUESTS);
	__type(key, __u32);
	__type(value, struct request);
} requests SEC(".maps");

#endif
